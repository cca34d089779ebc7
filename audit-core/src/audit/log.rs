//! log.signed, log.grew, log.complete and verifier.self: the signed checkpoint, and every entry under it.

mod order;
mod witnessed;

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{AuditRequest, CheckId, Evidence, Place, evidence::Source, report::Findings};
use crate::{
    checkpoint::{CHECKPOINT_MAX, Checkpoint},
    entry::{BlockFound, Entry, EpochClose, EpochOpen, Manifest, Settlement},
    hash::Hash32,
    merkle::{Frontier, leaf_hash},
    policy::Judged,
    tile::{BUNDLE_MAX, bundles, checkpoint_path, entries_path, split_bundle},
};

/// The log, read and in order.
pub(super) struct Log {
    /// The head everything is judged under.
    pub(super) checkpoint: Checkpoint,
    /// All entries, by leaf index.
    pub(super) entries: Vec<Entry>,
    /// Epochs from 1, in order.
    pub(super) epochs: Vec<LogEpoch>,
    /// Found blocks, in log order.
    pub(super) blocks: Vec<(u64, BlockFound)>,
    /// Settlements with their leaf index, in log order.
    pub(super) settlements: Vec<(u64, Settlement)>,
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
}

impl Log {
    /// Path of the entry bundle that holds the entry at a leaf index.
    pub(super) fn file_of(&self, index: u64) -> String {
        entry_file(self.checkpoint.size, index)
    }

    /// The manifest in force at a leaf index.
    pub(super) fn manifest_before(&self, index: u64) -> Option<&Manifest> {
        let before = self.entries.get(..usize::try_from(index).ok()?)?;
        before.iter().rev().find_map(|entry| match entry {
            Entry::Manifest(manifest) => Some(manifest),
            _ => None,
        })
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
    let (entries, roots) = read_entries(source, &checkpoint, findings).await?;
    let log = order::arrange(checkpoint, entries, &roots, findings)?;
    kept_checkpoints_agree(source, &log, &roots, request, findings).await;
    witnessed::newest_is_recent(&log, &newest, &request.policy, findings);
    log_grew(&log, &roots, request, findings);
    let witnessed = if newest.cosigned.is_empty() { "" } else { ", cosigned by " };
    let witnesses = if newest.cosigned.is_empty() { String::new() } else { newest.witnesses() };
    findings.note(CheckId::LogSigned, format!("signed by {}{witnessed}{witnesses}", newest.log));
    let (size, epochs) = (log.checkpoint.size, log.epochs.len());
    findings.note(CheckId::LogComplete, format!("{size} entries, {epochs} epochs"));
    Some(log)
}

/// verifier.self: the WASM that runs is the one in the newest manifest.
pub(super) fn verifier_is_published(log: &Log, request: &AuditRequest, findings: &mut Findings) {
    let check = CheckId::VerifierSelf;
    let Some(own) = request.wasm_sha256 else {
        return findings.not_applicable(check, "this verifier is not a page's WASM");
    };
    let published = log.manifest_before(log.checkpoint.size).and_then(|manifest| manifest.verifier_wasm_sha256);
    let published = published.map_or("none".to_string(), |hash| hash.to_string());
    findings.note(check, format!("SHA-256 {own}"));
    findings.equal(check, "log/tile/entries", "verifier", &published, &own.to_string());
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

/// The entries and, for each, the root of the tree that ends with it. `None` unless they are what was signed.
async fn read_entries<E: Evidence>(
    source: &mut Source<'_, E>,
    checkpoint: &Checkpoint,
    findings: &mut Findings,
) -> Option<(Vec<Entry>, Vec<Hash32>)> {
    let check = CheckId::LogComplete;
    let (mut entries, mut roots, mut frontier) = (Vec::new(), Vec::new(), Frontier::new());
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
            frontier.push(leaf_hash(bytes));
            roots.push(frontier.root());
            match Entry::from_bytes(bytes) {
                Ok(entry) => entries.push(entry),
                Err(error) => {
                    let leaf = roots.len() as u64 - 1;
                    findings.fail(check, Place::new(path, Some(leaf), "an entry", error.to_string()));
                    return None;
                }
            }
        }
    }
    if frontier.root() == checkpoint.root {
        return Some((entries, roots));
    }
    let expected = format!("root {}", checkpoint.root);
    findings.fail(check, Place::new("log/tile/entries", None, expected, frontier.root().to_string()));
    None
}

/// The checkpoints kept for the opening and sealing of epochs are of this very log.
async fn kept_checkpoints_agree<E: Evidence>(
    source: &mut Source<'_, E>,
    log: &Log,
    roots: &[Hash32],
    request: &AuditRequest,
    findings: &mut Findings,
) {
    let closes = log.epochs.iter().filter_map(|epoch| epoch.close.as_ref().map(|(index, _)| *index));
    let opens = log.epochs.iter().map(|epoch| epoch.open_index);
    let mut times = witnessed::Times::new(log, &request.policy);
    for index in opens.chain(closes) {
        let path = format!("log/{}", checkpoint_path(index + 1));
        let Some(kept) = signed_checkpoint(source, &path, request, findings).await else { continue };
        let root = usize::try_from(index).ok().and_then(|index| roots.get(index)).copied().unwrap_or_default();
        times.judge(index, &kept, findings);
        let kept = kept.checkpoint;
        findings.equal(CheckId::LogSigned, &path, "origin", &log.checkpoint.origin, &kept.origin);
        findings.equal(CheckId::LogSigned, &path, "size", &(index + 1), &kept.size);
        findings.equal(CheckId::LogSigned, &path, "root", &root, &kept.root);
    }
    times.tell(findings);
}

fn log_grew(log: &Log, roots: &[Hash32], request: &AuditRequest, findings: &mut Findings) {
    let check = CheckId::LogGrew;
    let Some(seen) = &request.remembered else {
        return findings.not_applicable(check, "no earlier checkpoint is remembered");
    };
    findings.note(check, format!("the checkpoint of size {} is part of this log", seen.size));
    let now = match seen.size.checked_sub(1) {
        None => Some(crate::merkle::empty_root()),
        Some(last) => usize::try_from(last).ok().and_then(|last| roots.get(last)).copied(),
    };
    let now = now.map_or("a shorter log".to_string(), |root| root.to_string());
    findings.equal(check, "log/checkpoint", "origin", &seen.origin, &log.checkpoint.origin);
    findings.equal(check, "log/checkpoint", "root", &seen.root.to_string(), &now);
}

fn entry_file(size: u64, index: u64) -> String {
    let bundle = index / crate::tile::TILE_WIDTH;
    let width = crate::tile::TILE_WIDTH.min(size - bundle * crate::tile::TILE_WIDTH);
    format!("log/{}", entries_path(bundle, width))
}
