//! The right edge of the tree: the one place where it grows.

use alloc::{string::String, vec::Vec};

use super::{
    TileFile, TileStore, TreeError,
    tree::{read_bundle, read_tile},
};
use crate::{
    hash::Hash32,
    merkle::{Frontier, leaf_hash, tree_root},
    tile::{TILE_WIDTH, append_to_bundle, entries_path, split_bundle, tile_path},
};

/// log₂ of [`TILE_WIDTH`].
const TILE_HEIGHT: u32 = 8;

/// The unfinished tile of every level and the unfinished entry bundle: all that is needed to go on and to know the root.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Edge {
    size: u64,
    /// Hashes of the unfinished tile of each level, fewer than 256 each.
    levels: Vec<Vec<Hash32>>,
    /// The entries behind the last full bundle, as a bundle.
    bundle: Vec<u8>,
}

impl Edge {
    /// The edge of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the edge of the tree of `size` entries: a tile for each level at most, and a bundle. All that is read is under
    /// `root`.
    ///
    /// # Errors
    /// A file that is missing or is not what `root` commits to.
    pub fn load<S: TileStore>(store: &S, size: u64, root: &Hash32) -> Result<Self, TreeError<S::Error>> {
        let mut levels = Vec::new();
        let mut hashes = size;
        for level in 0u8.. {
            if hashes == 0 {
                break;
            }
            let (index, width) = (hashes / TILE_WIDTH, hashes % TILE_WIDTH);
            levels.push(if width > 0 { read_tile(store, level, index, width)? } else { Vec::new() });
            hashes = index;
        }
        let mut edge = Self { size, levels, bundle: Vec::new() };
        let found = edge.root();
        if found != *root {
            return Err(TreeError::Root { size, expected: *root, found });
        }
        edge.bundle = edge.read_bundle(store)?;
        Ok(edge)
    }

    /// Entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over all entries.
    pub fn root(&self) -> Hash32 {
        let mut tree = Frontier::new();
        let mut height = self.levels.len() as u32 * TILE_HEIGHT;
        for hashes in self.levels.iter().rev() {
            height -= TILE_HEIGHT;
            for hash in hashes {
                tree.push_subtree(height, *hash);
            }
        }
        tree.root()
    }

    /// Leaf hashes of the unfinished bundle's entries.
    pub fn leaf_hashes(&self) -> &[Hash32] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// Appends an entry of at most 65,535 bytes; gives the files that became full with it, from the entries upwards.
    pub fn push(&mut self, entry: &[u8]) -> Vec<TileFile> {
        append_to_bundle(&mut self.bundle, entry);
        self.size += 1;
        let mut full = Vec::new();
        if self.size.is_multiple_of(TILE_WIDTH) {
            let path = entries_path(self.size / TILE_WIDTH - 1, TILE_WIDTH);
            full.push(TileFile { path, bytes: core::mem::take(&mut self.bundle) });
        }
        let (mut hash, mut count) = (leaf_hash(entry), self.size);
        for level in 0u8.. {
            let hashes = self.level(level);
            hashes.push(hash);
            if !count.is_multiple_of(TILE_WIDTH) {
                break;
            }
            count /= TILE_WIDTH;
            let tile = core::mem::take(hashes);
            hash = tree_root(&tile);
            full.push(TileFile { path: tile_path(level, count - 1, TILE_WIDTH), bytes: concat(&tile) });
        }
        full
    }

    /// The partial files of this size, without those that a tree of `before` entries has too.
    pub fn partial_files(&self, before: u64) -> Vec<TileFile> {
        let mut files = Vec::new();
        if self.size != before && !self.bundle.is_empty() {
            let path = entries_path(self.size / TILE_WIDTH, self.size % TILE_WIDTH);
            files.push(TileFile { path, bytes: self.bundle.clone() });
        }
        for (level, hashes) in (0u8..).zip(&self.levels) {
            let shift = u32::from(level) * TILE_HEIGHT;
            if hashes.is_empty() || self.size >> shift == before >> shift {
                continue;
            }
            let path = tile_path(level, self.size >> shift >> TILE_HEIGHT, hashes.len() as u64);
            files.push(TileFile { path, bytes: concat(hashes) });
        }
        files
    }

    /// The full files that replaced partial files of a tree of `before` entries on the way to this size, as the paths of
    /// the full ones. There is at most one for each level, and one bundle.
    pub fn superseded(&self, before: u64) -> Vec<String> {
        let mut paths = Vec::new();
        let (mut old, mut new) = (before, self.size);
        for level in 0u8.. {
            if old == 0 {
                break;
            }
            let index = old / TILE_WIDTH;
            if !old.is_multiple_of(TILE_WIDTH) && new / TILE_WIDTH > index {
                if level == 0 {
                    paths.push(entries_path(index, TILE_WIDTH));
                }
                paths.push(tile_path(level, index, TILE_WIDTH));
            }
            (old, new) = (index, new / TILE_WIDTH);
        }
        paths
    }

    fn level(&mut self, level: u8) -> &mut Vec<Hash32> {
        let level = usize::from(level);
        while self.levels.len() <= level {
            self.levels.push(Vec::with_capacity(TILE_WIDTH as usize));
        }
        &mut self.levels[level]
    }

    /// The unfinished bundle, whose entries are those that the unfinished tile names.
    fn read_bundle<S: TileStore>(&self, store: &S) -> Result<Vec<u8>, TreeError<S::Error>> {
        let (index, width) = (self.size / TILE_WIDTH, self.size % TILE_WIDTH);
        if width == 0 {
            return Ok(Vec::new());
        }
        let bundle = read_bundle(store, index, width)?;
        let damaged = || TreeError::Damaged(entries_path(index, width));
        let entries = split_bundle(&bundle, width).map_err(|_| damaged())?;
        let same = entries.into_iter().map(leaf_hash).eq(self.leaf_hashes().iter().copied());
        if same { Ok(bundle) } else { Err(damaged()) }
    }
}

fn concat(hashes: &[Hash32]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}
