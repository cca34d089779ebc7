//! One hash after the other, with the `sha2` crate: it uses the SHA extensions of processors that have them.

use sha2::{compress256, digest::generic_array::GenericArray};

use crate::{
    JobHasher, Lane,
    sha256::{BLOCK, INITIAL},
};

/// Takes whole blocks into the state.
pub(crate) fn compress(state: &mut [u32; 8], blocks: &[[u8; BLOCK]]) {
    for block in blocks {
        compress256(state, &[GenericArray::from(*block)]);
    }
}

/// The state as bytes: the hash.
pub(crate) fn bytes(state: &[u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let (words, _) = bytes.as_chunks_mut::<4>();
    for (to, word) in words.iter_mut().zip(state) {
        *to = word.to_be_bytes();
    }
    bytes
}

/// SHA-256 of `LENGTH` bytes, of which `N` blocks are enough.
pub(crate) fn sha256<const LENGTH: usize, const N: usize>(message: &[u8; LENGTH]) -> [u8; 32] {
    let mut blocks = [[0; BLOCK]; N];
    let all = blocks.as_flattened_mut();
    all[..LENGTH].copy_from_slice(message);
    all[LENGTH] = 0x80;
    let end = all.len();
    all[end - 8..].copy_from_slice(&(LENGTH as u64 * 8).to_be_bytes());
    let mut state = INITIAL;
    compress(&mut state, &blocks);
    bytes(&state)
}

pub(crate) fn hash_shares(job: &JobHasher, lanes: &[Lane], out: &mut [[u8; 32]]) {
    let mut coinbase = job.coinbase.blocks.clone();
    for (lane, out) in lanes.iter().zip(out) {
        job.coinbase.fill(&mut coinbase, lane);
        let mut state = job.coinbase.midstate;
        compress(&mut state, &coinbase);
        let txid = sha256::<32, 1>(&bytes(&state));
        let root = job.branch.iter().fold(txid, |node, sibling| {
            let mut pair = [0; 64];
            pair[..32].copy_from_slice(&node);
            pair[32..].copy_from_slice(sibling);
            sha256::<32, 1>(&sha256::<64, 2>(&pair))
        });
        let mut header = job.header(lane);
        header[36..68].copy_from_slice(&root);
        *out = sha256::<32, 1>(&sha256::<80, 2>(&header));
    }
}
