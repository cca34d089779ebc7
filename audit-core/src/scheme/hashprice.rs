//! What hashrate can be expected to earn in a day, which prices of contracts may follow.

use super::fees::{block_named, name_block};
use crate::{entry::ExternalInput, hash::BlockHash, text::decimal};

/// The name of the input that says what 1 PH/s (10¹⁵ hashes a second) earns in a day, in satoshis.
pub const HASHPRICE_INPUT: &str = "hashprice_sats_per_phs_day";

/// A logged [`HASHPRICE_INPUT`]: of a block on top of the one it names, with the fees of the blocks up to that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hashprice {
    /// Satoshis for 1 PH/s in a day.
    pub sats_per_phs_day: u128,
    /// Height of the last block that counts.
    pub height: u32,
    /// Its hash.
    pub hash: BlockHash,
}

impl Hashprice {
    /// Reads an input of that name; its source is `block <height> <BlockHash>`.
    pub fn of(input: &ExternalInput) -> Option<Self> {
        let (height, hash) = block_named(&input.source)?;
        Some(Self { sats_per_phs_day: decimal(&input.value)?, height, hash })
    }

    /// The entry to be logged.
    pub fn to_input(self, at_ms: u64) -> ExternalInput {
        let value = alloc::format!("{}", self.sats_per_phs_day);
        ExternalInput { name: HASHPRICE_INPUT.into(), value, source: name_block(self.height, &self.hash), at_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_has_one_form() {
        let price = Hashprice { sats_per_phs_day: u128::MAX, height: 840_000, hash: BlockHash([7; 32]) };
        let input = price.to_input(1);
        assert_eq!(Hashprice::of(&input), Some(price));
        assert_eq!(Hashprice::of(&ExternalInput { source: "block 1".into(), ..input.clone() }), None);
        assert_eq!(Hashprice::of(&ExternalInput { value: "-1".into(), ..input }), None);
    }
}
