//! Fee and maintenance: what a gross credit leaves.

use ruint::aliases::U256;

use crate::{
    entry::{Maintenance, Terms, terms::PPM},
    work::Work,
};

/// Hashes of 1 TH/s in a day.
pub(crate) const THS_DAY: u128 = 1_000_000_000_000 * 86_400;

/// A gross credit, taken apart. The three sum to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Charged {
    /// What the contract is credited.
    pub credit: u128,
    /// The operator's fee.
    pub fee: u128,
    /// What running the machines costs.
    pub maintenance: u128,
}

impl Charged {
    /// Nothing is taken: the operator's own id.
    pub fn nothing(gross: u128) -> Self {
        Self { credit: gross, fee: 0, maintenance: 0 }
    }
}

impl Terms {
    /// Takes the fee (rounded down) from `gross` satoshis, then maintenance for `work` (rounded down) from what is left,
    /// as far as that goes. `gross` is at most 2⁶⁴ satoshis, which no reward exceeds.
    pub fn charge(&self, gross: u128, work: Work) -> Charged {
        let fee = gross.saturating_mul(self.fee_ppm.into()) / PPM;
        let left = gross.saturating_sub(fee);
        let maintenance = self.maintenance.of(work).min(left);
        Charged { credit: left - maintenance, fee, maintenance }
    }
}

impl Maintenance {
    /// What `work` costs, in satoshis, rounded down.
    pub fn of(self, work: Work) -> u128 {
        match self {
            Self::Included => 0,
            Self::SatsPerThsDay(rate) => {
                let cost = U256::from(rate.get()) * U256::from(work.get()) / U256::from(THS_DAY);
                cost.saturating_to()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixture::terms, work::Sats};

    #[test]
    fn maintenance_is_by_work_and_takes_no_more_than_the_fee_leaves() {
        let rate = Maintenance::SatsPerThsDay(Sats::new(40).unwrap());
        let terms = Terms { fee_ppm: 20_000, maintenance: rate, ..terms() };
        let day = Work::new(THS_DAY);
        assert_eq!(terms.charge(1_000, day), Charged { credit: 940, fee: 20, maintenance: 40 });
        assert_eq!(terms.charge(1_000, Work::new(THS_DAY - 1)), Charged { credit: 941, fee: 20, maintenance: 39 });
        assert_eq!(terms.charge(30, day), Charged { credit: 0, fee: 0, maintenance: 30 });
        assert_eq!(terms.charge(0, day), Charged::nothing(0));
    }

    #[test]
    fn included_maintenance_costs_nothing() {
        assert_eq!(terms().charge(100, Work::new(u128::MAX)).maintenance, 0);
    }
}
