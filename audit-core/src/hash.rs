//! Hashes and how they are written.

use alloc::vec::Vec;
use core::{cmp::Ordering, fmt, str::FromStr};

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::text::{hex_array, serde_as_text};

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of the SHA-256 of `bytes`: Bitcoin's hash of headers and transactions.
pub fn sha256d(bytes: &[u8]) -> [u8; 32] {
    sha256(&sha256(bytes))
}

/// A 32-byte hash, written as 64 lower-case hex digits of its raw bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash32(pub [u8; 32]);

/// A Bitcoin block hash or txid: the bytes as SHA-256d gives them, written reversed as Bitcoin does, and ordered **as a
/// number**, which Bitcoin reads little-endian.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct BlockHash(pub [u8; 32]);

/// Why a text is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected 64 lower-case hex digits")]
pub struct HashError;

impl Hash32 {
    /// SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256(bytes))
    }
}

/// SHA-256 of what comes piece by piece.
#[derive(Clone, Default)]
pub struct HashStream(Sha256);

impl HashStream {
    /// Adds a piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// SHA-256 of all pieces.
    pub fn finish(self) -> Hash32 {
        Hash32(self.0.finalize().into())
    }
}

impl BlockHash {
    /// SHA-256d of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha256d(bytes))
    }

    /// The hash as a number: 32 bytes, most significant first.
    pub fn to_number(self) -> [u8; 32] {
        let mut bytes = self.0;
        bytes.reverse();
        bytes
    }

    /// The inverse of [`BlockHash::to_number`].
    pub fn from_number(mut bytes: [u8; 32]) -> Self {
        bytes.reverse();
        Self(bytes)
    }
}

impl Ord for BlockHash {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.iter().rev().cmp(other.0.iter().rev())
    }
}

impl PartialOrd for BlockHash {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Hash32 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(formatter, self.0.iter())
    }
}

impl fmt::Display for BlockHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(formatter, self.0.iter().rev())
    }
}

impl fmt::Debug for Hash32 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Debug for BlockHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Hash32 {
    type Err = HashError;
    fn from_str(text: &str) -> Result<Self, HashError> {
        hex_array(text).map(Self).ok_or(HashError)
    }
}

impl FromStr for BlockHash {
    type Err = HashError;
    fn from_str(text: &str) -> Result<Self, HashError> {
        hex_array(text).map(Self::from_number).ok_or(HashError)
    }
}

serde_as_text!(Hash32);
serde_as_text!(BlockHash);

impl From<[u8; 32]> for Hash32 {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// What `rs_merkle` asks of a hash.
impl From<Hash32> for Vec<u8> {
    fn from(hash: Hash32) -> Self {
        hash.0.to_vec()
    }
}

/// What `rs_merkle` asks of a hash.
impl TryFrom<Vec<u8>> for Hash32 {
    type Error = HashError;
    fn try_from(bytes: Vec<u8>) -> Result<Self, HashError> {
        bytes.try_into().map(Self).map_err(|_| HashError)
    }
}

fn write_hex<'a>(formatter: &mut fmt::Formatter<'_>, bytes: impl Iterator<Item = &'a u8>) -> fmt::Result {
    for byte in bytes {
        write!(formatter, "{byte:02x}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn block_hash_is_written_reversed_and_ordered_as_a_number() {
        let genesis = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
        let hash: BlockHash = genesis.parse().unwrap();
        assert_eq!(hash.0[0], 0x6f);
        assert_eq!(hash.to_string(), genesis);
        assert!(hash < BlockHash([0xff; 32]));
        assert!(BlockHash::default() < hash);
    }

    #[test]
    fn upper_case_and_short_hex_is_refused() {
        assert!("AA".repeat(32).parse::<Hash32>().is_err());
        assert!("aa".repeat(31).parse::<Hash32>().is_err());
        assert!("aa".repeat(32).parse::<Hash32>().is_ok());
    }
}
