//! What an epoch consists of: its material as the pool's journal yields it, and its files under `/epoch/<e>/`.

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    anchor::Anchor,
    hash::{BlockHash, Hash32},
    job::Job,
    share::ShareRecord,
    text::{hex_array, serde_as_text},
    work::{Level, Work},
};

/// Records of a full chunk; a power of two, so that chunk roots are nodes of the share tree.
pub const CHUNK_RECORDS: usize = 4_096;
/// Bytes of a row of `chunks`.
pub const CHUNK_ROW_LEN: usize = 80;
/// Sessions of an epoch are numbered below this.
pub const SESSIONS_MAX: usize = 1 << 24;
/// Jobs of an epoch are numbered below this.
pub const JOBS_MAX: usize = 1 << 16;

/// All that sealing needs, and nothing else: the same material gives the same bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EpochMaterial {
    /// Number.
    pub epoch: u64,
    /// Unix ms.
    pub start_ms: u64,
    /// The log's origin.
    pub origin: String,
    /// Index of the epoch's `epoch_open`, plus 1.
    pub tree_size: u64,
    /// Root at that size.
    pub root: Hash32,
    /// Jobs in order of their numbers.
    pub jobs: Vec<Job>,
    /// Levels of which a job was issued, ascending.
    pub levels: Vec<Level>,
    /// Sessions in order of their numbers.
    pub sessions: Vec<Session>,
    /// Accepted shares in order of acceptance.
    pub shares: Vec<ShareRecord>,
    /// Counts of rejected submissions.
    pub rejects: Vec<Reject>,
}

/// One (extranonce1, worker) that brought shares. In JSON `["<extranonce1>","<worker>","<lot>"]`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// What the pool assigned.
    pub extranonce1: [u8; 4],
    /// Pseudonym: 16 hex digits.
    pub worker: String,
    /// The rental it belongs to: the operator's statement.
    pub lot: String,
}

/// Rejected submissions of one worker for one reason. In JSON `["<worker>","<reason>",<count>]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Reject {
    /// Pseudonym.
    pub worker: String,
    /// Reason, `snake_case`.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// `/epoch/<e>/jobs.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobsFile {
    /// Number.
    pub epoch: u64,
    /// Jobs in order of their numbers.
    pub jobs: Vec<Job>,
}

/// `/epoch/<e>/sessions.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionsFile {
    /// Number.
    pub epoch: u64,
    /// Sessions in order of their numbers.
    pub sessions: Vec<Session>,
}

/// `/epoch/<e>/rejects.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectsFile {
    /// Number.
    pub epoch: u64,
    /// Sorted by worker, then reason.
    pub rejects: Vec<Reject>,
}

/// A row of `/epoch/<e>/chunks`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkRow {
    /// Root over the chunk's records.
    pub root: Hash32,
    /// Header hash of its first record.
    pub first: BlockHash,
    /// Sum of its records' work.
    pub work: Work,
}

/// The anchor hashes of an epoch, one a level, computed once.
pub struct Anchors {
    anchor: Anchor,
    hashes: BTreeMap<Level, Hash32>,
}

impl Anchors {
    /// For the epoch whose `epoch_open` is the last entry of the tree of `tree_size` with `root`.
    pub fn new(epoch: u64, origin: &str, tree_size: u64, root: Hash32) -> Self {
        let anchor = Anchor { epoch, target: Level::MIN.target(), origin: origin.into(), tree_size, root };
        Self { anchor, hashes: BTreeMap::new() }
    }

    /// The hash that stands in the coinbase of every job at `level`.
    pub fn hash(&mut self, level: Level) -> Hash32 {
        let anchor = &mut self.anchor;
        *self.hashes.entry(level).or_insert_with(|| {
            anchor.target = level.target();
            anchor.hash()
        })
    }
}

/// The path of a file of an epoch.
pub fn epoch_path(epoch: u64, name: &str) -> String {
    alloc::format!("epoch/{epoch}/{name}")
}

impl ChunkRow {
    /// root 32 ‖ first header hash as a number 32 ‖ work 16.
    pub fn to_bytes(&self) -> [u8; CHUNK_ROW_LEN] {
        let mut bytes = [0; CHUNK_ROW_LEN];
        bytes[..32].copy_from_slice(&self.root.0);
        bytes[32..64].copy_from_slice(&self.first.to_number());
        bytes[64..].copy_from_slice(&self.work.get().to_be_bytes());
        bytes
    }

    /// The inverse of [`ChunkRow::to_bytes`]; every 80 bytes are a row.
    pub fn from_bytes(bytes: &[u8; CHUNK_ROW_LEN]) -> Self {
        let hash = |at: usize| {
            let mut hash = [0; 32];
            hash.copy_from_slice(&bytes[at..at + 32]);
            hash
        };
        let mut work = [0; 16];
        work.copy_from_slice(&bytes[64..]);
        let (root, first) = (Hash32(hash(0)), BlockHash::from_number(hash(32)));
        Self { root, first, work: Work::new(u128::from_be_bytes(work)) }
    }
}

/// Extranonce1 as text.
#[derive(Clone, Copy)]
struct Extranonce1([u8; 4]);

impl core::fmt::Display for Extranonce1 {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl core::str::FromStr for Extranonce1 {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex_array(text).map(Self).ok_or("expected 8 lower-case hex digits")
    }
}

serde_as_text!(Extranonce1);

impl Serialize for Session {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (Extranonce1(self.extranonce1), &self.worker, &self.lot).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Session {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (extranonce1, worker, lot) = <(Extranonce1, String, String)>::deserialize(deserializer)?;
        Ok(Self { extranonce1: extranonce1.0, worker, lot })
    }
}

impl Serialize for Reject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.worker, &self.reason, self.count).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Reject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (worker, reason, count) = Deserialize::deserialize(deserializer)?;
        Ok(Self { worker, reason, count })
    }
}
