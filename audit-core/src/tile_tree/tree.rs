//! Any root and any proof of a log, from its tiles.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{TileStore, TreeError};
use crate::{
    hash::Hash32,
    merkle::{Subtrees, prove_consistency, prove_inclusion, tree_root},
    tile::{TILE_WIDTH, entries_path, full_path, narrowed, split_bundle, tile_path},
};

/// Bytes of a hash.
const HASH_LEN: usize = 32;

/// The tree of the first `size` entries. Reads each tile once.
pub struct TileTree<'a, S: TileStore> {
    store: &'a S,
    size: u64,
    /// By level and index.
    read: BTreeMap<(u8, u64), Vec<Hash32>>,
}

/// RFC 6962 PATH(index, D[size]) from tiles. The caller verifies it against the root that it has: tiles are only files.
///
/// # Errors
/// A tile that is missing or has another length.
pub fn inclusion_proof<S: TileStore>(store: &S, index: u64, size: u64) -> Result<Vec<Hash32>, TreeError<S::Error>> {
    prove_inclusion(index, size, &mut TileTree::new(store, size))
}

/// RFC 6962 PROOF(old, D[new]) from tiles. The caller verifies it against the roots that it has.
///
/// # Errors
/// A tile that is missing or has another length.
pub fn consistency_proof<S: TileStore>(store: &S, old: u64, new: u64) -> Result<Vec<Hash32>, TreeError<S::Error>> {
    prove_consistency(old, new, &mut TileTree::new(store, new))
}

impl<'a, S: TileStore> TileTree<'a, S> {
    /// The tree over the first `size` entries of a store.
    pub fn new(store: &'a S, size: u64) -> Self {
        Self { store, size, read: BTreeMap::new() }
    }

    fn tile(&mut self, level: u8, index: u64) -> Result<&[Hash32], TreeError<S::Error>> {
        use alloc::collections::btree_map::Entry;
        match self.read.entry((level, index)) {
            Entry::Occupied(tile) => Ok(tile.into_mut()),
            Entry::Vacant(place) => {
                let hashes = self.size.checked_shr(u32::from(level) * 8).unwrap_or(0);
                let width = hashes.saturating_sub(index * TILE_WIDTH).min(TILE_WIDTH);
                Ok(place.insert(read_tile(self.store, level, index, width)?))
            }
        }
    }
}

impl<S: TileStore> Subtrees for TileTree<'_, S> {
    type Error = TreeError<S::Error>;

    /// A subtree's root is over 1, 2, 4 … 128 neighbours of one tile.
    fn root(&mut self, height: u32, index: u64) -> Result<Hash32, Self::Error> {
        let (level, inner) = ((height / 8) as u8, height % 8);
        let first = index << inner;
        let (tile, offset) = (first / TILE_WIDTH, (first % TILE_WIDTH) as usize);
        let hashes = self.tile(level, tile)?;
        let range = hashes.get(offset..offset + (1 << inner));
        range.map(tree_root).ok_or_else(|| TreeError::Damaged(tile_path(level, tile, TILE_WIDTH)))
    }
}

/// The first `width` hashes of a tile: from the partial file, or from the full one where that has replaced it.
///
/// # Errors
/// A tile that is missing or has another length.
pub fn read_tile<S: TileStore>(
    store: &S,
    level: u8,
    index: u64,
    width: u64,
) -> Result<Vec<Hash32>, TreeError<S::Error>> {
    let path = tile_path(level, index, width);
    let read = |path: &str| store.read_tile(path).map_err(TreeError::Store);
    let (bytes, count) = match read(&path)? {
        Some(bytes) => (bytes, width),
        None if width == TILE_WIDTH => return Err(TreeError::Missing(path)),
        None => (read(full_path(&path))?.ok_or_else(|| TreeError::Missing(path.clone()))?, TILE_WIDTH),
    };
    if bytes.len() as u64 != count * HASH_LEN as u64 {
        return Err(TreeError::Damaged(path));
    }
    let hashes = bytes.as_chunks::<HASH_LEN>().0.iter();
    Ok(hashes.take(width as usize).map(|hash| Hash32(*hash)).collect())
}

/// The bundle of the first `width` entries at a place: from the partial file, or from the full one that has replaced it.
pub(super) fn read_bundle<S: TileStore>(store: &S, index: u64, width: u64) -> Result<Vec<u8>, TreeError<S::Error>> {
    let path = entries_path(index, width);
    if let Some(bundle) = store.read_tile(&path).map_err(TreeError::Store)? {
        return Ok(bundle);
    }
    let full = store.read_tile(full_path(&path)).map_err(TreeError::Store)?;
    match full.as_ref().and_then(|full| narrowed(&path, full)) {
        Some(bundle) => Ok(bundle.to_vec()),
        None => Err(TreeError::Missing(path)),
    }
}

/// The bytes of an entry of a log of `size` entries. The caller verifies them against a proof: bundles are only files.
///
/// # Errors
/// A bundle that is missing or is none; also when there is no such entry.
pub fn read_entry<S: TileStore>(store: &S, index: u64, size: u64) -> Result<Vec<u8>, TreeError<S::Error>> {
    let bundle = index / TILE_WIDTH;
    let width = size.saturating_sub(bundle * TILE_WIDTH).min(TILE_WIDTH);
    let bytes = read_bundle(store, bundle, width)?;
    let entries = split_bundle(&bytes, width).ok();
    let entry = entries.and_then(|entries| entries.get((index % TILE_WIDTH) as usize).map(|entry| entry.to_vec()));
    entry.ok_or_else(|| TreeError::Damaged(entries_path(bundle, width)))
}
