//! Parsers of the log and of bundles.

use std::collections::BTreeMap;

use audit_core::{
    bundle::{self, check_sums, from_tar, to_tar},
    checkpoint::{Checkpoint, LogKey, Vkey},
    entry::{ENTRY_MAX, Entry},
    hash::Hash32,
    policy::Policy,
    tile::{TILE_WIDTH, split_bundle, to_bundle},
};

/// The log that the corpora's notes are of.
fn key() -> LogKey {
    LogKey::new("log.test/provenhash/v1", &[7; 32])
}

/// A checkpoint's text names what it gives; signed, it is read back.
pub(crate) fn checkpoint(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let Ok(read) = Checkpoint::parse(text) else { return };
    assert!(text.starts_with(&read.body()), "origin, size and root have another form");
    let known = Checkpoint { origin: key().origin().into(), ..read };
    assert_eq!(Checkpoint::from_note(&known.sign(&key()), &key().vkey()), Ok(known));
}

/// A note that is believed starts with the text that is believed.
pub(crate) fn note(bytes: &[u8]) {
    if let Ok(read) = Checkpoint::from_note(bytes, &key().vkey()) {
        assert!(bytes.starts_with(read.body().as_bytes()));
        assert_eq!(read.origin, key().origin());
    }
}

/// A policy that is understood keeps its meaning when it is written.
pub(crate) fn policy(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    if let Ok(read) = Policy::parse(text) {
        assert_eq!(Policy::parse(read.to_string()), Ok(read));
    }
}

/// A verifier key has one form.
pub(crate) fn vkey(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    if let Ok(read) = text.parse::<Vkey>() {
        assert_eq!(read.to_string(), text);
    }
}

/// An entry has one form and a greatest length.
pub(crate) fn entry(bytes: &[u8]) {
    if let Ok(read) = Entry::from_bytes(bytes) {
        assert!(bytes.len() <= ENTRY_MAX);
        assert_eq!(read.to_bytes(), bytes);
    }
}

/// A bundle of entries splits in one way. Its width stands in front of it, as it does in the path.
pub(crate) fn entry_bundle(bytes: &[u8]) {
    let Some((width, bundle)) = bytes.split_first() else { return };
    let width = (u64::from(*width) + 1).min(TILE_WIDTH);
    if let Ok(entries) = split_bundle(bundle, width) {
        assert_eq!(entries.len() as u64, width);
        assert_eq!(to_bundle(entries), bundle);
    }
}

/// An archive is the one of its files, and holds no more than its own length.
pub(crate) fn tar(bytes: &[u8]) {
    if let Ok(files) = from_tar(bytes) {
        assert_eq!(to_tar(&files), bytes);
        assert!(files.values().map(Vec::len).sum::<usize>() <= bytes.len());
    }
}

/// A list of hashes in which nothing is wrong is the one of the files it lists.
fn sums_of(bytes: &[u8], files: &BTreeMap<String, Vec<u8>>) {
    let hashes = files.iter().map(|(path, content)| (path.clone(), Hash32::of(content))).collect();
    let complaints = check_sums(Some(bytes), &hashes);
    assert_eq!(complaints.is_empty(), bundle::sums(files) == bytes);
}

/// See [`sums_of`], for two small files and for none.
pub(crate) fn sums(bytes: &[u8]) {
    let files = BTreeMap::from([("a".to_string(), b"one".to_vec()), ("b/c".to_string(), Vec::new())]);
    sums_of(bytes, &files);
    sums_of(bytes, &BTreeMap::new());
}
