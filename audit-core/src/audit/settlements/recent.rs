//! The newest epochs' work of PPLNS contracts, as far back as their windows reach.

use alloc::collections::{BTreeMap, VecDeque};

use crate::{
    allocation::Allocation,
    scheme::{TermsOf, WindowParts, Windows, by_window, parts_of},
    settlement::{ContractWork, SettleError},
    work::Work,
};

/// Epochs with such work, the newest one last.
#[derive(Default)]
pub(super) struct Recent {
    epochs: VecDeque<WindowParts>,
    /// The work that is kept, by window.
    kept: BTreeMap<Work, u128>,
}

impl Recent {
    /// Adds the next epoch, and forgets the old ones that no window reaches any more.
    pub(super) fn add_epoch(&mut self, allocation: &Allocation, work: Work, terms: &TermsOf) {
        let parts = parts_of(allocation, work, terms);
        if parts.is_empty() {
            return;
        }
        for (window_work, work) in sums(&parts, terms) {
            let kept = self.kept.entry(window_work).or_default();
            *kept = kept.saturating_add(work);
        }
        self.epochs.push_back(parts);
        while self.epochs.front().is_some_and(|oldest| self.is_out_of_reach(oldest, terms)) {
            for (window_work, work) in self.epochs.pop_front().iter().flat_map(|oldest| sums(oldest, terms)) {
                let kept = self.kept.entry(window_work).or_default();
                *kept = kept.saturating_sub(work);
            }
        }
    }

    /// What counts now within the windows of contracts that have work to be settled.
    pub(super) fn windows(&self, terms: &TermsOf, work: &ContractWork) -> Result<Windows, SettleError> {
        let mut windows = Windows::of(terms, work);
        self.epochs.iter().rev().try_for_each(|parts| windows.add_older(parts, terms))?;
        Ok(windows)
    }

    /// The younger epochs fill every window that has work in this one.
    fn is_out_of_reach(&self, oldest: &WindowParts, terms: &TermsOf) -> bool {
        let kept = |window_work| self.kept.get(&window_work).copied().unwrap_or_default();
        sums(oldest, terms).all(|(window_work, work)| kept(window_work).saturating_sub(work) >= window_work.get())
    }
}

/// The parts' sums by window.
fn sums(parts: &WindowParts, terms: &TermsOf) -> impl Iterator<Item = (Work, u128)> {
    let sum = |class: WindowParts| class.iter().fold(0u128, |sum, (_, work)| sum.saturating_add(work.get()));
    by_window(parts, terms).into_iter().map(move |(window_work, class)| (window_work, sum(class)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        allocation::AllocationEntry,
        entry::{Scheme, Terms},
        fixture::terms,
        hash::Hash32,
        work::Units,
    };

    #[test]
    fn only_epochs_that_a_window_reaches_are_kept() {
        let id = Hash32([1; 32]);
        let window_work = Work::new(100);
        let terms = TermsOf::from([(id, Terms { scheme: Scheme::Pplns { window_work }, ..terms() })]);
        let allocation = Allocation::new([AllocationEntry { units: Units::new(1).unwrap(), id }].into()).unwrap();
        let mut recent = Recent::default();
        for _ in 0..50 {
            recent.add_epoch(&allocation, Work::new(30), &terms);
        }
        assert_eq!(recent.epochs.len(), 4);
        let mut work = ContractWork::default();
        work.add(id, Work::new(1)).unwrap();
        assert_eq!(recent.windows(&terms, &work).unwrap().counted(window_work).unwrap().of(&id), Work::new(100));
    }
}
