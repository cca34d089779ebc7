//! In place of `lanes` where there are none: nothing is hashed here.

use crate::{JobHasher, Lane, coinbase::Coinbase};

/// Nothing to prepare.
pub(crate) struct JobTables;

impl JobTables {
    pub(crate) fn new(_: &Coinbase, _: &[[u8; 32]]) -> Self {
        Self
    }
}

/// How many of the first `lanes` were hashed.
pub(crate) fn hash_shares(job: &JobHasher, _: &[Lane], _: &mut [[u8; 32]]) -> usize {
    let JobTables = job.tables;
    0
}

/// How many of the first `records` were hashed.
pub(crate) fn leaf_hashes(_: &[[u8; 24]], _: &mut [[u8; 32]]) -> usize {
    0
}

/// How many of the first `pairs` were hashed.
pub(crate) fn node_hashes(_: &[[[u8; 32]; 2]], _: &mut [[u8; 32]]) -> usize {
    0
}
