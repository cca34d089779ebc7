//! PPS and FPPS: what a hash is worth in an epoch, whatever blocks are found.

use alloc::{collections::BTreeMap, vec::Vec};

use ruint::aliases::{U256, U512};

use super::{TermsOf, charge::THS_DAY, scheme_of};
use crate::{
    allocation::Allocation,
    chain::Network,
    entry::{Scheme, terms::PPM},
    hash::Hash32,
    settlement::SettleError,
    work::{Nbits, Sats, Work},
};

/// Satoshis are counted in parts of 2⁻⁶⁴ until an accrual is made.
const FRACTION_BITS: usize = 64;

/// What work is worth in one epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Price {
    /// What a block on top of the epoch's tip creates.
    subsidy: Sats,
    /// Expected hashes of such a block.
    block_work: Work,
    /// Fees of the chain's last blocks in millionths of their subsidies; only FPPS pays them.
    fees_ppm: u64,
}

/// Work by contract and what it is worth, epoch by epoch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Worth(BTreeMap<Hash32, (U256, Work)>);

impl Price {
    /// The price of a block at a height with this network target; `None` when the target is none.
    pub fn of(network: Network, height: u32, nbits: Nbits, fees_ppm: u64) -> Option<Self> {
        let block_work = nbits.target()?.work()?;
        Some(Self { subsidy: network.subsidy(height), block_work, fees_ppm })
    }

    /// ⌊work · subsidy · (10⁶ + fees) · 2⁶⁴ / (block_work · 10⁶)⌋, which `scheme` takes without fees unless it is FPPS.
    fn of_work(&self, work: Work, scheme: Scheme) -> Option<U256> {
        let fees = if scheme == Scheme::Fpps { u128::from(self.fees_ppm) } else { 0 };
        let worth = U512::from(work.get()) * U512::from(self.subsidy.get()) * U512::from(PPM + fees);
        let divided = (worth << FRACTION_BITS).checked_div(U512::from(self.block_work.get()) * U512::from(PPM))?;
        U256::checked_from_limbs_slice(divided.as_limbs())
    }

    /// What 1 TH/s earns in a day, in 2⁻⁶⁴ satoshis.
    pub fn of_ths_day(&self, scheme: Scheme) -> Option<U256> {
        self.of_work(Work::new(THS_DAY), scheme)
    }

    /// ⌊86,400 · 10¹⁵ · subsidy · (10⁶ + fees) / (block_work · 10⁶)⌋: the satoshis that 1 PH/s can be expected to earn in a
    /// day.
    pub fn hashprice(&self) -> Option<u128> {
        u128::try_from(self.of_work(Work::new(THS_DAY * 1_000), Scheme::Fpps)? >> FRACTION_BITS).ok()
    }
}

impl Worth {
    /// Adds an epoch: the parts of contracts that are paid by time, at the epoch's price.
    ///
    /// # Errors
    /// [`SettleError::Overflow`].
    pub fn add_epoch(
        &mut self,
        allocation: &Allocation,
        work: Work,
        price: &Price,
        terms: &TermsOf,
    ) -> Result<(), SettleError> {
        for (id, part) in parts_by_time(allocation, work, terms) {
            let worth = price.of_work(part, scheme_of(terms, &id)).ok_or(SettleError::Overflow)?;
            let (sum, whole) = self.0.entry(id).or_default();
            *sum = sum.checked_add(worth).ok_or(SettleError::Overflow)?;
            *whole = whole.checked_add(part).ok_or(SettleError::Overflow)?;
        }
        Ok(())
    }

    /// Whether no contract that is paid by time had work.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whole satoshis, rounded down, and work by contract, in order of id.
    pub(crate) fn gross(&self) -> impl Iterator<Item = (&Hash32, Option<u128>, Work)> {
        let whole = |sum: &U256| u128::try_from(*sum >> FRACTION_BITS).ok();
        self.0.iter().map(move |(id, (sum, work))| (id, whole(sum), *work))
    }
}

/// The parts of an epoch's work that are paid by time.
pub fn parts_by_time(allocation: &Allocation, work: Work, terms: &TermsOf) -> Vec<(Hash32, Work)> {
    let by_time = |id: &Hash32| scheme_of(terms, id).is_by_time();
    if !allocation.entries().iter().any(|entry| by_time(&entry.id)) {
        return Vec::new();
    }
    let parts = allocation.entries().iter().map(|entry| entry.id).zip(allocation.divide(work));
    parts.filter(|(id, part)| *part > Work::ZERO && by_time(id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{allocation::AllocationEntry, entry::Terms, fixture::terms, work::Units};

    /// Difficulty 1: 2³² hashes and 65,537 of 65,536 more.
    const NBITS: u32 = 0x1d00_ffff;

    fn price(fees_ppm: u64) -> Price {
        Price::of(Network::Bitcoin, 840_000, Nbits::new(NBITS), fees_ppm).unwrap()
    }

    #[test]
    fn a_blocks_work_is_worth_its_subsidy_and_under_fpps_the_fees() {
        let block = Work::new(0x1_0001_0001);
        let whole = |fees, scheme| price(fees).of_work(block, scheme).unwrap() >> FRACTION_BITS;
        assert_eq!(whole(20_000, Scheme::Pps), U256::from(312_500_000));
        assert_eq!(whole(20_000, Scheme::Fpps), U256::from(318_750_000));
    }

    #[test]
    fn a_petahash_earns_its_part_of_the_days_blocks() {
        // Difficulty 21,448,277,761,059 and 6.25 BTC: 0.00586185 BTC a day (bitcoin.it, "Difficulty").
        let price = Price::of(Network::Bitcoin, 700_000, Nbits::new(0x170d_1f8c), 0).unwrap();
        assert_eq!(price.hashprice(), Some(586_185));
        let with_fees = Price { fees_ppm: 100_000, ..price };
        assert_eq!(with_fees.hashprice(), Some(644_803));
    }

    #[test]
    fn the_hashprice_at_the_easiest_target_is_no_overflow() {
        let price = Price::of(Network::Regtest, 1, Nbits::new(0x207f_ffff), u64::from(u32::MAX)).unwrap();
        assert!(price.hashprice().is_some());
    }

    #[test]
    fn fractions_of_satoshis_add_up_over_epochs() {
        let id = Hash32([1; 32]);
        let terms = TermsOf::from([(id, Terms { scheme: Scheme::Pps, ..terms() })]);
        let allocation = Allocation::new([AllocationEntry { units: Units::new(1).unwrap(), id }].into()).unwrap();
        // A satoshi is worth 13.7 hashes here: each epoch alone would give nothing.
        let mut worth = Worth::default();
        for _ in 0..14 {
            worth.add_epoch(&allocation, Work::new(1), &price(0), &terms).unwrap();
        }
        assert_eq!(worth.gross().next(), Some((&id, Some(1), Work::new(14))));
    }

    #[test]
    fn ten_zetahashes_for_a_year_at_the_easiest_target_are_no_overflow_of_the_sum() {
        let price = Price::of(Network::Regtest, 1, Nbits::new(0x207f_ffff), u64::from(u32::MAX)).unwrap();
        assert!(price.of_work(Work::new(1 << 100), Scheme::Fpps).is_some());
    }
}
