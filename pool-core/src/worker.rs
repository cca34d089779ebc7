//! Workers: who logs in, and what the evidence calls them.

use std::sync::Arc;

use audit_core::hash::{Hash32, sha256};

use crate::{
    lots::{Leg, Lots},
    stratum::request::Login,
};

/// Longest worker name in bytes.
const NAME_MAX: usize = 64;

/// An authorized worker. The name stays here; the evidence carries pseudonym and lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Worker {
    /// As it was authorized, which submissions repeat: the name, and perhaps a difficulty behind it.
    pub(crate) login: String,
    /// 16 hex digits that only the holder of the key can tie to the name.
    pub(crate) pseudonym: String,
    /// The rental or rig group: the name up to its first dot.
    pub(crate) lot: String,
    /// Where its submissions are counted.
    pub(crate) leg: Arc<Leg>,
}

impl Worker {
    /// `None` unless the name is 1 to 64 of `A-Z a-z 0-9 _ . -` with something before its first dot, and `lots` admits it.
    pub(crate) fn new(login: &Login, key: &[u8; 32], lots: &Lots) -> Option<Self> {
        let name = login.worker.as_str();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        let lot = name.split('.').next().unwrap_or_default();
        if name.len() > NAME_MAX || lot.is_empty() || !name.bytes().all(allowed) {
            return None;
        }
        let leg = lots.admit(lot, login.secret.as_bytes())?;
        Some(Self { login: login.name.clone(), pseudonym: pseudonym(name, key), lot: lot.to_owned(), leg })
    }
}

/// First 16 hex digits of SHA-256("provenhash/worker/v1\n" ‖ key ‖ name).
fn pseudonym(name: &str, key: &[u8; 32]) -> String {
    let preimage = [&b"provenhash/worker/v1\n"[..], key, name.as_bytes()].concat();
    let mut digits = Hash32(sha256(&preimage)).to_string();
    digits.truncate(16);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(name: &str, key: u8) -> Option<Worker> {
        Worker::new(&Login::new(name, "x"), &[key; 32], &Lots::new(false))
    }

    #[test]
    fn lot_is_the_name_up_to_the_first_dot() {
        let lot = |name| worker(name, 0).unwrap().lot;
        assert_eq!(lot("lot-7.rig.2"), "lot-7");
        assert_eq!(lot("alone"), "alone");
    }

    #[test]
    fn pseudonym_depends_on_name_and_key() {
        let worker = |name, key| worker(name, key).unwrap().pseudonym;
        assert_eq!(worker("a", 1).len(), 16);
        assert_eq!(worker("a", 1), worker("a", 1));
        assert_ne!(worker("a", 1), worker("a", 2));
        assert_ne!(worker("a", 1), worker("b", 1));
        assert_eq!(worker("a+65536", 1), worker("a", 1), "a difficulty is no part of who it is");
    }

    #[test]
    fn names_outside_the_alphabet_are_refused() {
        for name in ["", ".", ".rig", "a b", "ä", "a\n", "a/b", &"x".repeat(65)] {
            assert_eq!(worker(name, 0), None, "{name}");
        }
        assert!(worker(&"x".repeat(64), 0).is_some());
    }
}
