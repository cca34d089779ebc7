//! A coinbase cut into the blocks that SHA-256 takes.

use alloc::{vec, vec::Vec};
use core::ops::Range;

use crate::{
    Lane, one_by_one,
    sha256::{BLOCK, INITIAL},
};

/// Bytes of the extranonces.
const EXTRANONCES: usize = 12;
/// Bytes of the anchor hash.
const ANCHOR: usize = 32;

/// The blocks of a job's coinbase, with its padding.
pub(crate) struct Coinbase {
    /// The state behind the blocks that end before the extranonces.
    pub(crate) midstate: [u32; 8],
    /// The other blocks; extranonces and anchor are zero.
    pub(crate) blocks: Vec<[u8; BLOCK]>,
    /// Where the extranonces are in `blocks`, in bytes.
    pub(crate) extranonces: Range<usize>,
    /// Where the anchor is.
    pub(crate) anchor: Range<usize>,
}

impl Coinbase {
    pub(crate) fn new(before_extranonce: &[u8], up_to_anchor: &[u8], after_anchor: &[u8]) -> Self {
        let extranonces_at = before_extranonce.len();
        let anchor_at = extranonces_at + EXTRANONCES + up_to_anchor.len();
        let length = anchor_at + ANCHOR + after_anchor.len();
        // One bit, zeros, and eight bytes of length in bits: FIPS 180-4 §5.1.1.
        let mut blocks = vec![[0; BLOCK]; (length + 9).div_ceil(BLOCK)];
        let bytes = blocks.as_flattened_mut();
        bytes[..extranonces_at].copy_from_slice(before_extranonce);
        bytes[extranonces_at + EXTRANONCES..anchor_at].copy_from_slice(up_to_anchor);
        bytes[anchor_at + ANCHOR..length].copy_from_slice(after_anchor);
        bytes[length] = 0x80;
        let end = bytes.len();
        bytes[end - 8..].copy_from_slice(&(length as u64 * 8).to_be_bytes());
        let known: Vec<_> = blocks.drain(..extranonces_at / BLOCK).collect();
        let mut midstate = INITIAL;
        one_by_one::compress(&mut midstate, &known);
        let skipped = known.len() * BLOCK;
        let at = |from: usize, length: usize| from - skipped..from - skipped + length;
        Self { midstate, blocks, extranonces: at(extranonces_at, EXTRANONCES), anchor: at(anchor_at, ANCHOR) }
    }

    /// Puts a share's bytes into a copy of `blocks`.
    pub(crate) fn fill(&self, blocks: &mut [[u8; BLOCK]], lane: &Lane) {
        let bytes = blocks.as_flattened_mut();
        bytes[self.extranonces.clone()].copy_from_slice(&lane.extranonces);
        bytes[self.anchor.clone()].copy_from_slice(&lane.anchor);
    }
}
