//! The merkle branch of the coinbase.

use audit_core::hash::{BlockHash, Hash32, sha256d};

/// Siblings of the coinbase on the way to the merkle root, given the other txids in block order. Bitcoin pairs an odd
/// last node with itself.
pub(crate) fn coinbase_branch(others: impl Iterator<Item = BlockHash>) -> Vec<Hash32> {
    let mut row: Vec<[u8; 32]> = others.map(|txid| txid.0).collect();
    let mut branch = Vec::new();
    while let Some((sibling, rest)) = row.split_first() {
        branch.push(Hash32(*sibling));
        row = rest.chunks(2).map(|pair| parent(&pair[0], pair.last().unwrap_or(&pair[0]))).collect();
    }
    branch
}

fn parent(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut pair = [0; 64];
    pair[..32].copy_from_slice(left);
    pair[32..].copy_from_slice(right);
    sha256d(&pair)
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit_core::job::fold_branch;
    use bitcoin::hashes::Hash;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn branch_folds_to_bitcoins_merkle_root(txids in proptest::collection::vec(any::<[u8; 32]>(), 1..40)) {
            let expected = bitcoin::merkle_tree::calculate_root(
                txids.iter().map(|txid| bitcoin::hashes::sha256d::Hash::from_byte_array(*txid)),
            ).unwrap();
            let branch = coinbase_branch(txids[1..].iter().map(|txid| BlockHash(*txid)));
            prop_assert_eq!(fold_branch(txids[0], &branch), expected.to_byte_array());
        }
    }
}
