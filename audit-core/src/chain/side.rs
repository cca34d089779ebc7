//! Headers beside the best chain: what the pool built on before a reorganisation.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{
    HEADER_LEN, HeaderChain, HeaderError, PERIOD,
    rules::{check, required_nbits},
};
use crate::{hash::BlockHash, header::Header, work::Nbits};

/// Headers off the best chain, each with a way down to it. Only what was asked for is here.
#[derive(Clone, Debug, Default)]
pub struct SideHeaders {
    by_hash: BTreeMap<BlockHash, (u32, Header)>,
}

/// The chain as it looks from one block: the best chain, and above the fork this block's own ancestors.
#[derive(Debug)]
pub struct Branch<'a> {
    chain: &'a HeaderChain,
    /// Ascending from `fork`; empty for a block of the best chain.
    above: Vec<Header>,
    /// Height of the first header above the best chain's part.
    fork: u32,
}

impl SideHeaders {
    /// The headers of a `chain/side/…` file: one at least, at most a period of them.
    pub fn split_file(bytes: &[u8]) -> Option<Vec<Header>> {
        let (headers, rest) = bytes.as_chunks::<HEADER_LEN>();
        let fits = rest.is_empty() && (1..=PERIOD as usize).contains(&headers.len());
        fits.then(|| headers.iter().map(Header::from_bytes).collect())
    }

    /// Adds headers, the first at `height`. The one before it must be on the best chain or here.
    ///
    /// # Errors
    /// The first header that breaks a rule; those before it are kept.
    pub fn add(&mut self, chain: &HeaderChain, height: u32, headers: &[Header]) -> Result<(), HeaderError> {
        for (height, header) in (height..).zip(headers) {
            let below = height.checked_sub(1).and_then(|below| self.branch(chain, below, &header.prevhash));
            let below = below.ok_or(HeaderError::Link {
                expected: height.checked_sub(1).and_then(|below| chain.hash_at(below)).unwrap_or_default(),
                found: header.prevhash,
            })?;
            check(chain.network(), &|height| below.header(height), height, header)?;
            self.by_hash.insert(header.hash(), (height, *header));
        }
        Ok(())
    }

    /// The chain as seen from the block `hash` at `height`; `None` when it is neither on the best chain nor here.
    pub fn branch<'a>(&self, chain: &'a HeaderChain, height: u32, hash: &BlockHash) -> Option<Branch<'a>> {
        let (mut above, mut hash, mut at) = (Vec::new(), *hash, height);
        while chain.hash_at(at) != Some(hash) {
            let (known, header) = self.by_hash.get(&hash)?;
            if *known != at {
                return None;
            }
            above.push(*header);
            hash = header.prevhash;
            at = at.checked_sub(1)?;
        }
        above.reverse();
        Some(Branch { chain, above, fork: at.checked_add(1)? })
    }
}

impl Branch<'_> {
    /// The header at a height, up to the block from which this is seen.
    pub fn header(&self, height: u32) -> Option<Header> {
        match height.checked_sub(self.fork) {
            None => self.chain.header(height),
            Some(above) => self.above.get(usize::try_from(above).ok()?).copied(),
        }
    }

    /// Whether the block is on the best chain.
    pub fn is_best(&self) -> bool {
        self.above.is_empty()
    }

    /// The network target that a header on top of this branch must have with this time.
    pub fn required_nbits(&self, ntime: u32) -> Option<Nbits> {
        let height = self.fork.checked_add(u32::try_from(self.above.len()).ok()?)?;
        required_nbits(self.chain.network(), &|height| self.header(height), height, ntime)
    }
}

#[cfg(test)]
mod tests;
