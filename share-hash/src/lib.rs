//! SHA-256 where a verifier spends its time: the header hashes of many shares of one job, and the hashes of the tree
//! over them.
//!
//! In scope: what a share's header hash costs, and nothing is assumed about what it means. Two ways that give the same
//! bytes: one share after the other with the `sha2` crate (and the processor's SHA extensions), and, in WebAssembly with
//! 128-bit vectors, four at a time (`lanes`). Out of scope: records, targets, rules (`audit-core`).

#![no_std]

extern crate alloc;

mod coinbase;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod lanes;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[path = "no_lanes.rs"]
mod lanes;
mod one_by_one;
mod sha256;
mod tree;

use alloc::vec::Vec;

use coinbase::Coinbase;
pub use tree::{leaf_hashes, node_hashes};

/// What is the same for all shares of a job.
pub struct JobHasher {
    coinbase: Coinbase,
    branch: Vec<[u8; 32]>,
    prevhash: [u8; 32],
    nbits: u32,
    tables: lanes::JobTables,
}

/// What differs between the shares of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// extranonce1 (4 bytes) and extranonce2 (8).
    pub extranonces: [u8; 12],
    /// The anchor hash in the coinbase. Shares whose neighbours have the same one are hashed a little faster.
    pub anchor: [u8; 32],
    /// Of the header, with its rolled bits.
    pub version: u32,
    /// Of the header.
    pub ntime: u32,
    /// Of the header.
    pub nonce: u32,
}

impl JobHasher {
    /// For the coinbase `before_extranonce ‖ extranonces ‖ up_to_anchor ‖ anchor ‖ after_anchor`, the siblings on its
    /// way to the merkle root, and the header's previous hash (raw bytes) and nbits. Costs about as much as one share.
    pub fn new(
        before_extranonce: &[u8],
        up_to_anchor: &[u8],
        after_anchor: &[u8],
        branch: &[[u8; 32]],
        prevhash: [u8; 32],
        nbits: u32,
    ) -> Self {
        let coinbase = Coinbase::new(before_extranonce, up_to_anchor, after_anchor);
        let tables = lanes::JobTables::new(&coinbase, branch);
        Self { coinbase, branch: branch.to_vec(), prevhash, nbits, tables }
    }

    /// The header hashes (SHA-256d, as its bytes come) of `lanes`, in their order. At full speed from 16 on.
    ///
    /// # Panics
    /// `out` is not as long as `lanes`.
    pub fn hash(&self, lanes: &[Lane], out: &mut [[u8; 32]]) {
        assert_eq!(lanes.len(), out.len(), "one hash for each lane");
        let done = lanes::hash_shares(self, lanes, out);
        one_by_one::hash_shares(self, &lanes[done..], &mut out[done..]);
    }

    /// The header without its merkle root.
    fn header(&self, lane: &Lane) -> [u8; 80] {
        let mut bytes = [0; 80];
        bytes[0..4].copy_from_slice(&lane.version.to_le_bytes());
        bytes[4..36].copy_from_slice(&self.prevhash);
        bytes[68..72].copy_from_slice(&lane.ntime.to_le_bytes());
        bytes[72..76].copy_from_slice(&self.nbits.to_le_bytes());
        bytes[76..80].copy_from_slice(&lane.nonce.to_le_bytes());
        bytes
    }
}
