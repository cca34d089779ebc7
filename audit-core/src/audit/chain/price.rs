//! What the chain says of prices: the network target on top of a block, and what blocks paid in fees.

use alloc::{format, string::String};

use super::{Archive, ChainSide};
use crate::{
    audit::log::LogEpoch,
    hash::BlockHash,
    scheme::{FEE_BLOCKS, FeesPpm, Hashprice, Price, fees_ppm},
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
        Some(archive.has(fees.height, &fees.hash).map(|()| archive.fees_ppm(fees.height)))
    }

    /// The same of a hashprice.
    pub(in crate::audit) fn hashprice_on(&self, price: &Hashprice) -> Option<Result<u128, String>> {
        let archive = self.archive.as_ref()?;
        let computed = || archive.hashprice(price.height).ok_or_else(|| "a block that nothing can follow".into());
        Some(archive.has(price.height, &price.hash).and_then(|()| computed()))
    }
}

impl Archive {
    /// Whether this block is on the best chain; what is there instead.
    fn has(&self, height: u32, hash: &BlockHash) -> Result<(), String> {
        match self.headers.hash_at(height) {
            Some(found) if found == *hash => Ok(()),
            Some(found) => Err(format!("{found}")),
            None => Err("no block".into()),
        }
    }

    fn fees_ppm(&self, height: u32) -> u32 {
        let start = self.headers.start();
        let first = height.saturating_sub(FEE_BLOCKS - 1).max(start);
        let reward = |height: u32| -> Option<(u32, Sats)> {
            let index = usize::try_from(height.checked_sub(start)?).ok()?;
            Some((height, *self.rewards.get(index)?))
        };
        fees_ppm(self.headers.network(), (first..=height).filter_map(reward))
    }

    fn hashprice(&self, height: u32) -> Option<u128> {
        let next = height.checked_add(1)?;
        let nbits = self.headers.required_nbits(next, self.headers.header(height)?.ntime)?;
        Price::of(self.headers.network(), next, nbits, self.fees_ppm(height).into())?.hashprice()
    }
}
