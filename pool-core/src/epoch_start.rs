//! What an epoch starts with.

use audit_core::hash::Hash32;
use serde::{Deserialize, Serialize};

/// An epoch as the log's `epoch_open` and the checkpoint behind it fix it. Same epoch, same values, always.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochStart {
    /// Number, from 1.
    pub epoch: u64,
    /// Unix time in ms.
    pub start_ms: u64,
    /// The log's origin.
    pub origin: String,
    /// Index of `epoch_open`, plus 1.
    pub tree_size: u64,
    /// The log's root at `tree_size`.
    pub root: Hash32,
}
