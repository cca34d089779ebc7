//! What a contract is owed when it has ended: for time in which it did not run, and for work that was missing while it did.

use ruint::aliases::U512;

use super::LoggedContract;
use crate::{
    entry::{Refund, Shortfall, terms::PPM},
    settlement::{SettleError, to_sats},
    work::{Sats, Work},
};

/// From when to when an epoch lasted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochSpan {
    /// Leaf index of its `epoch_open`.
    pub open_index: u64,
    /// Unix ms.
    pub start_ms: u64,
    /// Unix ms.
    pub end_ms: u64,
}

/// How a contract's term went, epoch by epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lived {
    /// Time in which it ran, until its term was over.
    ran_ms: u64,
    /// Time in which it was suspended.
    suspended_ms: u64,
    /// Work of the epochs in which it ran.
    delivered: Work,
    /// End of its last epoch.
    end_ms: u64,
}

/// What is given back of a contract's price.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Owed {
    /// For unused time.
    pub refund: Sats,
    /// For missing work.
    pub make_good: Sats,
}

impl Lived {
    /// Adds a closed epoch and the contract's part of its work. Epochs outside of the term, and those that opened behind the
    /// contract's end, add nothing. In order.
    ///
    /// # Errors
    /// [`SettleError::Overflow`].
    pub fn add_epoch(&mut self, contract: &LoggedContract, epoch: &EpochSpan, part: Work) -> Result<(), SettleError> {
        let is_behind = contract.end_index().is_some_and(|index| index < epoch.open_index);
        if is_behind || !contract.is_in_term(epoch.start_ms) {
            return Ok(());
        }
        self.end_ms = epoch.end_ms.min(contract.open.until_ms);
        let milliseconds = self.end_ms.saturating_sub(epoch.start_ms);
        if contract.runs_in(epoch.open_index, epoch.start_ms) {
            self.ran_ms += milliseconds;
            self.delivered = self.delivered.checked_add(part).ok_or(SettleError::Overflow)?;
        } else {
            self.suspended_ms += milliseconds;
        }
        Ok(())
    }

    /// What the terms give back, each rounded down. Both together are at most the price, since time in which a contract ran
    /// is not unused.
    ///
    /// # Errors
    /// [`SettleError::Overflow`], for a term that is none.
    pub fn owed(&self, contract: &LoggedContract) -> Result<Owed, SettleError> {
        let refund = match contract.terms.refund {
            Refund::None => Sats::ZERO,
            Refund::UnusedTime => part_of_price(contract, U512::from(self.unused_ms(contract)), U512::ONE)?,
        };
        let make_good = match contract.terms.shortfall {
            Shortfall::ProRata => Sats::ZERO,
            Shortfall::MakeGood { tolerance_ppm } => {
                let all = U512::from(contract.open.units.get()) * U512::from(PPM);
                part_of_price(contract, self.missing(contract, tolerance_ppm), all)?
            }
        };
        Ok(Owed { refund, make_good })
    }

    /// Suspended, or left when the contract was closed.
    fn unused_ms(&self, contract: &LoggedContract) -> u64 {
        let left = contract.open.until_ms.saturating_sub(self.end_ms.max(contract.open.from_ms));
        self.suspended_ms.saturating_add(left)
    }

    /// Hashes that are missing beyond the tolerance, in 10⁻⁹: units times milliseconds times millionths.
    fn missing(&self, contract: &LoggedContract, tolerance_ppm: u32) -> U512 {
        let due = PPM.saturating_sub(tolerance_ppm.into());
        let promised = U512::from(contract.open.units.get()) * U512::from(self.ran_ms) * U512::from(due);
        promised.saturating_sub(U512::from(self.delivered.get()) * U512::from(1_000 * PPM))
    }
}

/// ⌊price · `numerator` / (term · `denominator`)⌋: at most 264 bits before the division.
fn part_of_price(contract: &LoggedContract, numerator: U512, denominator: U512) -> Result<Sats, SettleError> {
    let term_ms = contract.open.until_ms.saturating_sub(contract.open.from_ms);
    let part = (U512::from(contract.open.price_sats.get()) * numerator).checked_div(U512::from(term_ms) * denominator);
    to_sats(part.and_then(|part| u128::try_from(part).ok()).ok_or(SettleError::Overflow)?)
}

#[cfg(test)]
mod tests;
