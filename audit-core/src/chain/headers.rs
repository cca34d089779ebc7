//! The best chain's headers, from the period in which the log began.

use alloc::vec::Vec;

use super::{
    HEADER_LEN, HeaderError, Network, PERIOD,
    rules::{check, required_nbits},
};
use crate::{hash::BlockHash, header::Header, work::Nbits};

/// Consecutive headers that follow the network's rules. Memory: 80 bytes a header, about 4 MB for a year of Bitcoin.
///
/// The first header is believed as it stands (a policy's header hash, or the genesis, pins it); every further one was checked.
#[derive(Clone, Debug)]
pub struct HeaderChain {
    network: Network,
    start: u32,
    headers: Vec<[u8; HEADER_LEN]>,
    tip: BlockHash,
}

impl HeaderChain {
    /// No header yet; the first one to come is the first of this period.
    pub fn new(network: Network, first_period: u32) -> Self {
        let start = first_period.saturating_mul(PERIOD);
        Self { network, start, headers: Vec::new(), tip: BlockHash::default() }
    }

    /// Adds the next header and gives its hash.
    ///
    /// # Errors
    /// See [`HeaderError`]; the chain is as before.
    pub fn push(&mut self, bytes: &[u8; HEADER_LEN]) -> Result<BlockHash, HeaderError> {
        let (height, header) = (self.next_height(), Header::from_bytes(bytes));
        if height == u32::MAX {
            return Err(HeaderError::Height);
        }
        check(self.network, &|height| self.header(height), height, &header)?;
        self.headers.push(*bytes);
        self.tip = header.hash();
        Ok(self.tip)
    }

    /// Takes away the headers from `height` on.
    pub fn cut(&mut self, height: u32) {
        let keep = usize::try_from(height.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.headers.truncate(keep);
        self.tip = self.headers.last().map(|bytes| BlockHash::of(bytes)).unwrap_or_default();
    }

    /// Whose rules are followed.
    pub fn network(&self) -> Network {
        self.network
    }

    /// Height of the first header.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// Height of the header that is to come next.
    pub fn next_height(&self) -> u32 {
        u32::try_from(self.headers.len()).map_or(u32::MAX, |count| self.start.saturating_add(count))
    }

    /// Height and hash of the last header; `None` without headers.
    pub fn tip(&self) -> Option<(u32, BlockHash)> {
        (!self.headers.is_empty()).then(|| (self.next_height() - 1, self.tip))
    }

    /// The header at a height; `None` outside.
    pub fn header(&self, height: u32) -> Option<Header> {
        self.bytes(height).map(Header::from_bytes)
    }

    /// The 80 bytes of the header at a height.
    pub fn bytes(&self, height: u32) -> Option<&[u8; HEADER_LEN]> {
        self.headers.get(usize::try_from(height.checked_sub(self.start)?).ok()?)
    }

    /// The hash of the header at a height: the next one states it.
    pub fn hash_at(&self, height: u32) -> Option<BlockHash> {
        self.bytes(height)?;
        match self.tip()? {
            (tip, hash) if tip == height => Some(hash),
            _ => self.header(height.checked_add(1)?).map(|next| next.prevhash),
        }
    }

    /// The network target that a header at `height` must have with this time; `None` when the one before is not known.
    pub fn required_nbits(&self, height: u32, ntime: u32) -> Option<Nbits> {
        required_nbits(self.network, &|height| self.header(height), height, ntime)
    }
}

#[cfg(test)]
mod tests;
