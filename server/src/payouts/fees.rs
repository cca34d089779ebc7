//! What the miners of a payout get. The operator pays it: a contract's rows are its whole balance.

use audit_core::work::Sats;

/// A fee rate in satoshis per 1,000 virtual bytes, at least [`FeeRate::MIN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeeRate(u64);

/// Within how many blocks a payout should be mined.
pub(super) const TARGET_BLOCKS: u16 = 6;
/// What is offered when the node can't tell, as on a network with hardly any transactions. It can be raised later.
const UNKNOWN: FeeRate = FeeRate(5_000);

impl FeeRate {
    /// What nodes relay at least (Bitcoin Core, `DEFAULT_MIN_RELAY_TX_FEE`), and by which a replacement must pay more for
    /// itself (BIP 125 rule 4, `DEFAULT_INCREMENTAL_RELAY_FEE`).
    pub const MIN: Self = Self(1_000);

    /// `None` below [`FeeRate::MIN`].
    pub fn new(sats_per_kvb: u64) -> Option<Self> {
        (sats_per_kvb >= Self::MIN.0).then_some(Self(sats_per_kvb))
    }

    pub fn get(self) -> u64 {
        self.0
    }

    /// The fee of so many virtual bytes, rounded up.
    pub fn fee(self, vsize: u64) -> Sats {
        Sats::new(vsize.saturating_mul(self.0).div_ceil(1_000)).unwrap_or(Sats::MAX)
    }
}

/// The rate to offer: what the node estimates, within the relay minimum and the operator's cap.
pub(super) fn choose(estimate: Option<Sats>, cap: FeeRate) -> FeeRate {
    estimate.map_or(UNKNOWN, |estimate| FeeRate(estimate.get())).max(FeeRate::MIN).min(cap)
}

/// The fee of a replacement at `wanted`: at least what BIP 125 asks for. `None` above the cap.
pub(super) fn raised(paid: Sats, vsize: u64, wanted: FeeRate, cap: FeeRate) -> Option<Sats> {
    let least = paid.checked_add(FeeRate::MIN.fee(vsize))?;
    let fee = wanted.fee(vsize).max(least);
    (fee <= cap.fee(vsize)).then_some(fee)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sats(amount: u64) -> Sats {
        Sats::new(amount).unwrap()
    }

    #[test]
    fn the_estimate_is_kept_within_relay_minimum_and_cap() {
        let cap = FeeRate::new(20_000).unwrap();
        assert_eq!(choose(Some(sats(7_000)), cap).get(), 7_000);
        assert_eq!(choose(Some(sats(3)), cap), FeeRate::MIN);
        assert_eq!(choose(Some(sats(90_000)), cap), cap);
        assert_eq!(choose(None, cap), UNKNOWN);
        assert_eq!(FeeRate::new(999), None);
    }

    #[test]
    fn a_replacement_pays_for_itself_or_is_not_made() {
        let (cap, wanted) = (FeeRate::new(10_000).unwrap(), FeeRate::new(2_000).unwrap());
        assert_eq!(raised(sats(150), 141, wanted, cap), Some(sats(291)), "1 sat/vB more than before at least");
        assert_eq!(raised(sats(141), 141, FeeRate::new(9_000).unwrap(), cap), Some(sats(1_269)));
        assert_eq!(raised(sats(1_400), 141, wanted, cap), None);
    }

    proptest! {
        #[test]
        fn fees_are_rounded_up_and_grow_with_size(rate in 1_000u64..1_000_000, vsize in 1u64..100_000) {
            let rate = FeeRate::new(rate).unwrap();
            let fee = u128::from(rate.fee(vsize).get());
            let exact = u128::from(rate.get()) * u128::from(vsize);
            prop_assert!(fee * 1_000 >= exact && fee * 1_000 < exact + 1_000);
            prop_assert!(rate.fee(vsize + 1) >= rate.fee(vsize));
        }
    }
}
