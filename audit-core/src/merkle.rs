//! The RFC 6962 tree (SHA-256) and the verifiers of RFC 9162, section 2.1.

mod range;
mod subtrees;

use alloc::{vec, vec::Vec};

use rs_merkle::{Hasher, MerkleTree};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{
    hash::{Hash32, sha256},
    share::RECORD_LEN,
};

pub use range::{prove_range, verify_range};
pub use subtrees::{Leaves, Subtrees, cover, prove_consistency, prove_inclusion, root_over};

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The leaf index is not below the tree size, or the old size is above the new one.
    #[error("index or size out of range")]
    Range,
    /// Too few or too many hashes.
    #[error("proof has the wrong number of hashes")]
    Length,
    /// The hashes lead to another root.
    #[error("proof leads to another root: expected {expected}, found {found}")]
    Root {
        /// The root that was to be proven.
        expected: Hash32,
        /// The root that the proof leads to.
        found: Hash32,
    },
}

/// Root of the empty tree: SHA-256 of nothing.
pub fn empty_root() -> Hash32 {
    Hash32(sha256(&[]))
}

/// SHA-256(0x00 ‖ data).
pub fn leaf_hash(data: &[u8]) -> Hash32 {
    Hash32(Sha256::new().chain_update([0]).chain_update(data).finalize().into())
}

/// SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash32, right: &Hash32) -> Hash32 {
    Hash32(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// A whole tree in memory, for proofs: `rs_merkle` with RFC 6962's hashing. Never verify with `rs_merkle` (its
/// `MerkleProof::verify` accepts forged proofs); verify with this module.
pub fn whole_tree(leaf_hashes: &[Hash32]) -> MerkleTree<Rfc6962> {
    MerkleTree::from_leaves(leaf_hashes)
}

/// The leaf hashes of share records, many at a time.
pub fn record_hashes(records: &[[u8; RECORD_LEN]]) -> Vec<Hash32> {
    let mut hashes = vec![[0; 32]; records.len()];
    share_hash::leaf_hashes(records, &mut hashes);
    hashes.into_iter().map(Hash32).collect()
}

/// Root of the tree over `leaf_hashes`.
pub fn tree_root(leaf_hashes: &[Hash32]) -> Hash32 {
    let mut level: Vec<[u8; 32]> = leaf_hashes.iter().map(|hash| hash.0).collect();
    // In RFC 6962's shape a last node without a neighbour goes up as it is.
    while level.len() > 1 {
        let (pairs, alone) = level.as_chunks::<2>();
        let mut above = vec![[0; 32]; pairs.len()];
        share_hash::node_hashes(pairs, &mut above);
        above.extend(alone);
        level = above;
    }
    level.pop().map_or_else(empty_root, Hash32)
}

/// RFC 6962's node hashing for `rs_merkle`.
#[derive(Clone)]
pub struct Rfc6962;

impl Hasher for Rfc6962 {
    type Hash = Hash32;

    fn hash(data: &[u8]) -> Hash32 {
        leaf_hash(data)
    }

    fn concat_and_hash(left: &Hash32, right: Option<&Hash32>) -> Hash32 {
        right.map_or(*left, |right| node_hash(left, right))
    }
}

/// The roots of the full subtrees of a growing tree: appends and gives the root in O(log n).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// One per set bit of `size`, largest subtree first.
    roots: Vec<Hash32>,
}

impl Frontier {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf_hash: Hash32) {
        self.push_subtree(0, leaf_hash);
    }

    /// Appends 2^`height` leaves by their root. The size must be a multiple of 2^`height`, as it is when subtrees are
    /// pushed in the order of [`cover`].
    pub fn push_subtree(&mut self, height: u32, root: Hash32) {
        let mut node = root;
        for _ in 0..(self.size >> height).trailing_ones() {
            if let Some(left) = self.roots.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.roots.push(node);
        self.size += 1 << height;
    }

    /// The root now.
    pub fn root(&self) -> Hash32 {
        let fold = |right: Hash32, left: &Hash32| node_hash(left, &right);
        self.roots.iter().rev().copied().reduce(|right, left| fold(right, &left)).unwrap_or_else(empty_root)
    }
}

/// Verifies that the leaf is at `index` of the tree of `size` leaves with `root` (RFC 9162, 2.1.3.2).
///
/// # Errors
/// See [`ProofError`].
pub fn verify_inclusion(
    leaf_hash: &Hash32,
    index: u64,
    size: u64,
    proof: &[Hash32],
    root: &Hash32,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range);
    }
    let (mut node, mut last, mut found) = (index, size - 1, *leaf_hash);
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node & 1 == 1 || node == last {
            found = node_hash(sibling, &found);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            found = node_hash(&found, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    same_root(root, &found)
}

/// Verifies that the tree of `new_size` leaves extends the one of `old_size` (RFC 9162, 2.1.4.2). Every tree extends the
/// empty one, with an empty proof.
///
/// # Errors
/// See [`ProofError`].
pub fn verify_consistency(
    old_size: u64,
    new_size: u64,
    proof: &[Hash32],
    old_root: &Hash32,
    new_root: &Hash32,
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::Range);
    }
    if old_size == 0 {
        same_root(&empty_root(), old_root)?;
        return if proof.is_empty() { Ok(()) } else { Err(ProofError::Length) };
    }
    if old_size == new_size {
        return if proof.is_empty() { same_root(old_root, new_root) } else { Err(ProofError::Length) };
    }
    let (start, siblings) = match (old_size.is_power_of_two(), proof.split_first()) {
        (true, _) => (*old_root, proof),
        (false, Some((first, rest))) => (*first, rest),
        (false, None) => return Err(ProofError::Length),
    };
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (start, start);
    for sibling in siblings {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node & 1 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length);
    }
    same_root(old_root, &old)?;
    same_root(new_root, &new)
}

/// RFC 6962 PATH: the siblings of leaf `index`, leaf's sibling first.
///
/// # Errors
/// [`ProofError::Range`].
pub fn inclusion_proof(index: usize, leaf_hashes: &[Hash32]) -> Result<Vec<Hash32>, ProofError> {
    if index >= leaf_hashes.len() {
        return Err(ProofError::Range);
    }
    Ok(whole_tree(leaf_hashes).proof(&[index]).proof_hashes().to_vec())
}

/// RFC 6962 PROOF: that the tree over `leaf_hashes` extends the one over its first `old_size`.
///
/// # Errors
/// [`ProofError::Range`].
pub fn consistency_proof(old_size: usize, leaf_hashes: &[Hash32]) -> Result<Vec<Hash32>, ProofError> {
    if old_size > leaf_hashes.len() {
        return Err(ProofError::Range);
    }
    let Ok(proof) = prove_consistency(old_size as u64, leaf_hashes.len() as u64, &mut Leaves(leaf_hashes));
    Ok(proof)
}

fn same_root(expected: &Hash32, found: &Hash32) -> Result<(), ProofError> {
    if expected == found { Ok(()) } else { Err(ProofError::Root { expected: *expected, found: *found }) }
}

#[cfg(test)]
mod tests;
