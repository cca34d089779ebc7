//! A log that can show two histories: they part at the sixth entry.

use audit_core::{
    checkpoint::{Checkpoint, LogKey, Vkey},
    hash::Hash32,
    merkle::{consistency_proof, leaf_hash, tree_root},
    witness::AddCheckpoint,
};

/// Entries that both histories have.
pub(crate) const COMMON: u64 = 5;

pub(crate) fn key() -> LogKey {
    LogKey::new("log.example/pool", &[7; 32])
}

pub(crate) fn vkey() -> Vkey {
    key().vkey()
}

fn leaves(view: u8, size: u64) -> Vec<Hash32> {
    (0..size)
        .map(|index| leaf_hash(&[&index.to_be_bytes()[..], &[if index < COMMON { 0 } else { view }]].concat()))
        .collect()
}

pub(crate) fn checkpoint(view: u8, size: u64) -> Checkpoint {
    Checkpoint { origin: key().origin().into(), size, root: tree_root(&leaves(view, size)) }
}

/// An honest request within one history.
pub(crate) fn request(view: u8, old: u64, new: u64) -> AddCheckpoint {
    let old_len = usize::try_from(old).unwrap();
    let proof = if old <= new { consistency_proof(old_len, &leaves(view, new)).unwrap() } else { Vec::new() };
    AddCheckpoint { old_size: old, proof, note: checkpoint(view, new).sign(&key()) }
}
