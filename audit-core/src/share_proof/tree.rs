//! An epoch's share tree from its files, of which a proof reads the chunk roots and a few chunks.

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    epoch::{CHUNK_RECORDS, CHUNK_ROW_LEN},
    hash::Hash32,
    merkle::{Subtrees, leaf_hash, tree_root},
    share::RECORD_LEN,
};

/// log₂ of [`CHUNK_RECORDS`].
const CHUNK_HEIGHT: u32 = CHUNK_RECORDS.trailing_zeros();

/// The tree over the records of `shares`. `read` gives the bytes of one chunk by its number; each is read once.
pub struct ShareTree<F> {
    roots: Vec<Hash32>,
    read: F,
    leaves: BTreeMap<u64, Vec<Hash32>>,
}

impl<E, F: FnMut(u64) -> Result<Vec<u8>, E>> ShareTree<F> {
    /// From the file `chunks`. Its rows are believed here; whoever uses a proof verifies it.
    pub fn new(chunks: &[u8], read: F) -> Self {
        let root = |row: &[u8]| row.first_chunk().copied().map(Hash32).unwrap_or_default();
        Self { roots: chunks.chunks(CHUNK_ROW_LEN).map(root).collect(), read, leaves: BTreeMap::new() }
    }

    fn chunk(&mut self, number: u64) -> Result<&[Hash32], E> {
        use alloc::collections::btree_map::Entry;
        match self.leaves.entry(number) {
            Entry::Occupied(leaves) => Ok(leaves.into_mut()),
            Entry::Vacant(place) => {
                let records = (self.read)(number)?;
                Ok(place.insert(records.chunks(RECORD_LEN).map(leaf_hash).collect()))
            }
        }
    }
}

impl<E, F: FnMut(u64) -> Result<Vec<u8>, E>> Subtrees for ShareTree<F> {
    type Error = E;

    fn root(&mut self, height: u32, index: u64) -> Result<Hash32, E> {
        let over = |hashes: &[Hash32], first: u64, count: u64| {
            let first = usize::try_from(first).unwrap_or(usize::MAX);
            let end = first.saturating_add(usize::try_from(count).unwrap_or(usize::MAX));
            tree_root(hashes.get(first..end).unwrap_or_default())
        };
        if height >= CHUNK_HEIGHT {
            let chunks = 1 << (height - CHUNK_HEIGHT);
            return Ok(over(&self.roots, index * chunks, chunks));
        }
        let (first, width) = (index << height, CHUNK_RECORDS as u64);
        Ok(over(self.chunk(first / width)?, first % width, 1 << height))
    }
}
