//! log.complete: the entries' order, which nothing may be missing from.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{CheckId, Findings, Log, LogEpoch, Place, entry_file};
use crate::{
    checkpoint::Checkpoint,
    entry::{BlockFound, ContractOpen, Entry, EpochClose, EpochOpen, Settlement},
    hash::Hash32,
};

/// Puts the entries in their places. `None` when their order is not that of a log.
pub(super) fn arrange(
    checkpoint: Checkpoint,
    entries: Vec<Entry>,
    roots: &[Hash32],
    findings: &mut Findings,
) -> Option<Log> {
    let mut order = Order::default();
    for (index, (entry, root)) in entries.iter().zip(roots).enumerate() {
        let index = index as u64;
        if let Err((expected, found)) = order.take(index, entry, *root) {
            let place = Place::new(entry_file(checkpoint.size, index), Some(index), expected, found);
            findings.fail(CheckId::LogComplete, place);
            return None;
        }
    }
    let Order { epochs, blocks, settlements, .. } = order;
    Some(Log { checkpoint, entries, epochs, blocks, settlements })
}

/// What was expected, and what was found.
type Disorder = (String, String);

#[derive(Default)]
struct Order {
    has_manifest: bool,
    closed: bool,
    ended: bool,
    terms: BTreeSet<u64>,
    contracts: BTreeSet<Hash32>,
    epochs: Vec<LogEpoch>,
    blocks: Vec<(u64, BlockFound)>,
    settlements: Vec<(u64, Settlement)>,
}

impl Order {
    fn take(&mut self, index: u64, entry: &Entry, root: Hash32) -> Result<(), Disorder> {
        demand(!self.closed, "nothing behind log_closed", "another entry")?;
        match entry {
            Entry::Manifest(_) => self.has_manifest = true,
            Entry::Terms(_) => {
                self.terms.insert(index);
            }
            Entry::ContractOpen(open) => self.contract_open(open)?,
            Entry::ContractSuspend(change) | Entry::ContractResume(change) | Entry::ContractClose(change) => {
                demand(self.contracts.contains(&change.contract), "an open contract", change.contract)?;
            }
            Entry::EpochOpen(open) => self.epoch_open(index, open, root)?,
            Entry::EpochClose(close) => self.epoch_close(index, close)?,
            Entry::BlockFound(block) => self.block_found(index, block)?,
            Entry::Settlement(settlement) => self.settlements.push((index, settlement.clone())),
            Entry::LogClosed(_) => self.closed = true,
            Entry::BlockMatured(_) | Entry::BlockOrphaned(_) => {}
            Entry::ExternalInput(_) | Entry::Payout(_) | Entry::Liabilities(_) => {}
        }
        Ok(())
    }

    /// A contract begins after all epochs that are already open, so none of them can lack it.
    fn contract_open(&mut self, open: &ContractOpen) -> Result<(), Disorder> {
        demand(self.contracts.insert(open.contract), "a contract that is not open yet", open.contract)?;
        demand(self.terms.contains(&open.terms), "the index of earlier terms", open.terms)?;
        demand(open.from_ms < open.until_ms, format!("until_ms above {}", open.from_ms), open.until_ms)?;
        let started = self.epochs.last().map_or(0, |epoch| epoch.open.start_ms);
        demand(open.from_ms > started, format!("from_ms above {started}, the last epoch's start"), open.from_ms)
    }

    fn epoch_open(&mut self, index: u64, open: &EpochOpen, root: Hash32) -> Result<(), Disorder> {
        demand(self.has_manifest, "a manifest before the first epoch", "none")?;
        demand(!self.terms.is_empty(), "terms before the first epoch", "none")?;
        demand(!self.ended, "no epoch behind a close that states end_ms", open.epoch)?;
        let expected = self.epochs.len() as u64 + 1;
        demand(open.epoch == expected, format!("epoch_open of epoch {expected}"), open.epoch)?;
        let started = self.epochs.last().map_or(0, |epoch| epoch.open.start_ms);
        demand(open.start_ms > started, format!("start_ms above {started}"), open.start_ms)?;
        if let [.., before, _] = &self.epochs[..] {
            demand(before.close.is_some(), format!("epoch_close of epoch {}", before.open.epoch), "epoch_open")?;
        }
        self.epochs.push(LogEpoch { open: *open, open_index: index, root, close: None });
        Ok(())
    }

    fn epoch_close(&mut self, index: u64, close: &EpochClose) -> Result<(), Disorder> {
        let last = self.epochs.len() as u64;
        let Some(epoch) = self.epochs.iter_mut().find(|epoch| epoch.close.is_none()) else {
            return Err(("an open epoch".into(), close.epoch.to_string()));
        };
        let expected = epoch.open.epoch;
        demand(close.epoch == expected, format!("epoch_close of epoch {expected}"), close.epoch)?;
        demand(last > expected || close.end_ms.is_some(), "the next epoch_open, or end_ms", "neither")?;
        if let Some(end_ms) = close.end_ms {
            demand(last == expected, "end_ms only in the last close", end_ms)?;
            demand(end_ms > epoch.open.start_ms, format!("end_ms above {}", epoch.open.start_ms), end_ms)?;
            self.ended = true;
        }
        epoch.close = Some((index, close.clone()));
        Ok(())
    }

    /// Blocks stand between their epoch's open and close.
    fn block_found(&mut self, index: u64, block: &BlockFound) -> Result<(), Disorder> {
        let open = |epoch: &LogEpoch| epoch.open.epoch == block.epoch && epoch.close.is_none();
        demand(self.epochs.iter().any(open), "a block of an epoch that is not closed", block.epoch)?;
        self.blocks.push((index, *block));
        Ok(())
    }
}

fn demand(holds: bool, expected: impl Into<String>, found: impl ToString) -> Result<(), Disorder> {
    if holds { Ok(()) } else { Err((expected.into(), found.to_string())) }
}
