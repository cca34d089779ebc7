//! Solo: each block is drawn for one entry of its epoch's allocation.
//!
//! The allocation is in the log before the epoch's first job, and the point that is drawn is a hash of the block's own
//! hash: neither can be chosen without giving up blocks.

use alloc::collections::BTreeMap;

use ruint::aliases::U256;

use super::{TermsOf, scheme_of};
use crate::{
    allocation::Allocation,
    entry::Scheme,
    hash::{BlockHash, Hash32},
    settlement::SettleError,
    work::Sats,
};

/// What becomes of the blocks of a group. All of it sums to their rewards.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Drawn {
    /// The rewards of blocks that were drawn for solo contracts, by contract.
    pub solo: BTreeMap<Hash32, Sats>,
    /// The other blocks' rewards.
    pub pooled: Sats,
}

/// Draws each block of an epoch, with its reward, for an entry of the epoch's allocation.
///
/// # Errors
/// [`SettleError::Overflow`]: rewards beyond all bitcoin.
pub fn draw(blocks: &[(BlockHash, Sats)], allocation: &Allocation, terms: &TermsOf) -> Result<Drawn, SettleError> {
    let mut drawn = Drawn::default();
    for (block, reward) in blocks {
        let winner = drawn_for(block, allocation).filter(|id| scheme_of(terms, id) == Scheme::Solo);
        let sum = match winner {
            Some(id) => drawn.solo.entry(id).or_default(),
            None => &mut drawn.pooled,
        };
        *sum = sum.checked_add(*reward).ok_or(SettleError::Overflow)?;
    }
    drawn.reward().ok_or(SettleError::Overflow)?;
    Ok(drawn)
}

impl Drawn {
    /// What solo contracts get, fees and maintenance included.
    pub fn solo_sats(&self) -> Sats {
        self.solo.values().fold(Sats::ZERO, |sum, sats| sum.checked_add(*sats).unwrap_or(Sats::MAX))
    }

    /// The sum of all rewards; `None` beyond all bitcoin.
    pub fn reward(&self) -> Option<Sats> {
        self.solo.values().try_fold(self.pooled, |sum, sats| sum.checked_add(*sats))
    }

    /// Whether something is pooled: then the work since the last such reward is used up.
    pub fn is_pooled(&self) -> bool {
        self.pooled > Sats::ZERO
    }
}

/// SHA-256("provenhash/solo/v1\n" ‖ header hash), as a number most significant byte first, modulo the capacity: the entry
/// whose units, counted from 0 in order of id, hold it.
fn drawn_for(block: &BlockHash, allocation: &Allocation) -> Option<Hash32> {
    let hash = Hash32::of(&[b"provenhash/solo/v1\n", &block.0[..]].concat());
    let mut point = (U256::from_be_bytes(hash.0) % U256::from(allocation.total().get())).to::<u128>();
    for entry in allocation.entries() {
        match point.checked_sub(entry.units.get()) {
            Some(rest) => point = rest,
            None => return Some(entry.id),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{allocation::AllocationEntry, entry::Terms, fixture::terms, work::Units};

    fn allocation(units: &[u128]) -> Allocation {
        let entry =
            |(id, units): (u8, &u128)| AllocationEntry { units: Units::new(*units).unwrap(), id: Hash32([id; 32]) };
        Allocation::new((0..).zip(units).map(entry).collect()).unwrap()
    }

    fn blocks(count: u8) -> alloc::vec::Vec<(BlockHash, Sats)> {
        (0..count).map(|byte| (BlockHash([byte; 32]), Sats::new(50).unwrap())).collect()
    }

    #[test]
    fn a_block_is_drawn_in_proportion_to_units() {
        let list = allocation(&[1, 3]);
        let first = blocks(200).iter().filter(|(block, _)| drawn_for(block, &list) == Some(Hash32([0; 32]))).count();
        assert!((35..65).contains(&first), "{first} of 200 blocks for a quarter of the units");
    }

    #[test]
    fn the_point_is_the_hash_modulo_the_capacity() {
        // sha256("provenhash/solo/v1\n" || 00..00) mod 10, counted in another program
        let list = allocation(&[1; 10]);
        let point = drawn_for(&BlockHash([0; 32]), &list).unwrap().0[0];
        assert_eq!(point, POINT_OF_ZERO);
    }

    #[test]
    fn only_solo_contracts_keep_what_is_drawn_for_them() {
        let (list, solo) = (allocation(&[1, 3]), Hash32([1; 32]));
        let terms = TermsOf::from([(Hash32([0; 32]), terms()), (solo, Terms { scheme: Scheme::Solo, ..terms() })]);
        let drawn = draw(&blocks(200), &list, &terms).unwrap();
        assert_eq!(drawn.solo.keys().collect::<alloc::vec::Vec<_>>(), [&solo]);
        assert_eq!(drawn.reward().unwrap().get(), 200 * 50);
        assert!(drawn.is_pooled() && drawn.pooled < drawn.solo_sats());
    }

    const POINT_OF_ZERO: u8 = 2;
}
