//! The chain's side: chain.linked, and what the chain says of jobs, times and blocks.
//!
//! The archived chain is read first, period by period: its headers stay (80 bytes each), its coinbases pass by once. Then
//! each epoch's jobs are looked up in it, and the anchors of each epoch are held against the coinbases that nobody
//! reported. When chain.linked fails, nothing else is judged by the chain.

mod blocks;
mod jobs;
mod price;
mod read;
mod side;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

use super::{AuditRequest, CheckId, Evidence, JobsOnBlock, Place, evidence::Source, log::Log, report::Findings};
use crate::{
    chain::{HeaderChain, Network, PERIOD, SideHeaders, headers_path, period_of},
    hash::BlockHash,
    policy::Policy,
    work::Sats,
};
use blocks::Unreported;

/// The archive begins this far below the tip of the first `epoch_open`.
const BELOW_FIRST_TIP: u32 = 100;

/// The archived chain, and what is to be looked up in it yet.
pub(super) struct ChainSide<'a> {
    log: &'a Log,
    archive: Option<Archive>,
}

/// Right headers, and what is known off the best chain.
struct Archive {
    headers: HeaderChain,
    side: SideHeaders,
    unreported: Unreported,
    /// What each coinbase pays, from the first header on; empty unless the log has inputs that depend on them.
    rewards: Vec<Sats>,
}

impl<'a> ChainSide<'a> {
    /// Reads the archive, and judges what the log says of blocks by it.
    pub(super) async fn read<E: Evidence>(
        source: &mut Source<'_, E>,
        log: &'a Log,
        request: &AuditRequest,
        findings: &mut Findings,
    ) -> Self {
        let check = CheckId::ChainLinked;
        let Some(first) = log.epochs.first() else {
            findings.not_applicable(check, "no epoch has opened yet");
            return Self { log, archive: None };
        };
        source.begin_chain();
        let first_period = period_of(first.open.chain.height.saturating_sub(BELOW_FIRST_TIP));
        let watch = blocks::Watch::of(log);
        let read = match network_of(log) {
            Ok(network) => read::periods(source, network, first_period, &watch).await,
            Err(place) => Err(place),
        };
        let read = read.and_then(|(headers, seen)| is_pinned(&headers, &request.policy).map(|()| (headers, seen)));
        let archive = match read {
            Ok((headers, mut seen)) => {
                findings.note(check, told(&headers, &request.policy));
                blocks::fates(&watch, &headers, findings);
                let rewards = core::mem::take(&mut seen.rewards);
                let unreported = seen.judge(log, findings);
                Some(Archive { headers, side: SideHeaders::default(), unreported, rewards })
            }
            Err(place) => {
                findings.fail(check, place);
                None
            }
        };
        Self { log, archive }
    }

    /// Merkle roots of those of the blocks that are on the best chain; none when the chain is not known.
    pub(super) fn merkle_roots(&self, blocks: &BTreeSet<BlockHash>) -> BTreeMap<BlockHash, [u8; 32]> {
        let Some(Archive { headers, .. }) = &self.archive else { return BTreeMap::new() };
        let root = |height| {
            let hash = headers.hash_at(height).filter(|hash| blocks.contains(hash))?;
            Some((hash, headers.header(height)?.merkle_root))
        };
        (headers.start()..headers.next_height()).filter_map(root).collect()
    }
}

/// The network of the log: one, whose rules are known.
fn network_of(log: &Log) -> Result<Network, Place> {
    let mut networks = log.manifests.iter().map(|(index, manifest)| (*index, manifest.network.as_str()));
    let (index, name) = networks.next().unwrap_or((0, ""));
    if let Some((index, other)) = networks.find(|(_, other)| *other != name) {
        return Err(Place::new(log.file_of(index), Some(index), format!("the network {name}"), other));
    }
    let known = "bitcoin, testnet4, signet or regtest";
    Network::of_manifest(name).ok_or_else(|| Place::new(log.file_of(index), Some(index), known, name))
}

/// The header that the policy names is part of this chain.
fn is_pinned(headers: &HeaderChain, policy: &Policy) -> Result<(), Place> {
    let Some(start) = policy.chain_start() else { return Ok(()) };
    let found = headers.hash_at(start.height);
    if found == Some(start.hash) {
        return Ok(());
    }
    let file = headers_path(period_of(start.height));
    let expected = format!("the policy's header {} at height {}", start.hash, start.height);
    let found = found.map_or_else(|| "no header at that height".into(), |found| format!("{found}"));
    Err(Place::new(file, Some((start.height % PERIOD).into()), expected, found))
}

/// What the chain is, and why it is believed.
fn told(headers: &HeaderChain, policy: &Policy) -> String {
    let Some((height, hash)) = headers.tip() else { return "no headers".into() };
    let from = match (policy.chain_start(), headers.start()) {
        (Some(start), _) => format!("linked to the policy's header at height {}", start.height),
        (None, 0) if headers.network().genesis().is_some() => "from the network's genesis block".into(),
        (None, start) => {
            format!("from height {start}, where the first header is believed because the evidence gives it")
        }
    };
    format!("{from} to height {height}, {hash}")
}
