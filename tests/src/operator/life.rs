//! The contracts' lives: what the operator logs of them where a period ends, which in the story is an epoch.

use audit_core::{
    allocation::AllocationEntry,
    entry::{Conclusion, ContractChange, ContractOpen, Entry, Terms},
    life::{
        Change, ChangeKind, Concluded, ConclusionFile, EpochSpan, FULFILLED, Lived, LoggedContract, PeriodEnd, Streaks,
    },
    scheme::Price,
    work::Work,
};

use super::{rounds::ACCRUAL_EPOCHS, script::Worked};

/// Every contract that was sold.
#[derive(Default)]
pub(super) struct Lives(Vec<Life>);

struct Life {
    contract: LoggedContract,
    streaks: Streaks,
    lived: Lived,
    is_concluded: bool,
}

impl Lives {
    /// A contract was opened at a leaf index.
    pub(super) fn opened(&mut self, open_index: u64, open: ContractOpen, terms: Terms) {
        let contract = LoggedContract { open_index, open, terms, changes: Vec::new() };
        let (streaks, lived) = (Streaks::default(), Lived::default());
        self.0.push(Life { contract, streaks, lived, is_concluded: false });
    }

    /// All of them, in order of the log.
    pub(super) fn sold(&self) -> Vec<ContractOpen> {
        self.0.iter().map(|life| life.contract.open).collect()
    }

    /// Who runs in an epoch that opens at a leaf index.
    pub(super) fn running(&self, open_index: u64, start_ms: u64) -> Vec<AllocationEntry> {
        let contracts = self.0.iter().map(|life| &life.contract);
        let running = contracts.filter(|contract| contract.runs_in(open_index, start_ms));
        running.map(|contract| AllocationEntry { units: contract.open.units, id: contract.open.contract }).collect()
    }

    /// What the end of an epoch calls for.
    pub(super) fn due(&mut self, end: &PeriodEnd, price: &Price) -> Vec<Entry> {
        self.0.iter_mut().filter_map(|life| life.due(end, price)).collect()
    }

    /// An entry that changes one of them was logged.
    pub(super) fn logged(&mut self, index: u64, entry: &Entry) {
        let Some((of, change)) = Change::of(index, entry) else { return };
        for life in self.0.iter_mut().filter(|life| life.contract.open.contract == of.contract) {
            life.contract.changes.push(change);
        }
    }

    /// What those are owed that ended with this epoch.
    pub(super) fn conclude(
        &mut self,
        end: &PeriodEnd,
        span: &EpochSpan,
        worked: &Worked,
    ) -> Option<(Conclusion, ConclusionFile)> {
        let (allocation, sealed) = &worked[&end.period];
        let parts = allocation.divide(sealed.work);
        let mut owed = Vec::new();
        for life in &mut self.0 {
            let id = life.contract.open.contract;
            let position = allocation.entries().iter().position(|entry| entry.id == id);
            let part = position.map_or(Work::ZERO, |position| parts[position]);
            life.lived.add_epoch(&life.contract, span, part).expect("little work");
            if !life.is_concluded && life.contract.has_ended(end) {
                life.is_concluded = true;
                owed.push((id, life.lived.owed(&life.contract).expect("a small price")));
            }
        }
        let concluded = Concluded::of(owed)?;
        let entry = concluded.entry(end.period, ACCRUAL_EPOCHS).expect("rows in order");
        Some((entry, ConclusionFile { conclusion: end.period, rows: concluded.rows }))
    }
}

impl Life {
    fn due(&mut self, end: &PeriodEnd, price: &Price) -> Option<Entry> {
        let was_suspended = self.streaks.is_suspended();
        self.streaks = self.streaks.after(&self.contract.terms, price).expect("a price");
        if self.contract.end_index().is_some() {
            return None;
        }
        let due = self.contract.due(end, was_suspended, self.streaks.is_suspended())?;
        let reason = if due == ChangeKind::Fulfilled { FULFILLED } else { "the rule in the terms" };
        Some(change(due, &self.contract.open, reason))
    }
}

/// The entry of a change.
pub(super) fn change(kind: ChangeKind, of: &ContractOpen, reason: &str) -> Entry {
    let change = ContractChange { contract: of.contract, reason: reason.into() };
    match kind {
        ChangeKind::Suspended => Entry::ContractSuspend(change),
        ChangeKind::Resumed => Entry::ContractResume(change),
        ChangeKind::Fulfilled | ChangeKind::Closed => Entry::ContractClose(change),
    }
}
