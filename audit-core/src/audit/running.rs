//! alloc.all: which contracts run at an `epoch_open`, and that the allocation lists exactly these.

use alloc::{collections::BTreeMap, format, string::ToString};

use super::{
    CheckId, Place,
    log::{Log, LogEpoch},
    report::Findings,
};
use crate::{
    allocation::{Allocation, operator_id},
    hash::Hash32,
    life::LoggedContract,
    work::Units,
};

/// Every running contract with its units, and besides them only the operator.
pub(super) fn check(log: &Log, epoch: &LogEpoch, allocation: &Allocation, findings: &mut Findings) {
    let check = CheckId::AllocAll;
    let path = Allocation::path(&allocation.root());
    let expected = at(log, epoch);
    for (id, units) in &expected {
        let found = allocation.units_of(id);
        if found != Some(*units) {
            let expected = format!("{units} H/s for contract {id} in epoch {}", epoch.open.epoch);
            let found = found.map_or("none".into(), |units| units.to_string());
            findings.fail(check, Place::new(&*path, None, expected, found));
        }
    }
    let operator = operator_id(&log.checkpoint.origin);
    for (index, entry) in allocation.entries().iter().enumerate() {
        if entry.id != operator && !expected.contains_key(&entry.id) {
            let file = log.file_of(epoch.open_index);
            let expected = format!("only running contracts in epoch {}: {file}", epoch.open.epoch);
            findings.fail(check, Place::new(&*path, Some(index as u64), expected, entry.id.to_string()));
        }
    }
}

/// The contracts that run in an epoch, with their units.
fn at(log: &Log, epoch: &LogEpoch) -> BTreeMap<Hash32, Units> {
    let runs = |contract: &&LoggedContract| contract.runs_in(epoch.open_index, epoch.open.start_ms);
    log.contracts.iter().filter(runs).map(|contract| (contract.open.contract, contract.open.units)).collect()
}
