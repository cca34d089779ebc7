//! FPPS: what the chain's blocks pay in fees.

use alloc::string::String;

use crate::{chain::Network, entry::ExternalInput, hash::BlockHash, text::decimal, work::Sats};

/// The name of the input that says what blocks pay in fees.
pub const FEES_INPUT: &str = "block_fees_ppm";
/// Blocks whose fees are counted: a day of them.
pub const FEE_BLOCKS: u32 = 144;
/// Blocks that the last of them may be below an epoch's tip.
pub const FEE_DEPTH: u32 = 2 * FEE_BLOCKS;

/// A logged [`FEES_INPUT`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeesPpm {
    /// Fees in millionths of subsidies.
    pub ppm: u32,
    /// Height of the last block that is counted.
    pub height: u32,
    /// Its hash.
    pub hash: BlockHash,
}

impl FeesPpm {
    /// Reads an input of that name; its source is `block <height> <BlockHash>`.
    pub fn of(input: &ExternalInput) -> Option<Self> {
        let (height, hash) = block_named(&input.source)?;
        Some(Self { ppm: decimal(&input.value)?, height, hash })
    }

    /// The entry to be logged.
    pub fn to_input(self, at_ms: u64) -> ExternalInput {
        let (value, source) = (alloc::format!("{}", self.ppm), name_block(self.height, &self.hash));
        ExternalInput { name: FEES_INPUT.into(), value, source, at_ms }
    }
}

/// The source of an input that follows from the chain up to a block.
pub(super) fn name_block(height: u32, hash: &BlockHash) -> String {
    alloc::format!("block {height} {hash}")
}

/// The block that such a source names.
pub(super) fn block_named(source: &str) -> Option<(u32, BlockHash)> {
    let (height, hash) = source.strip_prefix("block ")?.split_once(' ')?;
    Some((decimal(height)?, hash.parse().ok()?))
}

/// ⌊10⁶ · Σ fees / Σ subsidies⌋ of blocks by height with what each coinbase pays, at most 2³² − 1; 0 when the coinbases
/// pay less than they may, or nothing may be created any more.
pub fn fees_ppm(network: Network, blocks: impl Iterator<Item = (u32, Sats)>) -> u32 {
    let (mut rewards, mut subsidies) = (0u128, 0u128);
    for (height, reward) in blocks {
        rewards += u128::from(reward.get());
        subsidies += u128::from(network.subsidy(height).get());
    }
    let fees = rewards.saturating_sub(subsidies);
    let ppm = (fees * 1_000_000).checked_div(subsidies).unwrap_or(0);
    u32::try_from(ppm).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_has_one_form() {
        let fees = FeesPpm { ppm: 12_345, height: 840_000, hash: BlockHash([7; 32]) };
        let input = fees.to_input(1);
        assert_eq!(FeesPpm::of(&input), Some(fees));
        assert_eq!(FeesPpm::of(&ExternalInput { source: "a website".into(), ..input.clone() }), None);
        assert_eq!(FeesPpm::of(&ExternalInput { value: "4294967296".into(), ..input }), None);
    }

    #[test]
    fn fees_are_what_coinbases_pay_above_the_subsidy() {
        let reward = |sats| Sats::new(sats).unwrap();
        let blocks = [(840_000, reward(312_500_000 + 3_125_000)), (840_001, reward(312_500_000))];
        assert_eq!(fees_ppm(Network::Bitcoin, blocks.into_iter()), 5_000);
        assert_eq!(fees_ppm(Network::Bitcoin, [(840_000, reward(1))].into_iter()), 0);
        assert_eq!(fees_ppm(Network::Bitcoin, core::iter::empty()), 0);
    }

    #[test]
    fn the_subsidy_halves() {
        let of = |network: Network, height| network.subsidy(height).get();
        assert_eq!(of(Network::Bitcoin, 209_999), 5_000_000_000);
        assert_eq!(of(Network::Bitcoin, 840_000), 312_500_000);
        assert_eq!(of(Network::Regtest, 150), 2_500_000_000);
        assert_eq!(of(Network::Bitcoin, u32::MAX), 0);
    }
}
