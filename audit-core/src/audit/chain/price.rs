//! What the chain says of prices: the network target on top of an epoch's tip, and what blocks paid in fees.

use alloc::{format, string::String};

use super::ChainSide;
use crate::{
    audit::log::LogEpoch,
    scheme::{FEE_BLOCKS, FeesPpm, Price, fees_ppm},
    work::Sats,
};

impl ChainSide<'_> {
    /// The price of an epoch: of a block on top of its tip, at the tip's own time. `None` when the chain is not known.
    pub(in crate::audit) fn price(&self, epoch: &LogEpoch, fees_ppm: u64) -> Option<Price> {
        let (archive, tip) = (self.archive.as_ref()?, epoch.open.chain);
        let branch = archive.side.branch(&archive.headers, tip.height, &tip.hash)?;
        let nbits = branch.required_nbits(branch.header(tip.height)?.ntime)?;
        Price::of(archive.headers.network(), tip.height.checked_add(1)?, nbits, fees_ppm)
    }

    /// The fee rate up to the block that an input names; what is there instead when that block is not. `None` when the chain
    /// is not known.
    pub(in crate::audit) fn fees_up_to(&self, fees: &FeesPpm) -> Option<Result<u32, String>> {
        let archive = self.archive.as_ref()?;
        let found = archive.headers.hash_at(fees.height);
        if found != Some(fees.hash) {
            return Some(Err(found.map_or_else(|| "no block".into(), |found| format!("{found}"))));
        }
        let start = archive.headers.start();
        let first = fees.height.saturating_sub(FEE_BLOCKS - 1).max(start);
        let reward = |height: u32| -> Option<(u32, Sats)> {
            let index = usize::try_from(height.checked_sub(start)?).ok()?;
            Some((height, *archive.rewards.get(index)?))
        };
        Some(Ok(fees_ppm(archive.headers.network(), (first..=fees.height).filter_map(reward))))
    }
}
