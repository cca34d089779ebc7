//! Header hashes that were accepted: duplicates are found here.

use std::collections::HashSet;

use foldhash::fast::RandomState;

/// Parts that grow by themselves: a table of millions that moves to a larger one would hold up everybody, one of a
/// 256th part is moved in well under a millisecond.
const PARTS: usize = 256;

/// A set of header hashes. It keeps 128 bits of each: that two headers agree in these by accident has a chance of 2⁻⁷⁰
/// even among 2²⁹ shares, and whoever makes two that do (2⁶⁴ work) loses the second of their own shares. They are spread by
/// a quick hash of them: nobody chooses them without work.
#[derive(Debug)]
pub(super) struct SeenHashes(Vec<HashSet<u128, RandomState>>);

impl Default for SeenHashes {
    fn default() -> Self {
        Self(vec![HashSet::default(); PARTS])
    }
}

impl SeenHashes {
    /// Whether the hash was not there yet.
    pub(super) fn insert(&mut self, hash: &[u8; 32]) -> bool {
        let (key, part) = key_of(hash);
        self.0[part].insert(key)
    }
}

/// The low half of the hash as a number: the high half of a share's hash begins with zeros.
fn key_of(hash: &[u8; 32]) -> (u128, usize) {
    let (low, _) = hash.split_at(16);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(low);
    (u128::from_le_bytes(bytes), usize::from(low[0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit_core::hash::sha256d;

    #[test]
    fn every_hash_is_new_once() {
        let mut seen = SeenHashes::default();
        let hashes: Vec<[u8; 32]> = (0..10_000u32).map(|number| sha256d(&number.to_le_bytes())).collect();
        assert!(hashes.iter().all(|hash| seen.insert(hash)));
        assert!(hashes.iter().all(|hash| !seen.insert(hash)));
    }
}
