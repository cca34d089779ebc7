//! log.signed, log.grew, log.complete and verifier.self: the signed checkpoint, and every entry under it.

mod kept;
mod order;
mod witnessed;

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

pub(super) use kept::Kept;
use order::Order;

use super::{AuditRequest, CheckId, Evidence, Place, evidence::Source, report::Findings};
use crate::{
    checkpoint::{CHECKPOINT_MAX, Checkpoint},
    entry::{Accrual, BlockFound, Conclusion, Entry, EpochClose, EpochOpen, Liabilities, Manifest, Payout, Settlement},
    hash::{BlockHash, Hash32},
    life::LoggedContract,
    merkle::{Frontier, leaf_hash},
    policy::{Cosigned, Judged},
    scheme::{FeesPpm, Hashprice},
    tile::{BUNDLE_MAX, bundles, entries_path, split_bundle},
};

/// What the entries say, in order: compact facts, some 600 bytes an epoch, instead of the entries themselves.
pub(super) struct Log {
    /// The head everything is judged under.
    pub(super) checkpoint: Checkpoint,
    /// Who cosigned it.
    pub(super) cosigned: Vec<Cosigned>,
    /// With their leaf index, as everything below, in log order.
    pub(super) manifests: Vec<(u64, Manifest)>,
    /// Contracts.
    pub(super) contracts: Vec<LoggedContract>,
    /// Epochs from 1.
    pub(super) epochs: Vec<LogEpoch>,
    /// Found blocks.
    pub(super) blocks: Vec<(u64, BlockFound)>,
    /// What became of blocks, and whether that is that they matured.
    pub(super) fates: Vec<(u64, BlockHash, bool)>,
    /// Settlements.
    pub(super) settlements: Vec<(u64, Settlement)>,
    /// Accruals.
    pub(super) accruals: Vec<(u64, Accrual)>,
    /// Conclusions.
    pub(super) conclusions: Vec<(u64, Conclusion)>,
    /// Fee rates of the chain's blocks.
    pub(super) fees: Vec<(u64, FeesPpm)>,
    /// What hashrate could be expected to earn.
    pub(super) hashprices: Vec<(u64, Hashprice)>,
    /// Payouts.
    pub(super) payouts: Vec<(u64, Payout)>,
    /// Lists of what is owed.
    pub(super) liabilities: Vec<(u64, Liabilities)>,
}

/// An epoch as the log tells it.
pub(super) struct LogEpoch {
    pub(super) open: EpochOpen,
    /// Leaf index of `open`.
    pub(super) open_index: u64,
    /// Root of the tree that ends with `open`.
    pub(super) root: Hash32,
    /// With its leaf index; `None` while the epoch runs.
    pub(super) close: Option<(u64, EpochClose)>,
    /// Root of the tree that ends with `close`.
    pub(super) close_root: Hash32,
}

impl Log {
    /// Nothing of the log is read yet.
    pub(super) fn new(checkpoint: Checkpoint) -> Self {
        let (manifests, contracts, epochs) = (Vec::new(), Vec::new(), Vec::new());
        let (blocks, fates, settlements) = (Vec::new(), Vec::new(), Vec::new());
        let (accruals, conclusions, fees) = (Vec::new(), Vec::new(), Vec::new());
        let (payouts, liabilities) = (Vec::new(), Vec::new());
        Self {
            checkpoint,
            cosigned: Vec::new(),
            manifests,
            contracts,
            epochs,
            blocks,
            fates,
            settlements,
            accruals,
            conclusions,
            fees,
            hashprices: Vec::new(),
            payouts,
            liabilities,
        }
    }

    /// Path of the entry bundle that holds the entry at a leaf index.
    pub(super) fn file_of(&self, index: u64) -> String {
        entry_file(self.checkpoint.size, index)
    }

    /// The manifest in force at a leaf index.
    pub(super) fn manifest_before(&self, index: u64) -> Option<&Manifest> {
        let before = self.manifests.partition_point(|(at, _)| *at < index);
        self.manifests.get(..before)?.last().map(|(_, manifest)| manifest)
    }

    /// The newest fee rate before a leaf index, with its own.
    pub(super) fn fees_before(&self, index: u64) -> Option<(u64, FeesPpm)> {
        let before = self.fees.partition_point(|(at, _)| *at < index);
        self.fees.get(..before)?.last().copied()
    }

    /// Epochs that opened between two leaf indices.
    pub(super) fn opened_between(&self, from: u64, until: u64) -> u64 {
        let opened_before = |index: u64| self.epochs.partition_point(|epoch| epoch.open_index < index) as u64;
        opened_before(until).saturating_sub(opened_before(from))
    }

    /// When an epoch ended, Unix ms: when the next one began, or what the log's last close says.
    pub(super) fn end_ms(&self, epoch: &LogEpoch) -> Option<u64> {
        let next = usize::try_from(epoch.open.epoch).ok().and_then(|next| self.epochs.get(next));
        next.map(|next| next.open.start_ms).or(epoch.close.as_ref().and_then(|(_, close)| close.end_ms))
    }
}

