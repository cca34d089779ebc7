//! The rules that a contract is sold under.

use serde::{Deserialize, Serialize};

use super::{Refund, Shortfall, Suspension};
use crate::work::{Sats, Work};

/// See [`Entry::Terms`](super::Entry::Terms).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// How rewards are divided.
    pub scheme: Scheme,
    /// The operator's part of a contract's gross credit, in millionths.
    pub fee_ppm: u32,
    /// What running the machines costs the contract.
    pub maintenance: Maintenance,
    /// What happens to indivisible rests.
    pub rounding: Rounding,
    /// When a contract is suspended.
    pub suspension: Suspension,
    /// What a shortfall of delivered against promised work costs the operator.
    pub shortfall: Shortfall,
    /// What is paid back for time in which a contract did not run.
    pub refund: Refund,
}

/// How rewards are divided; `docs/SCHEMES.md` has an example of each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// By work over the epochs since the previous reward that was pooled.
    Proportional,
    /// By work within the last `window_work` hashes of all contracts with the same window.
    Pplns {
        /// At least 1.
        window_work: Work,
    },
    /// A block that is drawn for the contract is its own, all others are not.
    Solo,
    /// Each hash is paid what it is expected to find of the subsidy, whatever is found: by accruals.
    Pps,
    /// As PPS, with the fees that the chain's blocks pay lately.
    Fpps,
}

/// Maintenance rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Maintenance {
    /// Included in the price.
    Included,
    /// For each 10¹² · 86,400 hashes of work, taken from what the fee leaves of a credit.
    SatsPerThsDay(Sats),
}

/// Rounding rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Rests go one by one to the largest remainders, ties to the lower id; fees round down.
    LargestRemainder,
}

impl Scheme {
    /// Whether accruals credit it; its parts of rewards are the operator's.
    pub fn is_by_time(self) -> bool {
        matches!(self, Self::Pps | Self::Fpps)
    }
}

impl Terms {
    /// What is wrong with the values; `None` when terms can be logged so.
    pub fn fault(&self) -> Option<&'static str> {
        if u128::from(self.fee_ppm) > PPM {
            return Some("fee_ppm above 1000000");
        }
        match self.scheme {
            Scheme::Pplns { window_work: Work::ZERO } => Some("a PPLNS window without work"),
            _ => self.suspension.fault(self.maintenance).or(self.shortfall.fault()),
        }
    }
}

/// Millionths in one.
pub(crate) const PPM: u128 = 1_000_000;
