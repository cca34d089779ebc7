//! alloc.all: which contracts run at an `epoch_open`, and that the allocation lists exactly these.

use alloc::{collections::BTreeMap, string::ToString, vec::Vec};

use super::{CheckId, Findings, Log, LogEpoch, Place};
use crate::{
    allocation::{Allocation, operator_id},
    entry::{ContractOpen, Entry},
    hash::Hash32,
    work::Units,
};

/// Every contract of the log with its changes.
pub(super) struct Running {
    operator: Hash32,
    contracts: Vec<Contract>,
}

struct Contract {
    open_index: u64,
    open: ContractOpen,
    /// Leaf index of each change, and whether the contract runs from there on.
    changes: Vec<(u64, bool)>,
}

impl Running {
    pub(super) fn of(log: &Log) -> Self {
        let (mut contracts, mut positions) = (Vec::<Contract>::new(), BTreeMap::new());
        for (index, entry) in log.entries.iter().enumerate() {
            let index = index as u64;
            match entry {
                Entry::ContractOpen(open) => {
                    positions.insert(open.contract, contracts.len());
                    contracts.push(Contract { open_index: index, open: *open, changes: Vec::new() });
                }
                Entry::ContractSuspend(change) | Entry::ContractResume(change) | Entry::ContractClose(change) => {
                    let runs = matches!(entry, Entry::ContractResume(_));
                    let position = positions.get(&change.contract).copied();
                    if let Some(contract) = position.and_then(|position| contracts.get_mut(position)) {
                        contract.changes.push((index, runs));
                    }
                }
                _ => {}
            }
        }
        Self { operator: operator_id(&log.checkpoint.origin), contracts }
    }

    pub(super) fn count(&self) -> usize {
        self.contracts.len()
    }

    pub(super) fn check(&self, log: &Log, epoch: &LogEpoch, allocation: &Allocation, findings: &mut Findings) {
        let check = CheckId::AllocAll;
        let path = Allocation::path(&allocation.root());
        let expected = self.at(epoch);
        for (id, units) in &expected {
            let found = allocation.units_of(id);
            if found != Some(*units) {
                let expected = alloc::format!("{units} H/s for contract {id} in epoch {}", epoch.open.epoch);
                let found = found.map_or("none".into(), |units| units.to_string());
                findings.fail(check, Place::new(&*path, None, expected, found));
            }
        }
        for (index, entry) in allocation.entries().iter().enumerate() {
            if entry.id != self.operator && !expected.contains_key(&entry.id) {
                let file = log.file_of(epoch.open_index);
                let expected = alloc::format!("only running contracts in epoch {}: {file}", epoch.open.epoch);
                findings.fail(check, Place::new(&*path, Some(index as u64), expected, entry.id.to_string()));
            }
        }
    }

    /// The contracts that run in an epoch, with their units.
    fn at(&self, epoch: &LogEpoch) -> BTreeMap<Hash32, Units> {
        let runs = |contract: &&Contract| contract.runs_in(epoch.open_index, epoch.open.start_ms);
        self.contracts.iter().filter(runs).map(|contract| (contract.open.contract, contract.open.units)).collect()
    }
}

impl Contract {
    fn runs_in(&self, open_index: u64, start_ms: u64) -> bool {
        let in_term = (self.open.from_ms..self.open.until_ms).contains(&start_ms);
        let changed = self.changes.iter().rev().find(|(index, _)| *index < open_index);
        self.open_index < open_index && in_term && changed.is_none_or(|(_, runs)| *runs)
    }
}
