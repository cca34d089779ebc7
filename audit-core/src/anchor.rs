//! The anchor: what ties a share to one log head, one epoch and one target before its hash is found.

use alloc::{format, string::String, vec::Vec};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{hash::Hash32, work::Target};

/// Script of the anchor output up to the 32-byte hash: OP_RETURN, push 36, "PVH1".
pub const ANCHOR_SCRIPT_PREFIX: [u8; 6] = *b"\x6a\x24PVH1";

/// What a job's coinbase commits to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Anchor {
    /// The epoch the job belongs to.
    pub epoch: u64,
    /// The share target.
    pub target: Target,
    /// The log's origin.
    pub origin: String,
    /// Index of the epoch's `epoch_open`, plus 1.
    pub tree_size: u64,
    /// The log's root at `tree_size`.
    pub root: Hash32,
}

impl Anchor {
    /// The bytes whose SHA-256 stands in the coinbase.
    pub fn preimage(&self) -> Vec<u8> {
        format!(
            "provenhash/anchor/v1\nepoch {}\ntarget {}\n{}\n{}\n{}\n",
            self.epoch,
            self.target.to_hex(),
            self.origin,
            self.tree_size,
            STANDARD.encode(self.root.0)
        )
        .into_bytes()
    }

    /// SHA-256 of the preimage.
    pub fn hash(&self) -> Hash32 {
        Hash32::of(&self.preimage())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Level;

    #[test]
    fn preimage_is_the_documented_text() {
        let anchor = Anchor {
            epoch: 7,
            target: Level::new(0).unwrap().target(),
            origin: "log.example/pool/v1".into(),
            tree_size: 42,
            root: Hash32([0; 32]),
        };
        let expected = std::format!(
            "provenhash/anchor/v1\nepoch 7\ntarget 00000000ffff{}\nlog.example/pool/v1\n42\n{}=\n",
            "0".repeat(52),
            "A".repeat(43)
        );
        assert_eq!(anchor.preimage(), expected.as_bytes());
    }
}
