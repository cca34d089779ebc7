//! `chain/<n>/coinbases`: a row for each header, `length u32 ‖ coinbase ‖ branch length u8 ‖ siblings 32 each`.

use alloc::vec::Vec;

use thiserror::Error;

use crate::{
    hash::{Hash32, sha256d},
    job::{BRANCH_MAX, fold_branch},
    transaction::TRANSACTION_MAX,
};

/// Longest row in bytes.
pub const ROW_MAX: usize = 4 + TRANSACTION_MAX + 1 + 32 * BRANCH_MAX;

/// A block's coinbase and how it leads to the merkle root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CoinbaseRow<'a> {
    /// Non-witness serialisation.
    pub coinbase: &'a [u8],
    /// Siblings on the way up; the coinbase is the leftmost leaf.
    pub branch: Vec<Hash32>,
}

/// Why bytes are no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RowError {
    /// The coinbase is longer than a block.
    #[error("a coinbase of {0} bytes: more than 1000000")]
    Length(u32),
    /// The branch is longer than any block's.
    #[error("a branch of {0} siblings: more than 16")]
    Branch(u8),
}

impl CoinbaseRow<'_> {
    /// The merkle root that this row leads to.
    pub fn merkle_root(&self) -> [u8; 32] {
        fold_branch(sha256d(self.coinbase), &self.branch)
    }
}

/// Appends a row.
pub fn push_row(file: &mut Vec<u8>, row: &CoinbaseRow<'_>) {
    // What is too long for its length field is too long for every reader too.
    file.extend(u32::try_from(row.coinbase.len()).unwrap_or(u32::MAX).to_be_bytes());
    file.extend(row.coinbase);
    file.push(u8::try_from(row.branch.len()).unwrap_or(u8::MAX));
    row.branch.iter().for_each(|sibling| file.extend(sibling.0));
}

/// The row at the front and its length; `None` when `bytes` end within it.
///
/// # Errors
/// See [`RowError`].
pub fn split_row(bytes: &[u8]) -> Result<Option<(CoinbaseRow<'_>, usize)>, RowError> {
    let Some((length, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let length = u32::from_be_bytes(*length);
    let size = usize::try_from(length).ok().filter(|size| *size <= TRANSACTION_MAX).ok_or(RowError::Length(length))?;
    let Some((coinbase, rest)) = rest.split_at_checked(size) else { return Ok(None) };
    let Some((count, rest)) = rest.split_first() else { return Ok(None) };
    if usize::from(*count) > BRANCH_MAX {
        return Err(RowError::Branch(*count));
    }
    let siblings = rest.as_chunks::<32>().0;
    let Some(branch) = siblings.get(..usize::from(*count)) else { return Ok(None) };
    let branch: Vec<Hash32> = branch.iter().copied().map(Hash32).collect();
    let taken = 4 + size + 1 + 32 * branch.len();
    Ok(Some((CoinbaseRow { coinbase, branch }, taken)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_round_trip_and_every_prefix_is_short(
            coinbase in proptest::collection::vec(any::<u8>(), 0..300),
            branch in proptest::collection::vec(any::<[u8; 32]>(), 0..=BRANCH_MAX),
        ) {
            let row = CoinbaseRow { coinbase: &coinbase, branch: branch.into_iter().map(Hash32).collect() };
            let mut file = Vec::new();
            push_row(&mut file, &row);
            let length = file.len();
            for end in 0..length {
                prop_assert_eq!(split_row(&file[..end]), Ok(None));
            }
            file.extend([1, 2, 3]);
            prop_assert_eq!(split_row(&file), Ok(Some((row, length))));
        }

        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = split_row(&bytes);
        }
    }

    #[test]
    fn too_long_coinbases_and_branches_are_refused_at_once() {
        assert_eq!(split_row(&1_000_001u32.to_be_bytes()), Err(RowError::Length(1_000_001)));
        assert_eq!(split_row(&[0, 0, 0, 1, 7, 17]), Err(RowError::Branch(17)));
    }
}
