//! The rules of terms for what comes after a contract is opened: when it pauses, and what is given back.

use serde::{Deserialize, Serialize};

use super::{Maintenance, terms::PPM};

/// Suspension rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspension {
    /// Never.
    None,
    /// While running the machines costs more than a hash is worth (`crate::life::Streaks`). Periods are those of accruals.
    Unprofitable {
        /// Periods in a row below the maintenance rate after which contracts are suspended, at least 1.
        periods: u64,
        /// Millionths of the maintenance rate that are enough to resume, at least all of it.
        resume_ppm: u64,
        /// Periods in a row at or above it after which contracts are resumed, at least 1.
        resume_periods: u64,
    },
}

/// Shortfall rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortfall {
    /// Shared pro rata by all units, the operator's own included.
    ProRata,
    /// The same; and when the contract has ended, what is missing is paid back at its price.
    MakeGood {
        /// Millionths of the promised work that may be missing for nothing.
        tolerance_ppm: u32,
    },
}

/// Refund rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refund {
    /// Nothing; the operator may not close a contract before its term ends.
    None,
    /// The price of the time in which the contract was suspended, or that was left when the operator closed it.
    UnusedTime,
}

impl Suspension {
    /// What is wrong with the values beside this maintenance rule.
    pub(super) fn fault(self, maintenance: Maintenance) -> Option<&'static str> {
        let Self::Unprofitable { periods, resume_ppm, resume_periods } = self else { return None };
        if maintenance == Maintenance::Included {
            return Some("a suspension that depends on a maintenance rate, and none");
        }
        if periods == 0 || resume_periods == 0 {
            return Some("a suspension or a resumption after no periods");
        }
        (u128::from(resume_ppm) < PPM).then_some("a resume_ppm below 1000000")
    }
}

impl Shortfall {
    /// What is wrong with the values.
    pub(super) fn fault(self) -> Option<&'static str> {
        match self {
            Self::MakeGood { tolerance_ppm } if u128::from(tolerance_ppm) > PPM => Some("tolerance_ppm above 1000000"),
            Self::MakeGood { .. } | Self::ProRata => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entry::Terms, fixture::terms, work::Sats};

    #[test]
    fn rules_whose_numbers_make_no_sense_are_refused() {
        let rate = Maintenance::SatsPerThsDay(Sats::new(40).unwrap());
        let rule =
            |periods, resume_ppm, resume_periods| Suspension::Unprofitable { periods, resume_ppm, resume_periods };
        let of = |maintenance, suspension| Terms { maintenance, suspension, ..terms() };
        assert_eq!(of(rate, rule(1, 1_000_000, 1)).fault(), None);
        assert!(of(Maintenance::Included, rule(1, 1_000_000, 1)).fault().is_some());
        assert!(of(rate, rule(0, 1_000_000, 1)).fault().is_some());
        assert!(of(rate, rule(1, 1_000_000, 0)).fault().is_some());
        assert!(of(rate, rule(1, 999_999, 1)).fault().is_some());
        let tolerance = |tolerance_ppm| Terms { shortfall: Shortfall::MakeGood { tolerance_ppm }, ..terms() };
        assert_eq!(tolerance(1_000_000).fault(), None);
        assert!(tolerance(1_000_001).fault().is_some());
    }
}
