//! The Merkle-sum tree: a list of (amount, id) whose root fixes every amount and their sum.
//!
//! Leaf SHA-256(0x00 ‖ amount 16 ‖ id 32); node SHA-256(0x01 ‖ sumL 16 ‖ hL 32 ‖ sumR 16 ‖ hR 32), in the shape of
//! RFC 6962. Both child sums are inside the node, so none can be forged (eprint 2018/1139).

use alloc::vec::Vec;

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{hash::Hash32, merkle::empty_root};

/// One leaf.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SumLeaf {
    /// What is summed, at least 1.
    pub amount: u128,
    /// Whose it is.
    pub id: Hash32,
}

/// Hash and sum of a subtree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SumNode {
    /// Sum of all amounts below.
    pub sum: u128,
    /// The node's hash.
    pub hash: Hash32,
}

/// Why a list makes no sum tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SumTreeError {
    /// Ids are not strictly increasing.
    #[error("entry {0}: ids are not strictly increasing")]
    Order(usize),
    /// An amount of zero.
    #[error("entry {0}: the amount is zero")]
    Zero(usize),
    /// The sum exceeds 128 bits.
    #[error("the sum exceeds 128 bits")]
    Overflow,
}

/// The root of a list whose ids strictly increase; the empty list has sum 0 and the root of the empty tree.
///
/// # Errors
/// See [`SumTreeError`].
pub fn sum_root(leaves: &[SumLeaf]) -> Result<SumNode, SumTreeError> {
    if let Some(index) = leaves.iter().position(|leaf| leaf.amount == 0) {
        return Err(SumTreeError::Zero(index));
    }
    if let Some(index) = leaves.windows(2).position(|pair| pair[0].id >= pair[1].id) {
        return Err(SumTreeError::Order(index + 1));
    }
    let mut level: Vec<SumNode> = leaves.iter().map(leaf_node).collect();
    while level.len() > 1 {
        level = level.chunks(2).map(parent).collect::<Option<_>>().ok_or(SumTreeError::Overflow)?;
    }
    Ok(level.first().copied().unwrap_or(SumNode { sum: 0, hash: empty_root() }))
}

fn leaf_node(leaf: &SumLeaf) -> SumNode {
    let hash = Sha256::new().chain_update([0]).chain_update(leaf.amount.to_be_bytes()).chain_update(leaf.id.0);
    SumNode { sum: leaf.amount, hash: Hash32(hash.finalize().into()) }
}

/// A pair's parent; a node without sibling moves up as it is, which gives RFC 6962's shape. `None` on overflow.
fn parent(children: &[SumNode]) -> Option<SumNode> {
    let [left, right] = children else { return children.first().copied() };
    let mut hash = Sha256::new().chain_update([1]);
    for child in [left, right] {
        hash = hash.chain_update(child.sum.to_be_bytes()).chain_update(child.hash.0);
    }
    Some(SumNode { sum: left.sum.checked_add(right.sum)?, hash: Hash32(hash.finalize().into()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn leaf(amount: u128, id: u8) -> SumLeaf {
        SumLeaf { amount, id: Hash32([id; 32]) }
    }

    #[test]
    fn root_binds_every_amount_id_and_the_sum() {
        let list = vec![leaf(1, 1), leaf(2, 2), leaf(3, 3)];
        let root = sum_root(&list).unwrap();
        assert_eq!(root.sum, 6);
        for index in 0..list.len() {
            let mut other = list.clone();
            other[index].amount += 1;
            assert_ne!(sum_root(&other).unwrap().hash, root.hash);
        }
        // the same total, differently spread
        assert_ne!(sum_root(&[leaf(2, 1), leaf(1, 2), leaf(3, 3)]).unwrap().hash, root.hash);
    }

    #[test]
    fn disorder_doubles_zeros_and_overflow_are_refused() {
        assert_eq!(sum_root(&[leaf(1, 2), leaf(1, 1)]), Err(SumTreeError::Order(1)));
        assert_eq!(sum_root(&[leaf(1, 1), leaf(1, 1)]), Err(SumTreeError::Order(1)));
        assert_eq!(sum_root(&[leaf(1, 1), leaf(0, 2)]), Err(SumTreeError::Zero(1)));
        assert_eq!(sum_root(&[leaf(u128::MAX, 1), leaf(1, 2)]), Err(SumTreeError::Overflow));
    }
}
