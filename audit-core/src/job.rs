//! A job: what `mining.notify` hands out, as one row of `jobs.json`.

use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use share_hash::{JobHasher, Lane};

use crate::{
    coinbase::{CoinbaseParts, EXTRANONCES},
    hash::{BlockHash, Hash32, sha256d},
    header::{Header, VERSION_MASK},
    share::ShareRecord,
    text::hex_vec,
    work::Nbits,
};

/// Longest merkle branch: 2¹⁶ transactions.
pub const BRANCH_MAX: usize = 16;

/// One job of an epoch. All levels share it; only the anchor hash in the coinbase differs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Number in the epoch, from 0, without gaps.
    pub job: u16,
    /// Hash of the block it builds on.
    pub prevhash: BlockHash,
    /// Block version before a worker rolls its bits.
    #[serde(with = "version_hex")]
    pub version: u32,
    /// Network target.
    pub nbits: Nbits,
    /// Earliest ntime, seconds since 1970.
    pub ntime: u32,
    /// Height of the block to be found.
    pub height: u32,
    /// The coinbase's constant parts.
    pub coinbase: CoinbaseParts,
    /// Siblings of the coinbase (leftmost leaf) on the way to the merkle root, raw bytes.
    pub branch: Vec<Hash32>,
}

impl Job {
    /// The whole coinbase, non-witness serialisation.
    pub fn coinbase_bytes(&self, anchor: &Hash32, extranonce1: [u8; 4], extranonce2: [u8; 8]) -> Vec<u8> {
        self.coinbase.fill(anchor, extranonce1, extranonce2)
    }

    /// Rebuilds the header whose hash proves the share.
    pub fn header(&self, anchor: &Hash32, extranonce1: [u8; 4], record: &ShareRecord) -> Header {
        let coinbase = self.coinbase_bytes(anchor, extranonce1, record.extranonce2);
        Header {
            version: self.version_of(record),
            prevhash: self.prevhash,
            merkle_root: fold_branch(sha256d(&coinbase), &self.branch),
            ntime: self.ntime_of(record),
            nbits: self.nbits,
            nonce: record.nonce,
        }
    }

    /// Hashes the headers of many shares at once, see [`Job::lane`].
    pub fn hasher(&self) -> JobHasher {
        let CoinbaseParts { before_extranonce, up_to_anchor, after_anchor } = &self.coinbase;
        let branch: Vec<[u8; 32]> = self.branch.iter().map(|sibling| sibling.0).collect();
        JobHasher::new(before_extranonce, up_to_anchor, after_anchor, &branch, self.prevhash.0, self.nbits.get())
    }

    /// What [`Job::hasher`] needs to know of a share: its hash is that of [`Job::header`].
    pub fn lane(&self, anchor: &Hash32, extranonce1: [u8; 4], record: &ShareRecord) -> Lane {
        let mut extranonces = [0; EXTRANONCES];
        extranonces[..4].copy_from_slice(&extranonce1);
        extranonces[4..].copy_from_slice(&record.extranonce2);
        let (version, ntime) = (self.version_of(record), self.ntime_of(record));
        Lane { extranonces, anchor: anchor.0, version, ntime, nonce: record.nonce }
    }

    fn version_of(&self, record: &ShareRecord) -> u32 {
        (self.version & !VERSION_MASK) | (u32::from(record.version_bits) << 13)
    }

    fn ntime_of(&self, record: &ShareRecord) -> u32 {
        self.ntime.saturating_add(u32::from(record.ntime_offset))
    }
}

/// Bitcoin's merkle root from the coinbase's txid and its branch.
pub fn fold_branch(txid: [u8; 32], branch: &[Hash32]) -> [u8; 32] {
    branch.iter().fold(txid, |node, sibling| {
        let mut pair = [0; 64];
        pair[..32].copy_from_slice(&node);
        pair[32..].copy_from_slice(&sibling.0);
        sha256d(&pair)
    })
}

/// Block versions in JSON: 8 hex digits, like nbits.
mod version_hex {
    use super::{Deserialize, Deserializer, Nbits, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(version: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        Nbits::new(*version).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        Nbits::deserialize(deserializer).map(Nbits::get)
    }
}

/// In JSON an array of three hex texts.
impl Serialize for CoinbaseParts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [&self.before_extranonce, &self.up_to_anchor, &self.after_anchor].map(hex::encode).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CoinbaseParts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = <[alloc::string::String; 3]>::deserialize(deserializer)?;
        let [before, middle, after] = texts.map(|text| hex_vec(&text));
        match (before, middle, after) {
            (Some(before_extranonce), Some(up_to_anchor), Some(after_anchor)) => {
                Ok(Self { before_extranonce, up_to_anchor, after_anchor })
            }
            _ => Err(D::Error::custom("expected three lower-case hex texts")),
        }
    }
}
