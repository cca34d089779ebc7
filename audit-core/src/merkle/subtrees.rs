//! Proofs from the roots of perfect subtrees, wherever those are kept: leaves in memory, tiles, chunks of a file. A proof
//! asks for O(log n) of them.

use alloc::vec::Vec;
use core::convert::Infallible;

use super::{empty_root, node_hash, tree_root};
use crate::hash::Hash32;

/// The roots of the perfect subtrees of a tree.
pub trait Subtrees {
    /// Why a root can't be had.
    type Error;

    /// Root over the leaves `index`·2^`height` to (`index` + 1)·2^`height` − 1, which are all in the tree.
    fn root(&mut self, height: u32, index: u64) -> Result<Hash32, Self::Error>;
}

/// A tree whose leaf hashes are all in memory.
pub struct Leaves<'a>(pub &'a [Hash32]);

impl Subtrees for Leaves<'_> {
    type Error = Infallible;

    fn root(&mut self, height: u32, index: u64) -> Result<Hash32, Infallible> {
        let first = usize::try_from(index << height).unwrap_or(usize::MAX);
        let end = usize::try_from((index + 1) << height).unwrap_or(usize::MAX);
        Ok(tree_root(self.0.get(first..end).unwrap_or_default()))
    }
}

/// The perfect subtrees, as (height, index), that cover the leaves `first` to `end` − 1 from left to right, each as large
/// as its place allows.
pub fn cover(first: u64, end: u64) -> impl Iterator<Item = (u32, u64)> {
    let mut at = first;
    core::iter::from_fn(move || {
        let height = end.checked_sub(at)?.checked_ilog2()?.min(at.trailing_zeros());
        let subtree = (height, at >> height);
        at += 1 << height;
        Some(subtree)
    })
}

/// MTH(D[first:end]) of RFC 6962, section 2.1, where `first` is such a range's start in a larger tree: 0, or a multiple of a
/// power of two that is at least `end` − `first`.
pub fn root_over<S: Subtrees>(first: u64, end: u64, tree: &mut S) -> Result<Hash32, S::Error> {
    let roots = cover(first, end).map(|(height, index)| tree.root(height, index)).collect::<Result<Vec<_>, _>>()?;
    Ok(roots.into_iter().rev().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root))
}

/// RFC 6962 PATH(index, D[size]), the leaf's sibling first; empty when `index` is not below `size`.
pub fn prove_inclusion<S: Subtrees>(index: u64, size: u64, tree: &mut S) -> Result<Vec<Hash32>, S::Error> {
    let (mut first, mut end, mut path) = (0, size, Vec::new());
    while index < size && end - first > 1 {
        let split = first + left_half(end - first);
        if index < split {
            path.push(root_over(split, end, tree)?);
            end = split;
        } else {
            path.push(root_over(first, split, tree)?);
            first = split;
        }
    }
    path.reverse();
    Ok(path)
}

/// RFC 6962 PROOF(old, D[new]); empty when there is nothing to prove: `old` is 0 or not below `new`.
pub fn prove_consistency<S: Subtrees>(old: u64, new: u64, tree: &mut S) -> Result<Vec<Hash32>, S::Error> {
    if old == 0 || old >= new {
        return Ok(Vec::new());
    }
    let (mut first, mut end, mut proof) = (0, new, Vec::new());
    while old < end {
        let split = first + left_half(end - first);
        if old <= split {
            proof.push(root_over(split, end, tree)?);
            end = split;
        } else {
            proof.push(root_over(first, split, tree)?);
            first = split;
        }
    }
    // The old tree itself is known to the verifier; a part of it is not.
    if first > 0 {
        proof.push(root_over(first, end, tree)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The largest power of two below `size`, which is at least 2.
fn left_half(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}
