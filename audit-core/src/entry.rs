//! The entries of the log: one canonical JSON object each, `"type"` first.
//!
//! Optional fields are written as `null`. An unknown type, format or rule name means that this verifier is too old.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    allocation::AllocationRoot,
    hash::{BlockHash, Hash32},
    json::{JsonError, from_canonical, to_canonical},
    text::hex_bytes,
    work::{Level, Sats, Units, Work},
};

mod money;
mod rules;
pub(crate) mod terms;
mod values;

pub use money::{Accrual, Conclusion, CreditsRoot, Liabilities, Payout, Settlement};
pub use rules::{Refund, Shortfall, Suspension};
pub use terms::{Maintenance, Rounding, Scheme, Terms};

/// The evidence format that this crate writes and reads.
pub const FORMAT: u32 = 1;
/// Longest entry in bytes (C2SP tlog-tiles: 16-bit lengths).
pub const ENTRY_MAX: usize = 65_535;

/// One log entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Entry {
    /// What the pool is and pays to; in force from the next `epoch_open` on.
    Manifest(Manifest),
    /// Rules that payouts depend on; contracts name theirs by leaf index.
    Terms(Terms),
    /// A contract begins.
    ContractOpen(ContractOpen),
    /// A contract is left out of the epochs opened from here on.
    ContractSuspend(ContractChange),
    /// A suspended contract takes part again.
    ContractResume(ContractChange),
    /// A contract ends: with its term, or before by the operator.
    ContractClose(ContractChange),
    /// An epoch begins: its allocation is fixed.
    EpochOpen(EpochOpen),
    /// An epoch is sealed: its shares are fixed.
    EpochClose(EpochClose),
    /// A share of the epoch met the network target.
    BlockFound(BlockFound),
    /// A found block has 100 blocks on top of it.
    BlockMatured(BlockFate),
    /// A found block is not on the chain.
    BlockOrphaned(BlockFate),
    /// A price or fee rate that later payouts depend on.
    ExternalInput(ExternalInput),
    /// The blocks of one epoch are divided.
    Settlement(Settlement),
    /// What contracts that are paid by time earned.
    Accrual(Accrual),
    /// What contracts that ended are owed for unused time and missing work.
    Conclusion(Conclusion),
    /// Credits are paid on chain.
    Payout(Payout),
    /// What the operator owes.
    Liabilities(Liabilities),
    /// The last entry of a log.
    LogClosed(LogClosed),
}

/// See [`Entry::Manifest`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// `bitcoin`, `testnet4`, `signet` or `regtest`.
    pub network: String,
    /// `BTC`.
    pub coin: String,
    /// `sha256d`.
    pub proof_of_work: String,
    /// The only scripts that coinbases pay to, hex.
    pub payout_scripts: Vec<HexBytes>,
    /// Bytes at the start of the coinbase's second push, hex.
    #[serde(with = "hex_bytes")]
    pub coinbase_tag: Vec<u8>,
    /// Intended length of an epoch.
    pub epoch_ms: u64,
    /// How long shares of an epoch's jobs are accepted after the next one opened.
    pub grace_ms: u64,
    /// Epochs of an accrual, at least 1; the same in all manifests of a log.
    pub accrual_epochs: u64,
    /// SHA-256 of each WASM module that the operator's page may run as the verifier: one with vectors, one without.
    pub verifier_wasm_sha256: Vec<Hash32>,
    /// The operator's software.
    pub software_version: String,
    /// The log that this one goes on from.
    pub predecessor: Option<LogHead>,
    /// How long evidence is kept: `all`.
    pub retention: Retention,
}

/// A log at one size.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogHead {
    /// The log's origin.
    pub origin: String,
    /// Tree size.
    pub size: u64,
    /// Root at that size.
    pub root: Hash32,
}

/// How long evidence is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retention {
    /// For ever.
    All,
}

/// Bytes, written as lower-case hex.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HexBytes(#[serde(with = "hex_bytes")] pub Vec<u8>);

/// See [`Entry::ContractOpen`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractOpen {
    /// Contract id.
    pub contract: Hash32,
    /// H/s.
    pub units: Units,
    /// In every epoch that starts at or after this time, Unix ms…
    pub from_ms: u64,
    /// …and before this one.
    pub until_ms: u64,
    /// What was paid for the whole term.
    pub price_sats: Sats,
    /// Leaf index of its terms.
    pub terms: u64,
}

