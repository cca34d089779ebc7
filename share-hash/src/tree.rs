//! The hashes of an RFC 6962 tree, many of one level at a time.

use crate::{lanes, one_by_one::sha256, sha256::BLOCK};

/// SHA-256(0x00 ‖ record) of each of `records`.
///
/// # Panics
/// `out` is not as long as `records`.
pub fn leaf_hashes(records: &[[u8; 24]], out: &mut [[u8; 32]]) {
    assert_eq!(records.len(), out.len(), "one hash for each record");
    let done = lanes::leaf_hashes(records, out);
    for (record, out) in records[done..].iter().zip(&mut out[done..]) {
        let mut message = [0; 25];
        message[1..].copy_from_slice(record);
        *out = sha256::<25, 1>(&message);
    }
}

/// SHA-256(0x01 ‖ left ‖ right) of each of `pairs`.
///
/// # Panics
/// `out` is not as long as `pairs`.
pub fn node_hashes(pairs: &[[[u8; 32]; 2]], out: &mut [[u8; 32]]) {
    assert_eq!(pairs.len(), out.len(), "one hash for each pair");
    let done = lanes::node_hashes(pairs, out);
    for (pair, out) in pairs[done..].iter().zip(&mut out[done..]) {
        let mut message = [1; BLOCK + 1];
        message[1..].copy_from_slice(pair.as_flattened());
        *out = sha256::<65, 2>(&message);
    }
}