/// Reads the log under its newest checkpoint. `None` when there is nothing to go on with.
pub(super) async fn read<E: Evidence>(
    source: &mut Source<'_, E>,
    request: &AuditRequest,
    findings: &mut Findings,
) -> Option<Log> {
    let newest = signed_checkpoint(source, "log/checkpoint", request, findings).await?;
    if !request.policy.is_met(&newest, |_| true) {
        let expected = format!("cosigned by {}", request.policy.quorum_text());
        findings.fail(CheckId::LogSigned, Place::new("log/checkpoint", None, expected, newest.witnesses()));
        return None;
    }
    let checkpoint = newest.checkpoint.clone();
    let log = read_entries(source, &checkpoint, request, findings).await?;
    let log = Log { cosigned: newest.cosigned.clone(), ..log };
    witnessed::newest_is_recent(&log, &newest, &request.policy, findings);
    let witnessed = if newest.cosigned.is_empty() { "" } else { ", cosigned by " };
    let witnesses = if newest.cosigned.is_empty() { String::new() } else { newest.witnesses() };
    findings.note(CheckId::LogSigned, format!("signed by {}{witnessed}{witnesses}", newest.log));
    let (size, epochs) = (log.checkpoint.size, log.epochs.len());
    findings.note(CheckId::LogComplete, format!("{size} entries, {epochs} epochs"));
    Some(log)
}

/// verifier.self: the WASM that runs is one of those in the newest manifest.
pub(super) fn verifier_is_published(log: &Log, request: &AuditRequest, findings: &mut Findings) {
    let check = CheckId::VerifierSelf;
    let Some(own) = request.wasm_sha256 else {
        return findings.not_applicable(check, "this verifier is not a page's WASM");
    };
    let manifest = log.manifest_before(log.checkpoint.size);
    let published = manifest.map_or(&[][..], |manifest| &manifest.verifier_wasm_sha256);
    findings.note(check, format!("SHA-256 {own}"));
    if !published.contains(&own) {
        let published = published.iter().map(Hash32::to_string).collect::<Vec<_>>().join(", ");
        let expected = format!("a verifier of the newest manifest: [{published}]");
        findings.fail(check, Place::new("log/tile/entries", None, expected, own.to_string()));
    }
}

/// A checkpoint of the policy's logs, its cosignatures verified but not asked for.
async fn signed_checkpoint<E: Evidence>(
    source: &mut Source<'_, E>,
    path: &str,
    request: &AuditRequest,
    findings: &mut Findings,
) -> Option<Judged> {
    let check = CheckId::LogSigned;
    let note = source.fetch(path, CHECKPOINT_MAX as u64, check, findings).await?;
    match request.policy.judge_log(&note) {
        Ok(judged) => Some(judged),
        Err(error) => {
            let logs: Vec<String> = request.policy.logs().iter().map(|log| log.vkey.to_string()).collect();
            let expected = format!("a checkpoint signed by {}", logs.join(" or "));
            findings.fail(check, Place::new(path, None, expected, error.to_string()));
            None
        }
    }
}

/// What the entries say. `None` unless they are what was signed, and in order.
async fn read_entries<E: Evidence>(
    source: &mut Source<'_, E>,
    checkpoint: &Checkpoint,
    request: &AuditRequest,
    findings: &mut Findings,
) -> Option<Log> {
    let check = CheckId::LogComplete;
    let (mut order, mut disorder, mut frontier) = (Order::new(checkpoint), None, Frontier::new());
    let mut seen = Seen::of(request);
    for (index, width) in bundles(checkpoint.size) {
        let path = format!("log/{}", entries_path(index, width));
        let bundle = source.fetch(&path, BUNDLE_MAX as u64, check, findings).await?;
        let split = match split_bundle(&bundle, width) {
            Ok(split) => split,
            Err(at) => {
                findings.fail(check, Place::new(path, Some(at as u64), format!("{width} entries"), "malformed"));
                return None;
            }
        };
        for bytes in split {
            let leaf = frontier.size();
            frontier.push(leaf_hash(bytes));
            seen.look(&frontier);
            match Entry::from_bytes(bytes) {
                Ok(entry) if disorder.is_none() => disorder = order.take(leaf, entry, &frontier).err(),
                Ok(_) => {}
                Err(error) => {
                    findings.fail(check, Place::new(path, Some(leaf), "an entry", error.to_string()));
                    return None;
                }
            }
        }
    }
    if frontier.root() != checkpoint.root {
        let expected = format!("root {}", checkpoint.root);
        findings.fail(check, Place::new("log/tile/entries", None, expected, frontier.root().to_string()));
        return None;
    }
    if let Some(place) = disorder {
        findings.fail(check, place);
        return None;
    }
    seen.log_grew(checkpoint, findings);
    Some(order.into_log())
}

/// log.grew: the checkpoint that this verifier saw last, looked for while the log is read.
struct Seen<'a> {
    remembered: Option<&'a Checkpoint>,
    /// The root of this log at the remembered size.
    now: Option<Hash32>,
}

impl<'a> Seen<'a> {
    fn of(request: &'a AuditRequest) -> Self {
        let remembered = request.remembered.as_ref();
        let empty = remembered.is_some_and(|seen| seen.size == 0);
        Self { remembered, now: empty.then(crate::merkle::empty_root) }
    }

    fn look(&mut self, frontier: &Frontier) {
        if self.remembered.is_some_and(|seen| seen.size == frontier.size()) {
            self.now = Some(frontier.root());
        }
    }

    fn log_grew(&self, checkpoint: &Checkpoint, findings: &mut Findings) {
        let check = CheckId::LogGrew;
        let Some(seen) = self.remembered else {
            return findings.not_applicable(check, "no earlier checkpoint is remembered");
        };
        findings.note(check, format!("the checkpoint of size {} is part of this log", seen.size));
        let now = self.now.map_or("a shorter log".to_string(), |root| root.to_string());
        findings.equal(check, "log/checkpoint", "origin", &seen.origin, &checkpoint.origin);
        findings.equal(check, "log/checkpoint", "root", &seen.root.to_string(), &now);
    }
}

fn entry_file(size: u64, index: u64) -> String {
    let bundle = index / crate::tile::TILE_WIDTH;
    let width = crate::tile::TILE_WIDTH.min(size - bundle * crate::tile::TILE_WIDTH);
    format!("log/{}", entries_path(bundle, width))
}
