//! block.all by the chain: what is reported is there with its reward, matured or orphaned as said, and nothing of the
//! pool's is there that is not reported.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{CheckId, Findings, Log, Place};
use crate::{
    chain::{AnyCoinbase, HeaderChain, PERIOD, coinbases_path, period_of},
    entry::BlockFound,
    epoch::Anchors,
    hash::{BlockHash, Hash32},
    work::{Level, Sats},
};

/// Blocks on top before a coinbase can be spent (Bitcoin Core, COINBASE_MATURITY).
const MATURITY: u32 = 100;
/// Epochs that may open between the moment a block's fate can be known and the entry that says it.
const DECIDED_WITHIN: usize = 2;
/// Blocks this near to the tip of an open epoch's beginning may still be replaced by that epoch's own.
const UNSETTLED: u32 = 6;

/// What coinbases are looked at for.
pub(super) struct Watch<'a> {
    log: &'a Log,
    /// The reported blocks with the leaf index of their `block_found`.
    reported: BTreeMap<BlockHash, (u64, BlockFound)>,
    /// The pool's scripts, and the height above which a block that pays one is the pool's.
    scripts: BTreeMap<&'a [u8], u32>,
}

/// What the coinbases have to do with the log.
#[derive(Default)]
pub(super) struct Seen {
    /// Reported blocks that are otherwise on the chain.
    misreported: Vec<Place>,
    /// Blocks that nobody reported.
    unreported: Vec<Sighting>,
    /// What each coinbase pays; empty unless the log has fee rates.
    pub(super) rewards: Vec<Sats>,
}

/// An unreported block that pays the pool, or carries an anchor of whatever log.
struct Sighting {
    height: u32,
    hash: BlockHash,
    pays: Option<Sats>,
    anchors: Vec<Hash32>,
}

/// Unreported blocks by the anchors they carry: should one be of a closed epoch, the block was hidden.
#[derive(Default)]
pub(super) struct Unreported(BTreeMap<Hash32, (u32, BlockHash)>);

impl<'a> Watch<'a> {
    pub(super) fn of(log: &'a Log) -> Self {
        let reported = log.blocks.iter().map(|(index, block)| (block.hash, (*index, *block))).collect();
        let mut scripts = BTreeMap::new();
        for (index, manifest) in &log.manifests {
            let Some(first) = log.epochs.iter().find(|epoch| epoch.open_index > *index) else { continue };
            for script in &manifest.payout_scripts {
                scripts.entry(&*script.0).or_insert(first.open.chain.height);
            }
        }
        Self { log, reported, scripts }
    }

    /// What the coinbase of a block at this height pays to the pool's scripts.
    fn paid(&self, height: u32, coinbase: &AnyCoinbase) -> Option<Sats> {
        let is_ours = |script: &[u8]| self.scripts.get(script).is_some_and(|above| height > *above);
        let ours = coinbase.outputs.iter().filter(|output| is_ours(&output.script)).map(|output| output.sats);
        // The sum of all outputs is known to be one of sats.
        let sum = ours.fold(Sats::ZERO, |sum, sats| sum.checked_add(sats).unwrap_or(sum));
        (sum > Sats::ZERO).then_some(sum)
    }
}

impl Seen {
    /// Looks at the coinbase of one block of the best chain.
    pub(super) fn look(&mut self, watch: &Watch<'_>, height: u32, hash: BlockHash, coinbase: &AnyCoinbase) {
        if !(watch.log.fees.is_empty() && watch.log.hashprices.is_empty()) {
            self.rewards.push(coinbase.reward);
        }
        if let Some((index, block)) = watch.reported.get(&hash) {
            if (block.height, block.reward_sats) != (height, coinbase.reward) {
                let expected = format!("block {hash} at height {height} with {} sats", coinbase.reward);
                let found = format!("height {} with {} sats", block.height, block.reward_sats);
                self.misreported.push(Place::new(watch.log.file_of(*index), Some(*index), expected, found));
            }
            return;
        }
        let (pays, anchors) = (watch.paid(height, coinbase), coinbase.anchors().collect::<Vec<_>>());
        if pays.is_some() || !anchors.is_empty() {
            self.unreported.push(Sighting { height, hash, pays, anchors });
        }
    }

    /// Adds what was seen further on.
    pub(super) fn add(&mut self, other: Self) {
        self.misreported.extend(other.misreported);
        self.unreported.extend(other.unreported);
        self.rewards.extend(other.rewards);
    }

