//! What a purchase costs, in integers.

use audit_core::work::{Sats, Units};
use ruint::aliases::U512;

use crate::db::offers::{Offer, Pricing};
use crate::db::quotes::Rate;
use crate::hashprice::Logged;
use crate::problem::{Code, FieldError, Problem};

/// H/s in 1 TH/s.
const TERA: u128 = 1_000_000_000_000;
const DAY_MS: u128 = 24 * 3_600_000;
/// A millionth of 1 PH/s for a day: what a hashprice and its part in ppm are of.
const PETA_PPM: u128 = 1_000 * TERA * 1_000_000;

/// The price of `units` of an offer for its term at a rate, or which units it does sell.
pub fn quote(offer: &Offer, units: Units, rate: &Rate) -> Result<Sats, FieldError> {
    let (min, max, step) = (offer.min_units.get(), offer.max_units.get(), offer.step_units.get());
    let units = units.get();
    if !(min..=max).contains(&units) || !(units - min).is_multiple_of(step) {
        return Err(FieldError::new("units_hs", format!("must be from {min} to {max} in steps of {step}")));
    }
    rate.price(units, offer.term_ms)
        .ok_or_else(|| FieldError::new("units_hs", "costs more than there is bitcoin: take less"))
}

impl Rate {
    /// The rate of an offer now.
    ///
    /// # Errors
    /// `no_hashprice` when the offer follows the hashprice and none is usable.
    pub fn of(pricing: Pricing, newest: Option<Logged>) -> Result<Self, Problem> {
        match (pricing, newest) {
            (Pricing::Fixed { sats_per_ths_day }, _) => Ok(Self::Fixed { sats_per_ths_day }),
            (Pricing::Hashprice { ppm }, Some(logged)) => {
                Ok(Self::Hashprice { ppm, sats_per_phs_day: logged.price.sats_per_phs_day, index: logged.index })
            }
            (Pricing::Hashprice { .. }, None) => {
                Err(Problem::new(Code::NoHashprice, "no recent hashprice is in the log: try again in some minutes")
                    .retry_after(60))
            }
        }
    }

    /// ⌈units × rate × term⌉, at least one sat. `None` above 21 million bitcoin.
    ///
    /// Rounded up because a contract is not given away; the buyer sees the result before paying.
    pub fn price(&self, units: u128, term_ms: u64) -> Option<Sats> {
        let sats = match *self {
            Self::Fixed { sats_per_ths_day } => prorated(units, sats_per_ths_day, term_ms)?,
            Self::Hashprice { ppm, sats_per_phs_day, .. } => {
                let whole = U512::from(units) * U512::from(sats_per_phs_day) * U512::from(ppm) * U512::from(term_ms);
                let sats = whole.div_ceil(U512::from(PETA_PPM) * U512::from(DAY_MS));
                Sats::new(u64::try_from(sats).ok()?)?
            }
        };
        if sats > Sats::ZERO { Some(sats) } else { Sats::new(1) }
    }
}

/// ⌈units × rate of 1 TH/s for a day × term⌉. `None` above 21 million bitcoin.
pub fn prorated(units: u128, sats_per_ths_day: u64, term_ms: u64) -> Option<Sats> {
    let product = units.checked_mul(sats_per_ths_day.into())?.checked_mul(term_ms.into())?;
    Sats::new(u64::try_from(product.div_ceil(TERA * DAY_MS)).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fixed(sats_per_ths_day: u64) -> Rate {
        Rate::Fixed { sats_per_ths_day }
    }

    fn following(ppm: u32, sats_per_phs_day: u128) -> Rate {
        Rate::Hashprice { ppm, sats_per_phs_day, index: 0 }
    }

    #[test]
    fn price_is_rounded_up_and_never_zero() {
        let day = 24 * 3_600_000;
        let price = |units, sats, term_ms| fixed(sats).price(units, term_ms).map(Sats::get);
        assert_eq!(price(TERA, 50, day), Some(50));
        assert_eq!(price(TERA, 50, day / 2), Some(25));
        assert_eq!(price(TERA + 1, 50, day), Some(51));
        assert_eq!(price(100_000, 50, 1_000), Some(1));
        assert_eq!(price(u128::MAX, 50, day), None);
        assert_eq!(price(TERA, 2_100_000_000_000_001, day), None);
    }

    #[test]
    fn a_price_that_follows_the_hashprice_is_its_part_rounded_up() {
        let day = 24 * 3_600_000;
        let price = |ppm, sats, units, term_ms| following(ppm, sats).price(units, term_ms).map(Sats::get);
        // 45,678 sats for 1 PH/s and day: 100 TH/s for 30 days at 105 %.
        assert_eq!(price(1_050_000, 45_678, 100 * TERA, 30 * day), Some(143_886));
        assert_eq!(price(1_000_000, 45_678, 1_000 * TERA, day), Some(45_678));
        assert_eq!(price(1, 1, 1, 1), Some(1));
        assert_eq!(price(u32::MAX, u128::MAX, u128::MAX, u64::MAX), None);
    }

    proptest! {
        #[test]
        fn two_contracts_never_cost_less_than_one_of_both(
            a in 1u128..1 << 60, b in 1u128..1 << 60, sats in 1u64..100_000, ppm in 1u32..2_000_000,
            term in 1u64..10_000_000,
        ) {
            for rate in [fixed(sats), following(ppm, sats.into())] {
                let cost = |units| rate.price(units, term).map(Sats::get);
                if let (Some(one), Some(other), Some(both)) = (cost(a), cost(b), cost(a + b)) {
                    prop_assert!(one + other >= both);
                    prop_assert!(both >= one.max(other));
                }
            }
        }
    }
}
