//! Work by contract.

use alloc::collections::BTreeMap;

use super::SettleError;
use crate::{
    allocation::Allocation,
    entry::Scheme,
    hash::Hash32,
    scheme::{TermsOf, scheme_of},
    work::Work,
};

/// Work by contract, summed over epochs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ContractWork(BTreeMap<Hash32, Work>);

impl ContractWork {
    /// Adds an epoch: its work divided by its allocation.
    ///
    /// # Errors
    /// [`SettleError::Overflow`].
    pub fn add_epoch(&mut self, allocation: &Allocation, work: Work) -> Result<(), SettleError> {
        let parts = allocation.entries().iter().zip(allocation.divide(work));
        parts.into_iter().try_for_each(|(entry, part)| self.add(entry.id, part))
    }

    /// Adds to a contract's work.
    ///
    /// # Errors
    /// [`SettleError::Overflow`].
    pub fn add(&mut self, id: Hash32, work: Work) -> Result<(), SettleError> {
        let sum = self.0.entry(id).or_default();
        *sum = sum.checked_add(work).ok_or(SettleError::Overflow)?;
        Ok(())
    }

    /// A settlement used work up: that of solo contracts always, that of all others when something was pooled.
    pub fn use_up(&mut self, is_pooled: bool, terms: &TermsOf) {
        if is_pooled {
            self.0.clear();
        } else {
            self.0.retain(|id, _| scheme_of(terms, id) != Scheme::Solo);
        }
    }

    /// A contract's work.
    pub fn of(&self, id: &Hash32) -> Work {
        self.0.get(id).copied().unwrap_or_default()
    }

    /// All of it, in order of id.
    pub fn iter(&self) -> impl Iterator<Item = (&Hash32, Work)> {
        self.0.iter().map(|(id, work)| (id, *work))
    }
}