/// See [`Entry::ContractSuspend`], [`Entry::ContractResume`] and [`Entry::ContractClose`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractChange {
    /// Contract id.
    pub contract: Hash32,
    /// Why, in words.
    pub reason: String,
}

/// See [`Entry::EpochOpen`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochOpen {
    /// Number, from 1.
    pub epoch: u64,
    /// Unix ms; strictly increasing; the end of the previous epoch.
    pub start_ms: u64,
    /// The chain's tip as the pool saw it.
    pub chain: ChainTip,
    /// Who has how much of the epoch.
    pub allocation: AllocationRoot,
}

/// A block on the chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainTip {
    /// Height.
    pub height: u32,
    /// Hash.
    pub hash: BlockHash,
}

/// See [`Entry::EpochClose`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochClose {
    /// [`FORMAT`].
    pub format: u32,
    /// Number.
    pub epoch: u64,
    /// The epoch's shares.
    pub shares: SharesRoot,
    /// Every level of which a job was issued, ascending.
    pub levels: Vec<Level>,
    /// SHA-256 of `jobs.json`.
    pub jobs: Hash32,
    /// SHA-256 of `sessions.json`.
    pub sessions: Hash32,
    /// SHA-256 of `chunks`.
    pub chunks: Hash32,
    /// SHA-256 of `rejects.json`.
    pub rejects: Hash32,
    /// The lowest header hash; null without shares.
    pub best_hash: Option<BlockHash>,
    /// When the epoch ended, Unix ms: only in the last close of a log, else null (the next epoch's start).
    pub end_ms: Option<u64>,
}

/// What an epoch's share file contains.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharesRoot {
    /// Records.
    pub count: u64,
    /// Sum of their levels' work.
    pub work: Work,
    /// Root of the share tree.
    pub root: Hash32,
}

/// See [`Entry::BlockFound`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockFound {
    /// The epoch whose share it is.
    pub epoch: u64,
    /// Height.
    pub height: u32,
    /// Header hash.
    pub hash: BlockHash,
    /// Sum of the coinbase's outputs.
    pub reward_sats: Sats,
}

/// See [`Entry::BlockMatured`] and [`Entry::BlockOrphaned`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockFate {
    /// Header hash of a `block_found`.
    pub hash: BlockHash,
}

/// See [`Entry::ExternalInput`]; applies to an epoch only when it was logged before its `epoch_open`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalInput {
    /// What it is, with its unit, such as `hashprice_sats_per_phs_day`.
    pub name: String,
    /// Decimal integer.
    pub value: String,
    /// Where it comes from.
    pub source: String,
    /// When it was read, Unix ms.
    pub at_ms: u64,
}

/// See [`Entry::LogClosed`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogClosed {
    /// Verifier key of the log that goes on; null when none does.
    pub successor: Option<String>,
}

/// Why bytes are no entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EntryError {
    /// Longer than [`ENTRY_MAX`].
    #[error("entry of {0} bytes: more than 65535")]
    Length(usize),
    /// A type or format that this verifier does not know.
    #[error("{0}: this verifier is too old")]
    TooNew(String),
    /// A value outside of its range.
    #[error("{0}")]
    Value(&'static str),
    /// Not canonical JSON of its type.
    #[error(transparent)]
    Json(#[from] JsonError),
}

const TYPES: [&str; 18] = [
    "manifest",
    "terms",
    "contract_open",
    "contract_suspend",
    "contract_resume",
    "contract_close",
    "epoch_open",
    "epoch_close",
    "block_found",
    "block_matured",
    "block_orphaned",
    "external_input",
    "settlement",
    "accrual",
    "conclusion",
    "payout",
    "liabilities",
    "log_closed",
];

impl Entry {
    /// The bytes that are logged.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_canonical(self)
    }

    /// Parses an entry.
    ///
    /// # Errors
    /// See [`EntryError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > ENTRY_MAX {
            return Err(EntryError::Length(bytes.len()));
        }
        refuse_unknown_type(bytes)?;
        let entry: Self = from_canonical(bytes)?;
        entry.check_values()?;
        Ok(entry)
    }
}

fn refuse_unknown_type(bytes: &[u8]) -> Result<(), EntryError> {
    #[derive(Deserialize)]
    struct Tag {
        r#type: String,
    }
    match serde_json::from_slice::<Tag>(bytes) {
        Ok(tag) if !TYPES.contains(&tag.r#type.as_str()) => {
            Err(EntryError::TooNew(alloc::format!("entry type {:?}", tag.r#type)))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
