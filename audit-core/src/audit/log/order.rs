//! log.complete: the entries' order, which nothing may be missing from.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Log, LogEpoch, Place, entry_file};
use crate::{
    checkpoint::Checkpoint,
    entry::{BlockFound, ContractOpen, Entry, EpochClose, EpochOpen, Manifest, Terms},
    hash::Hash32,
    life::{Change, LoggedContract},
    merkle::Frontier,
    scheme::{FEES_INPUT, FeesPpm, HASHPRICE_INPUT, Hashprice},
};

/// What was expected, and what was found.
type Disorder = (String, String);

/// The log as far as it was read.
pub(super) struct Order {
    log: Log,
    /// By leaf index.
    terms: BTreeMap<u64, Terms>,
    /// Position of each contract in the log's list.
    contracts: BTreeMap<Hash32, usize>,
    closed: bool,
    ended: bool,
}

impl Order {
    pub(super) fn new(checkpoint: &Checkpoint) -> Self {
        let log = Log::new(checkpoint.clone());
        Self { log, terms: BTreeMap::new(), contracts: BTreeMap::new(), closed: false, ended: false }
    }

    pub(super) fn into_log(self) -> Log {
        self.log
    }

    /// Puts an entry in its place; `tree` ends with it. An error is the place where the order is not that of a log.
    pub(super) fn take(&mut self, index: u64, entry: Entry, tree: &Frontier) -> Result<(), Place> {
        let file = entry_file(self.log.checkpoint.size, index);
        self.place(index, entry, tree).map_err(|(expected, found)| Place::new(file, Some(index), expected, found))
    }

    fn place(&mut self, index: u64, entry: Entry, tree: &Frontier) -> Result<(), Disorder> {
        demand(!self.closed, "nothing behind log_closed", "another entry")?;
        match entry {
            Entry::Manifest(manifest) => self.manifest(index, manifest)?,
            Entry::Terms(terms) => {
                self.terms.insert(index, terms);
            }
            Entry::ContractOpen(open) => self.contract_open(index, open)?,
            Entry::ContractSuspend(_) | Entry::ContractResume(_) | Entry::ContractClose(_) => {
                self.contract_change(index, &entry)?;
            }
            Entry::EpochOpen(open) => self.epoch_open(index, open, tree.root())?,
            Entry::EpochClose(close) => self.epoch_close(index, close, tree.root())?,
            Entry::BlockFound(block) => self.block_found(index, block)?,
            Entry::BlockMatured(fate) => self.log.fates.push((index, fate.hash, true)),
            Entry::BlockOrphaned(fate) => self.log.fates.push((index, fate.hash, false)),
            Entry::Settlement(settlement) => self.log.settlements.push((index, settlement)),
            Entry::LogClosed(_) => self.closed = true,
            Entry::Payout(payout) => self.log.payouts.push((index, payout)),
            Entry::Liabilities(list) => self.log.liabilities.push((index, list)),
            Entry::Accrual(accrual) => self.log.accruals.push((index, accrual)),
            Entry::Conclusion(conclusion) => self.log.conclusions.push((index, conclusion)),
            Entry::ExternalInput(input) if input.name == FEES_INPUT => {
                self.log.fees.extend(FeesPpm::of(&input).map(|fees| (index, fees)));
            }
            Entry::ExternalInput(input) if input.name == HASHPRICE_INPUT => {
                self.log.hashprices.extend(Hashprice::of(&input).map(|price| (index, price)));
            }
            Entry::ExternalInput(_) => {}
        }
        Ok(())
    }

    /// Accruals have one length in all of a log.
    fn manifest(&mut self, index: u64, manifest: Manifest) -> Result<(), Disorder> {
        let every = self.log.manifests.first().map_or(manifest.accrual_epochs, |(_, first)| first.accrual_epochs);
        demand(manifest.accrual_epochs == every, format!("accrual_epochs {every}"), manifest.accrual_epochs)?;
        self.log.manifests.push((index, manifest));
        Ok(())
    }

    /// A contract begins after all epochs that are already open, so none of them can lack it.
    fn contract_open(&mut self, index: u64, open: ContractOpen) -> Result<(), Disorder> {
        let position = self.log.contracts.len();
        let is_new = self.contracts.insert(open.contract, position).is_none();
        demand(is_new, "a contract that is not open yet", open.contract)?;
        let terms = self.terms.get(&open.terms).copied();
        let terms = terms.ok_or_else(|| ("the index of earlier terms".to_string(), open.terms.to_string()))?;
        demand(open.from_ms < open.until_ms, format!("until_ms above {}", open.from_ms), open.until_ms)?;
        let started = self.started();
        demand(open.from_ms > started, format!("from_ms above {started}, the last epoch's start"), open.from_ms)?;
        self.log.contracts.push(LoggedContract { open_index: index, open, terms, changes: Vec::new() });
        Ok(())
    }

    fn contract_change(&mut self, index: u64, entry: &Entry) -> Result<(), Disorder> {
        let Some((of, change)) = Change::of(index, entry) else { return Ok(()) };
        let position = self.contracts.get(&of.contract).copied();
        let contract = position.and_then(|position| self.log.contracts.get_mut(position));
        let contract = contract.ok_or_else(|| ("an open contract".to_string(), of.contract.to_string()))?;
        contract.changes.push(change);
        Ok(())
    }

    /// When the last epoch started.
    fn started(&self) -> u64 {
        self.log.epochs.last().map_or(0, |epoch| epoch.open.start_ms)
    }

    fn epoch_open(&mut self, index: u64, open: EpochOpen, root: Hash32) -> Result<(), Disorder> {
        demand(!self.log.manifests.is_empty(), "a manifest before the first epoch", "none")?;
        demand(!self.terms.is_empty(), "terms before the first epoch", "none")?;
        demand(!self.ended, "no epoch behind a close that states end_ms", open.epoch)?;
        let expected = self.log.epochs.len() as u64 + 1;
        demand(open.epoch == expected, format!("epoch_open of epoch {expected}"), open.epoch)?;
        let started = self.started();
        demand(open.start_ms > started, format!("start_ms above {started}"), open.start_ms)?;
        if let [.., before, _] = &self.log.epochs[..] {
            demand(before.close.is_some(), format!("epoch_close of epoch {}", before.open.epoch), "epoch_open")?;
        }
        let close_root = Hash32::default();
        self.log.epochs.push(LogEpoch { open, open_index: index, root, close: None, close_root });
        Ok(())
    }

    fn epoch_close(&mut self, index: u64, close: EpochClose, root: Hash32) -> Result<(), Disorder> {
        let last = self.log.epochs.len() as u64;
        let Some(epoch) = self.log.epochs.iter_mut().rev().take(2).rfind(|epoch| epoch.close.is_none()) else {
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
        (epoch.close, epoch.close_root) = (Some((index, close)), root);
        Ok(())
    }

    /// Blocks stand between their epoch's open and close.
    fn block_found(&mut self, index: u64, block: BlockFound) -> Result<(), Disorder> {
        let open = |epoch: &LogEpoch| epoch.open.epoch == block.epoch && epoch.close.is_none();
        demand(self.log.epochs.iter().rev().take(2).any(open), "a block of an epoch that is not closed", block.epoch)?;
        self.log.blocks.push((index, block));
        Ok(())
    }
}

fn demand(holds: bool, expected: impl Into<String>, found: impl ToString) -> Result<(), Disorder> {
    if holds { Ok(()) } else { Err((expected.into(), found.to_string())) }
}
