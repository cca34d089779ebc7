//! PPLNS: of the contracts with one window, what counts is the work within the last `window_work` hashes of theirs.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{TermsOf, scheme_of};
use crate::{
    allocation::Allocation,
    entry::Scheme,
    hash::Hash32,
    settlement::{ContractWork, SettleError},
    work::{Work, apportion},
};

/// The work that counts within each window, filled epoch by epoch from the newest one back.
#[derive(Clone, Debug, Default)]
pub struct Windows(BTreeMap<Work, Window>);

#[derive(Clone, Debug)]
struct Window {
    /// What it still takes.
    left: u128,
    counted: ContractWork,
}

/// The parts of an epoch's work that PPLNS contracts have, in order of id.
pub type WindowParts = Vec<(Hash32, Work)>;

/// What an epoch adds to windows.
pub fn parts_of(allocation: &Allocation, work: Work, terms: &TermsOf) -> WindowParts {
    if !terms.values().any(|terms| matches!(terms.scheme, Scheme::Pplns { .. })) {
        return WindowParts::new();
    }
    let is_windowed = |id: &Hash32| matches!(scheme_of(terms, id), Scheme::Pplns { .. });
    let parts = allocation.entries().iter().map(|entry| entry.id).zip(allocation.divide(work));
    parts.filter(|(id, work)| *work > Work::ZERO && is_windowed(id)).collect()
}

/// The parts by window.
pub(crate) fn by_window(parts: &WindowParts, terms: &TermsOf) -> BTreeMap<Work, WindowParts> {
    let mut classes = BTreeMap::<Work, WindowParts>::new();
    for (id, work) in parts {
        if let Scheme::Pplns { window_work } = scheme_of(terms, id) {
            classes.entry(window_work).or_default().push((*id, *work));
        }
    }
    classes
}

impl Windows {
    /// The windows of the contracts that have work in what is to be settled, with nothing in them yet.
    pub fn of(terms: &TermsOf, work: &ContractWork) -> Self {
        let window = |id: &Hash32| match scheme_of(terms, id) {
            Scheme::Pplns { window_work } => {
                Some((window_work, Window { left: window_work.get(), counted: ContractWork::default() }))
            }
            _ => None,
        };
        Self(work.iter().filter_map(|(id, _)| window(id)).collect())
    }

    /// Whether no older epoch can add anything.
    pub fn are_full(&self) -> bool {
        self.0.values().all(|window| window.left == 0)
    }

    /// Counts the next older epoch, of which the oldest that still counts may only count in part: what the window then
    /// takes is apportioned by the work in that epoch.
    ///
    /// # Errors
    /// [`SettleError::Overflow`].
    pub fn add_older(&mut self, parts: &WindowParts, terms: &TermsOf) -> Result<(), SettleError> {
        for (window_work, class) in by_window(parts, terms) {
            if let Some(window) = self.0.get_mut(&window_work) {
                window.add(&class)?;
            }
        }
        Ok(())
    }

    /// The work that counts within a window.
    pub(crate) fn counted(&self, window_work: Work) -> Option<&ContractWork> {
        self.0.get(&window_work).map(|window| &window.counted)
    }
}

impl Window {
    fn add(&mut self, class: &WindowParts) -> Result<(), SettleError> {
        let weights: Vec<u128> = class.iter().map(|(_, work)| work.get()).collect();
        let sum =
            weights.iter().try_fold(0u128, |sum, weight| sum.checked_add(*weight)).ok_or(SettleError::Overflow)?;
        let counts = sum.min(self.left);
        let parts = apportion(counts, &weights).ok_or(SettleError::Overflow)?;
        for ((id, _), part) in class.iter().zip(parts) {
            self.counted.add(*id, Work::new(part))?;
        }
        self.left -= counts;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entry::Terms, fixture::terms};

    const A: Hash32 = Hash32([1; 32]);
    const B: Hash32 = Hash32([2; 32]);

    fn pplns(window: u128) -> Terms {
        Terms { scheme: Scheme::Pplns { window_work: Work::new(window) }, ..terms() }
    }

    fn parts(a: u128, b: u128) -> WindowParts {
        [(A, Work::new(a)), (B, Work::new(b))].into()
    }

    /// The windows of contracts that all have work.
    fn windows_of(terms: &TermsOf) -> Windows {
        let mut work = ContractWork::default();
        terms.keys().for_each(|id| work.add(*id, Work::new(1)).unwrap());
        Windows::of(terms, &work)
    }

    fn counted(windows: &Windows, window: u128) -> (u128, u128) {
        let counted = windows.counted(Work::new(window)).unwrap();
        (counted.of(&A).get(), counted.of(&B).get())
    }

    #[test]
    fn the_oldest_epoch_counts_by_the_part_that_the_window_takes() {
        let terms = TermsOf::from([(A, pplns(100)), (B, pplns(100))]);
        let mut windows = windows_of(&terms);
        windows.add_older(&parts(50, 20), &terms).unwrap();
        assert!(!windows.are_full());
        windows.add_older(&parts(20, 20), &terms).unwrap();
        assert_eq!(counted(&windows, 100), (65, 35));
        assert!(windows.are_full());
        windows.add_older(&parts(9, 9), &terms).unwrap();
        assert_eq!(counted(&windows, 100), (65, 35));
    }

    #[test]
    fn contracts_with_another_window_take_no_room() {
        let terms = TermsOf::from([(A, pplns(100)), (B, pplns(60))]);
        let mut windows = windows_of(&terms);
        windows.add_older(&parts(70, 70), &terms).unwrap();
        assert_eq!(counted(&windows, 100), (70, 0));
        assert_eq!(counted(&windows, 60), (0, 60));
    }
}
