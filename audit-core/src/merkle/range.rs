//! Proofs that leaves stand side by side at a known place of a tree.
//!
//! The proof is the roots of the perfect subtrees left of the range, then of those right of it ([`cover`] gives both), each
//! from left to right. Its length follows from place and size alone, so a tree has exactly one proof for a range.

use alloc::vec::Vec;

use super::{Frontier, ProofError, Subtrees, cover, same_root};
use crate::hash::Hash32;

/// The proof for the leaves `first` to `end` − 1 of a tree of `size`.
pub fn prove_range<S: Subtrees>(first: u64, end: u64, size: u64, tree: &mut S) -> Result<Vec<Hash32>, S::Error> {
    cover(0, first).chain(cover(end, size)).map(|(height, index)| tree.root(height, index)).collect()
}

/// Verifies that exactly these leaves are at `first` and behind it, in the tree of `size` leaves with `root`.
///
/// # Errors
/// See [`ProofError`]; [`ProofError::Range`] also when there are no leaves.
pub fn verify_range(
    leaf_hashes: &[Hash32],
    first: u64,
    size: u64,
    proof: &[Hash32],
    root: &Hash32,
) -> Result<(), ProofError> {
    let end = first.checked_add(leaf_hashes.len() as u64).filter(|end| *end <= size).ok_or(ProofError::Range)?;
    if leaf_hashes.is_empty() {
        return Err(ProofError::Range);
    }
    let left_count = cover(0, first).count();
    if proof.len() != left_count + cover(end, size).count() {
        return Err(ProofError::Length);
    }
    let (left, right) = proof.split_at(left_count);
    let mut tree = Frontier::new();
    for ((height, _), hash) in cover(0, first).zip(left) {
        tree.push_subtree(height, *hash);
    }
    for leaf in leaf_hashes {
        tree.push(*leaf);
    }
    for ((height, _), hash) in cover(end, size).zip(right) {
        tree.push_subtree(height, *hash);
    }
    same_root(root, &tree.root())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{Leaves, leaf_hash, tree_root};
    use proptest::prelude::*;

    fn leaves(count: u32) -> Vec<Hash32> {
        (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
    }

    fn proof(all: &[Hash32], first: usize, end: usize) -> Vec<Hash32> {
        let Ok(proof) = prove_range(first as u64, end as u64, all.len() as u64, &mut Leaves(all));
        proof
    }

    #[test]
    fn every_honest_range_holds_and_no_other_does() {
        let all = leaves(19);
        for size in 1..=all.len() {
            let all = &all[..size];
            let root = tree_root(all);
            for first in 0..size {
                for end in first + 1..=size {
                    let proof = proof(all, first, end);
                    let verify = |leaves: &[Hash32], first: usize, size: usize, proof: &[Hash32]| {
                        verify_range(leaves, first as u64, size as u64, proof, &root)
                    };
                    assert_eq!(verify(&all[first..end], first, size, &proof), Ok(()), "{first} {end} {size}");
                    for wrong in (0..=size).filter(|wrong| *wrong != first) {
                        assert!(verify(&all[first..end], wrong, size, &proof).is_err());
                    }
                    assert!(verify(&all[first..end - 1], first, size, &proof).is_err());
                    assert!(verify(&all[first..end], first, size, &[&proof[..], &[root]].concat()).is_err());
                    for index in 0..proof.len() {
                        let mut forged = proof.clone();
                        forged[index].0[index] ^= 1;
                        assert!(verify(&all[first..end], first, size, &forged).is_err());
                        forged.remove(index);
                        assert_eq!(verify(&all[first..end], first, size, &forged), Err(ProofError::Length));
                    }
                    for index in first..end {
                        let mut forged = all[first..end].to_vec();
                        forged[index - first].0[0] ^= 1;
                        assert!(verify(&forged, first, size, &proof).is_err());
                    }
                }
            }
        }
    }

    #[test]
    fn places_that_can_not_be_are_refused() {
        let all = leaves(2);
        let root = tree_root(&all);
        assert_eq!(verify_range(&[], 0, 2, &all, &root), Err(ProofError::Range));
        assert_eq!(verify_range(&all, 1, 2, &[], &root), Err(ProofError::Range));
        assert_eq!(verify_range(&all, u64::MAX, u64::MAX, &[], &root), Err(ProofError::Range));
        assert!(verify_range(&all[..1], u64::MAX - 1, u64::MAX, &[], &root).is_err());
    }

    proptest! {
        #[test]
        fn ranges_of_large_trees_hold(size in 1u32..3_000, at in any::<u32>(), count in 1u32..600) {
            let all = leaves(size);
            let first = at % size;
            let end = (first + count).min(size);
            let (first, end) = (first as usize, end as usize);
            let root = tree_root(&all);
            let proof = proof(&all, first, end);
            prop_assert!(proof.len() <= 24);
            prop_assert_eq!(verify_range(&all[first..end], first as u64, size.into(), &proof, &root), Ok(()));
        }

        #[test]
        fn covers_are_gapless_and_short(first in any::<u64>(), length in any::<u64>()) {
            let end = first.saturating_add(length);
            let mut at = first;
            for (height, index) in cover(first, end) {
                prop_assert_eq!(index << height, at);
                at += 1 << height;
            }
            prop_assert_eq!(at, end);
            prop_assert!(cover(first, end).count() <= 128);
        }
    }
}
