//! The 80-byte block header.

use crate::{
    hash::{BlockHash, sha256d},
    work::Nbits,
};

/// The version bits a miner may roll (BIP 320): bits 28…13.
pub const VERSION_MASK: u32 = 0x1fff_e000;

/// A block header with named fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Block version, including rolled bits.
    pub version: u32,
    /// Hash of the previous block.
    pub prevhash: BlockHash,
    /// Merkle root, raw bytes.
    pub merkle_root: [u8; 32],
    /// Seconds since 1970.
    pub ntime: u32,
    /// Network target, compact.
    pub nbits: Nbits,
    /// The nonce.
    pub nonce: u32,
}

impl Header {
    /// The 80 bytes that are hashed.
    pub fn to_bytes(&self) -> [u8; 80] {
        let mut bytes = [0; 80];
        bytes[0..4].copy_from_slice(&self.version.to_le_bytes());
        bytes[4..36].copy_from_slice(&self.prevhash.0);
        bytes[36..68].copy_from_slice(&self.merkle_root);
        bytes[68..72].copy_from_slice(&self.ntime.to_le_bytes());
        bytes[72..76].copy_from_slice(&self.nbits.get().to_le_bytes());
        bytes[76..80].copy_from_slice(&self.nonce.to_le_bytes());
        bytes
    }

    /// The inverse of [`Header::to_bytes`]; every 80 bytes are a header.
    pub fn from_bytes(bytes: &[u8; 80]) -> Self {
        let field = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let hash = |at: usize| {
            let mut hash = [0; 32];
            hash.copy_from_slice(&bytes[at..at + 32]);
            hash
        };
        Self {
            version: field(0),
            prevhash: BlockHash(hash(4)),
            merkle_root: hash(36),
            ntime: field(68),
            nbits: Nbits::new(field(72)),
            nonce: field(76),
        }
    }

    /// SHA-256d of the header.
    pub fn hash(&self) -> BlockHash {
        BlockHash(sha256d(&self.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genesis_header_hashes_to_the_genesis_hash_and_meets_its_target() {
        let mut bytes = [0; 80];
        hex::decode_to_slice(
            concat!(
                "01000000",
                "0000000000000000000000000000000000000000000000000000000000000000",
                "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a",
                "29ab5f49ffff001d1dac2b7c"
            ),
            &mut bytes,
        )
        .unwrap();
        let header = Header::from_bytes(&bytes);
        let hash = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f".parse().unwrap();
        assert_eq!(header.hash(), hash);
        assert_eq!(header.to_bytes(), bytes);
        assert!(header.nbits.target().unwrap().is_met_by(&hash));
    }
}
