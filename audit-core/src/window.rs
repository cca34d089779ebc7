//! The hashing itself: from shares to their header hashes, a window at a time.
//!
//! Everything else that a verifier does is cheap beside this, so it has a narrow interface of its own.

use alloc::vec::Vec;

use crate::{
    hash::{BlockHash, Hash32},
    job::Job,
    share::ShareRecord,
};

/// A share with all that its header depends on.
#[derive(Clone, Copy, Debug)]
pub struct WindowShare<'a> {
    /// The job it was mined for.
    pub job: &'a Job,
    /// The anchor hash of its level.
    pub anchor: Hash32,
    /// What the pool assigned to its session.
    pub extranonce1: [u8; 4],
    /// What the worker chose.
    pub record: ShareRecord,
}

/// The header hashes of a window of shares (a chunk's 4,096, or fewer), in their order.
pub fn hash_window(shares: &[WindowShare<'_>]) -> Vec<BlockHash> {
    shares.iter().map(|share| share.job.header(&share.anchor, share.extranonce1, &share.record).hash()).collect()
}
