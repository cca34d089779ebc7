//! The log's tree as tiles (c2sp.org/tlog-tiles): growing it, its roots and its proofs, at a cost of O(log n) for a tree of
//! n entries. Nothing but the unfinished tiles at the tree's right edge is ever held in memory.
//!
//! In scope: which files there are and what is in them. Out of scope: keeping them ([`TileStore`] is whoever does),
//! signing roots (`checkpoint`).

mod edge;
mod tree;

use alloc::{string::String, vec::Vec};

use thiserror::Error;

use crate::hash::Hash32;

pub use edge::Edge;
pub use tree::{TileTree, consistency_proof, inclusion_proof, read_entry, read_tile};

/// Reads tiles and entry bundles.
pub trait TileStore {
    /// Why a file can't be read.
    type Error;

    /// The file at a path below `/log/`, `None` when there is none.
    fn read_tile(&self, path: &str) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// A file of the log: its path below `/log/` and its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TileFile {
    /// Below `/log/`.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// Why a tree can't be read from its tiles.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TreeError<E> {
    /// The store failed.
    #[error("{0}")]
    Store(E),
    /// Neither the file nor the full one that would replace it exists.
    #[error("log/{0} is missing")]
    Missing(String),
    /// The file has another length than its place demands, or an entry in it is not the one that its tile names.
    #[error("log/{0} is damaged")]
    Damaged(String),
    /// The tiles give another root.
    #[error("the tiles of the first {size} entries give the root {found}, expected {expected}")]
    Root {
        /// Entries.
        size: u64,
        /// The root they should have.
        expected: Hash32,
        /// The root they have.
        found: Hash32,
    },
}

#[cfg(test)]
mod tests;
