//! What a purchase costs, in integers.

use audit_core::work::{Sats, Units};

use crate::db::offers::Offer;
use crate::problem::FieldError;

/// H/s in 1 TH/s.
const TERA: u128 = 1_000_000_000_000;
const DAY_MS: u128 = 24 * 3_600_000;

/// The price of `units` of an offer for its term, or which units it does sell.
pub fn quote(offer: &Offer, units: Units) -> Result<Sats, FieldError> {
    let (min, max, step) = (offer.min_units.get(), offer.max_units.get(), offer.step_units.get());
    let units = units.get();
    if !(min..=max).contains(&units) || !(units - min).is_multiple_of(step) {
        return Err(FieldError::new("units_hs", format!("must be from {min} to {max} in steps of {step}")));
    }
    price(units, offer.price_sats_per_ths_day, offer.term_ms)
        .ok_or_else(|| FieldError::new("units_hs", "costs more than there is bitcoin: take less"))
}

/// ⌈units × price of 1 TH/s for a day × term⌉, at least one sat. `None` above 21 million bitcoin.
///
/// Rounded up because a contract is not given away; the buyer sees the result before paying.
pub fn price(units: u128, sats_per_ths_day: u64, term_ms: u64) -> Option<Sats> {
    let sats = prorated(units, sats_per_ths_day, term_ms)?;
    if sats > Sats::ZERO { Some(sats) } else { Sats::new(1) }
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

    #[test]
    fn price_is_rounded_up_and_never_zero() {
        let day = 24 * 3_600_000;
        assert_eq!(price(TERA, 50, day).unwrap().get(), 50);
        assert_eq!(price(TERA, 50, day / 2).unwrap().get(), 25);
        assert_eq!(price(TERA + 1, 50, day).unwrap().get(), 51);
        assert_eq!(price(100_000, 50, 1_000).unwrap().get(), 1);
        assert_eq!(price(u128::MAX, 50, day), None);
        assert_eq!(price(TERA, 2_100_000_000_000_001, day), None);
    }

    proptest! {
        #[test]
        fn two_contracts_never_cost_less_than_one_of_both(
            a in 1u128..1 << 60, b in 1u128..1 << 60, rate in 1u64..100_000, term in 1u64..10_000_000,
        ) {
            let cost = |units| price(units, rate, term).map(Sats::get);
            if let (Some(one), Some(other), Some(both)) = (cost(a), cost(b), cost(a + b)) {
                prop_assert!(one + other >= both);
                prop_assert!(both >= one.max(other));
            }
        }
    }
}
