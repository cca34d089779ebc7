//! The hashes of the tree in memory, in Crosby-Wallach order: 64 bytes an entry, derived from the entries at each start,
//! so there is no file that could disagree with them. A year of five-minute epochs and 1,000 contracts a day is 50 MB.

use audit_core::hash::Hash32;
use tlog_tiles::{Error, Hash, HashReader, Tile, stored_hashes, tree_hash};

/// Hashes of every complete subtree.
#[derive(Default)]
pub(super) struct Hashes {
    stored: Vec<Hash>,
    size: u64,
}

impl Hashes {
    /// Entries hashed so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Appends an entry.
    pub(super) fn push(&mut self, entry: &[u8]) -> Result<(), Error> {
        let new = stored_hashes(self.size, entry, self)?;
        self.stored.extend(new);
        self.size += 1;
        Ok(())
    }

    /// Root of the tree over the first `size` entries.
    pub(super) fn root_at(&self, size: u64) -> Result<Hash32, Error> {
        Ok(Hash32(tree_hash(size, self)?.0))
    }

    /// The bytes of a hash tile.
    pub(super) fn tile(&self, tile: &Tile) -> Result<Vec<u8>, Error> {
        tile.read_data(self)
    }
}

impl HashReader for Hashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let get = |index: &u64| usize::try_from(*index).ok().and_then(|index| self.stored.get(index)).copied();
        indexes.iter().map(|index| get(index).ok_or(Error::IndexesNotInTree)).collect()
    }
}
