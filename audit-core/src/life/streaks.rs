//! When contracts are suspended: while a hash is worth less than running the machine that computes it.

use ruint::aliases::U512;

use crate::{
    entry::{Maintenance, Suspension, Terms, terms::PPM},
    scheme::Price,
};

/// How the periods so far went for one entry of terms: that is all the rule depends on, not luck, nor what was delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Streaks {
    /// Periods in a row below the maintenance rate.
    below: u64,
    /// Periods in a row at or above what is enough to resume.
    above: u64,
    /// What the rule says now.
    is_suspended: bool,
}

impl Streaks {
    /// Whether contracts of these terms are to be suspended.
    pub fn is_suspended(self) -> bool {
        self.is_suspended
    }

    /// After one more period, at the price of its last epoch. What 1 TH/s earns in a day, the fee taken, is compared with the
    /// maintenance rate; exactly, without rounding. `None` when the price exceeds its range.
    #[must_use]
    pub fn after(self, terms: &Terms, price: &Price) -> Option<Self> {
        let rule = (terms.suspension, terms.maintenance);
        let (Suspension::Unprofitable { periods, resume_ppm, resume_periods }, Maintenance::SatsPerThsDay(rate)) = rule
        else {
            return Some(self);
        };
        // All in 2⁻⁶⁴ satoshis times 10⁶ for the fee times 10⁶ for the resumption: at most 286 bits.
        let ppm = U512::from(PPM);
        let earned = U512::from(price.of_ths_day(terms.scheme)?) * U512::from(PPM.checked_sub(terms.fee_ppm.into())?);
        let cost = (U512::from(rate.get()) << 64usize) * ppm;
        let below = if earned < cost { self.below.saturating_add(1) } else { 0 };
        let is_enough = earned * ppm >= cost * U512::from(resume_ppm);
        let above = if is_enough { self.above.saturating_add(1) } else { 0 };
        let is_suspended = if self.is_suspended { above < resume_periods } else { below >= periods };
        Some(Self { below, above, is_suspended })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::{
        chain::Network,
        entry::Scheme,
        fixture::terms,
        scheme::Price,
        work::{Nbits, Sats},
    };

    /// With this target a block takes 2,814,577,978,899,840 hashes; a halving a step makes 1 TH/s earn half as much a day.
    fn price(halvings: u32) -> Price {
        Price::of(Network::Bitcoin, 210_000 * halvings, Nbits::new(0x1b00_199a), 0).unwrap()
    }

    fn terms_of(rate: u64, fee_ppm: u32, suspension: Suspension) -> Terms {
        Terms { fee_ppm, maintenance: Maintenance::SatsPerThsDay(Sats::new(rate).unwrap()), suspension, ..terms() }
    }

    fn states(terms: &Terms, halvings: &[u32]) -> Vec<bool> {
        let mut streaks = Streaks::default();
        let after = halvings.iter().map(|halvings| {
            streaks = streaks.after(terms, &price(*halvings)).unwrap();
            streaks.is_suspended()
        });
        after.collect()
    }

    #[test]
    fn contracts_are_suspended_after_enough_periods_below_and_resumed_after_enough_above() {
        // 1 TH/s earns 153,486,598,976 sats a day before the first halving.
        let rule = Suspension::Unprofitable { periods: 2, resume_ppm: 1_500_000, resume_periods: 2 };
        let terms = terms_of(40_000_000_000, 0, rule);
        let (worth_twice, worth_half, worth_nearly_the_same) = (1, 3, 2);
        assert_eq!(states(&terms, &[worth_half, worth_twice, worth_half]), [false, false, false], "never two in a row");
        let days = [
            worth_half,
            worth_nearly_the_same,
            worth_nearly_the_same,
            worth_twice,
            worth_half,
            worth_twice,
            worth_twice,
        ];
        assert_eq!(states(&terms, &days), [false, true, true, true, true, true, false]);
    }

    #[test]
    fn exactly_the_maintenance_is_enough_and_the_fee_counts() {
        let rule = Suspension::Unprofitable { periods: 1, resume_ppm: 1_000_000, resume_periods: 1 };
        let earned = (price(0).of_ths_day(Scheme::Proportional).unwrap() >> 64usize).to::<u64>();
        assert_eq!(states(&terms_of(earned, 0, rule), &[0]), [false]);
        assert_eq!(states(&terms_of(earned + 1, 0, rule), &[0]), [true]);
        assert_eq!(states(&terms_of(earned, 1, rule), &[0]), [true]);
        assert_eq!(states(&terms_of(earned, 0, Suspension::None), &[9]), [false]);
    }

    #[test]
    fn no_price_that_a_chain_can_have_overflows() {
        let rule = Suspension::Unprofitable { periods: 1, resume_ppm: u64::MAX, resume_periods: 1 };
        let dearest = Price::of(Network::Regtest, 1, Nbits::new(0x207f_ffff), u64::from(u32::MAX)).unwrap();
        let terms = Terms { scheme: Scheme::Fpps, ..terms_of(Sats::MAX.get(), 0, rule) };
        assert!(Streaks::default().after(&terms, &dearest).is_some());
    }
}
