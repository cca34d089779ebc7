//! A contract with what the log says of it, and what it has to say next.

use alloc::vec::Vec;

use crate::entry::{ContractChange, ContractOpen, Entry, Terms};

/// The reason of a `contract_close` that ends a contract with its term.
pub const FULFILLED: &str = "fulfilled";

/// A contract as the log tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoggedContract {
    /// Leaf index of `open`.
    pub open_index: u64,
    /// Its first entry.
    pub open: ContractOpen,
    /// What it was sold under.
    pub terms: Terms,
    /// In order of the log.
    pub changes: Vec<Change>,
}

/// A suspension, a resumption or an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// Leaf index of its entry.
    pub index: u64,
    /// What it is.
    pub kind: ChangeKind,
}

/// What happens to a contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChangeKind {
    /// It is left out of the epochs opened from here on.
    Suspended,
    /// It takes part again.
    Resumed,
    /// Its term is over.
    Fulfilled,
    /// The operator ends it before.
    Closed,
}

/// The end of a period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeriodEnd {
    /// Number, from 1.
    pub period: u64,
    /// Leaf index of the close of its last epoch.
    pub close_index: u64,
    /// Leaf index of the first `epoch_open` behind the period; `None` when the log ends with it.
    pub next_open: Option<u64>,
    /// When its last epoch ended, Unix ms.
    pub end_ms: u64,
}

impl Change {
    /// What an entry at a leaf index changes; `None` when it is no contract's.
    pub fn of(index: u64, entry: &Entry) -> Option<(&ContractChange, Self)> {
        let (change, kind) = match entry {
            Entry::ContractSuspend(change) => (change, ChangeKind::Suspended),
            Entry::ContractResume(change) => (change, ChangeKind::Resumed),
            Entry::ContractClose(change) if change.reason == FULFILLED => (change, ChangeKind::Fulfilled),
            Entry::ContractClose(change) => (change, ChangeKind::Closed),
            _ => return None,
        };
        Some((change, Self { index, kind }))
    }
}

impl ChangeKind {
    /// Whether the contract is over from there on.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Fulfilled | Self::Closed)
    }
}

impl LoggedContract {
    /// Whether an epoch with this `epoch_open` is of its term.
    pub fn is_in_term(&self, start_ms: u64) -> bool {
        (self.open.from_ms..self.open.until_ms).contains(&start_ms)
    }

    /// Whether it is in the epoch that opens at a leaf index: opened before, within its term, and neither suspended nor
    /// closed.
    pub fn runs_in(&self, open_index: u64, start_ms: u64) -> bool {
        let changed = self.changes.iter().rev().find(|change| change.index < open_index);
        let is_running = changed.is_none_or(|change| change.kind == ChangeKind::Resumed);
        self.open_index < open_index && self.is_in_term(start_ms) && is_running
    }

    /// Whether its last change suspends it.
    pub fn is_suspended(&self) -> bool {
        self.changes.last().is_some_and(|change| change.kind == ChangeKind::Suspended)
    }

    /// Leaf index of the entry that ended it.
    pub fn end_index(&self) -> Option<u64> {
        self.changes.iter().find(|change| change.kind.is_end()).map(|change| change.index)
    }

    /// Whether the period's end is the first one that it does not live to see: its term is over, or it was closed in the
    /// period or before.
    pub fn has_ended(&self, end: &PeriodEnd) -> bool {
        self.is_over(end) || self.end_index().is_some_and(|index| end.next_open.is_none_or(|open| index < open))
    }

    /// What must be logged next of a contract that no entry has ended, behind the end of a period, when it was or was not
    /// suspended before and the rule of its terms says that it is to be. A contract that is opened later has nothing to fear.
    pub fn due(&self, end: &PeriodEnd, is_suspended: bool, is_to_be: bool) -> Option<ChangeKind> {
        if self.open_index > end.close_index {
            return None;
        }
        match (is_suspended, is_to_be) {
            _ if self.is_over(end) => Some(ChangeKind::Fulfilled),
            (false, true) => Some(ChangeKind::Suspended),
            (true, false) => Some(ChangeKind::Resumed),
            (true, true) | (false, false) => None,
        }
    }

    /// Whether its term was over when a period ended.
    pub fn is_over(&self, end: &PeriodEnd) -> bool {
        self.open.until_ms <= end.end_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fixture::sold,
        life::ChangeKind::{Closed, Fulfilled, Resumed, Suspended},
    };

    const END: PeriodEnd = PeriodEnd { period: 1, close_index: 20, next_open: Some(18), end_ms: 2_000 };

    #[test]
    fn a_contract_runs_from_its_entry_on_within_its_term_until_its_last_change_says_otherwise() {
        let changes = [(10, Suspended), (20, Resumed), (30, Closed)].map(|(index, kind)| Change { index, kind });
        let contract = LoggedContract { changes: changes.into(), ..sold(1_000, 4_000) };
        let runs = [(4, 1_500), (6, 999), (6, 1_000), (11, 1_500), (21, 1_500), (21, 4_000), (31, 1_500)];
        let runs = runs.map(|(index, start_ms)| contract.runs_in(index, start_ms));
        assert_eq!(runs, [false, false, true, false, true, false, false]);
    }

    #[test]
    fn what_is_due_follows_from_the_term_before_it_follows_from_the_rule() {
        let lasting = sold(1_000, 2_001);
        assert_eq!(lasting.due(&END, false, false), None);
        assert_eq!(lasting.due(&END, false, true), Some(Suspended));
        assert_eq!(lasting.due(&END, true, true), None);
        assert_eq!(lasting.due(&END, true, false), Some(Resumed));
        let over = sold(1_000, 2_000);
        assert_eq!(over.due(&END, false, true), Some(Fulfilled));
        let later = LoggedContract { open_index: 21, ..lasting };
        assert_eq!(later.due(&END, false, true), None);
    }

    #[test]
    fn a_contract_that_was_closed_ends_with_the_period_of_the_epoch_that_was_open() {
        let closed_at =
            |index| LoggedContract { changes: [Change { index, kind: Closed }].into(), ..sold(1_000, 9_000) };
        assert!(closed_at(17).has_ended(&END));
        assert!(!closed_at(19).has_ended(&END), "the next period's first epoch is open already");
        assert!(closed_at(19).has_ended(&PeriodEnd { next_open: None, ..END }));
        assert!(sold(1_000, 2_000).has_ended(&END) && !sold(1_000, 2_001).has_ended(&END));
    }
}