    /// Tells what is wrong by the chain alone; what is left has to be held against the epochs' anchors.
    pub(super) fn judge(self, log: &Log, findings: &mut Findings) -> Unreported {
        for place in self.misreported {
            findings.fail(CheckId::BlockAll, place);
        }
        let settled = settled_height(log);
        let mut left = Unreported::default();
        for Sighting { height, hash, pays, anchors } in self.unreported {
            match pays {
                Some(sats) if settled.is_some_and(|settled| height <= settled) => {
                    let found = format!("none, and it pays {sats} sats to a payout script");
                    findings.fail(CheckId::BlockAll, hidden(height, &hash, found));
                }
                _ => left.0.extend(anchors.into_iter().map(|anchor| (anchor, (height, hash)))),
            }
        }
        left
    }
}

impl Unreported {
    /// No unreported block carries an anchor of this closed epoch, at whatever level.
    pub(super) fn check(&mut self, epoch: u64, mut anchors: Anchors, findings: &mut Findings) {
        if self.0.is_empty() {
            return;
        }
        for level in (Level::MIN.get()..=Level::MAX.get()).filter_map(Level::new) {
            if let Some((height, hash)) = self.0.remove(&anchors.hash(level)) {
                let found = format!("none, and it carries the anchor of epoch {epoch} at level {}", level.get());
                findings.fail(CheckId::BlockAll, hidden(height, &hash, found));
            }
        }
    }
}

/// Blocks that matured are on the chain and deep, orphaned ones are not there, and nobody keeps a fate back.
pub(super) fn fates(watch: &Watch<'_>, headers: &HeaderChain, findings: &mut Findings) {
    let log = watch.log;
    let decided: BTreeMap<BlockHash, u64> = log.fates.iter().map(|(index, hash, _)| (*hash, *index)).collect();
    for (index, hash, matured) in &log.fates {
        let Some((_, block)) = watch.reported.get(hash) else { continue };
        if let Err((expected, found)) = fate(headers, block, *matured) {
            findings.fail(CheckId::BlockAll, Place::new(log.file_of(*index), Some(*index), expected, found));
        }
    }
    for (found_index, block) in watch.reported.values() {
        let deep = |height: u32| height >= block.height.saturating_add(MATURITY);
        let behind = log.epochs.partition_point(|epoch| epoch.open_index < *found_index);
        let mut opens = log.epochs.iter().skip(behind);
        let knows = opens.by_ref().find(|epoch| deep(epoch.open.chain.height));
        let Some(last) = knows.and_then(|_| opens.nth(DECIDED_WITHIN)) else { continue };
        if decided.get(&block.hash).is_none_or(|index| *index > last.open_index) {
            let expected = format!("block_matured or block_orphaned of {} before this entry", block.hash);
            let place = Place::new(log.file_of(last.open_index), Some(last.open_index), expected, "none");
            findings.fail(CheckId::BlockAll, place);
        }
    }
}

fn fate(headers: &HeaderChain, block: &BlockFound, matured: bool) -> Result<(), (String, String)> {
    let at_height = headers.hash_at(block.height);
    let is_there = at_height == Some(block.hash);
    let there = at_height.map_or("no block".to_string(), |hash| hash.to_string());
    let place = format!("height {} of the best chain", block.height);
    let on_top = headers.tip().map_or(0, |(tip, _)| tip.saturating_sub(block.height));
    match matured {
        true if !is_there => Err((format!("matured block {} at {place}", block.hash), there)),
        true if on_top < MATURITY => Err((format!("{MATURITY} blocks on top of {}", block.hash), on_top.to_string())),
        false if is_there => Err((format!("another block than the orphaned one at {place}"), there)),
        _ => Ok(()),
    }
}

/// Up to here a block that pays the pool is of an epoch that is closed.
fn settled_height(log: &Log) -> Option<u32> {
    let open = log.epochs.iter().find(|epoch| epoch.close.is_none()).or(log.epochs.last());
    open.and_then(|epoch| epoch.open.chain.height.checked_sub(UNSETTLED))
}

fn hidden(height: u32, hash: &BlockHash, found: String) -> Place {
    let file = coinbases_path(period_of(height));
    Place::new(file, Some((height % PERIOD).into()), format!("block_found of {hash} at height {height}"), found)
}
