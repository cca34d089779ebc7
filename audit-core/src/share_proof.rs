//! Proofs that shares stand at these positions of a sealed epoch, as a text that anyone can keep and verify offline.
//!
//! What one proves by itself: the records are exactly those that the operator committed to, at these positions, in an
//! `epoch_close` of the log. With `first` 0 they are the epoch's best hashes as he ordered them. What it does not prove:
//! that the records are shares; for that each one's hash is recomputed from the epoch's jobs.

mod tree;

use alloc::{format, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use thiserror::Error;

use crate::{
    checkpoint::Checkpoint,
    entry::{Entry, EntryError, EpochClose},
    hash::Hash32,
    merkle::{ProofError, leaf_hash, verify_range},
    share::{RECORD_LEN, RecordError, ShareRecord},
    tlog_proof::{Lines, ProofFormatError, TLOG_PROOF_MAX, TlogProof, push_hashes},
};

pub use tree::ShareTree;

/// First line of every proof.
const HEADER: &str = "provenhash/share-proof@v1";
/// Shares in one proof: a chunk's worth, so that making one reads few chunks.
pub const SHARES_MAX: u64 = 4_096;
/// A range has at most this many neighbours on each side, one for each bit of its position.
const HASHES_MAX: usize = 128;
/// Longest proof that is read, in bytes.
pub const SHARE_PROOF_MAX: usize = SHARES_MAX as usize * 33 + HASHES_MAX * 45 + TLOG_PROOF_MAX + 128;

/// A parsed proof. Nothing in it is true before it is verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShareProof {
    /// The epoch's number.
    pub epoch: u64,
    /// Position of the first record in the epoch's order.
    pub first: u64,
    /// The records, 1 to [`SHARES_MAX`].
    pub records: Vec<[u8; RECORD_LEN]>,
    /// The range proof: roots left of the records, then right of them.
    pub hashes: Vec<Hash32>,
    /// Proof of the epoch's `epoch_close`, which it carries as its extra data.
    pub close: TlogProof,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShareProofError {
    /// The proof carries no entry.
    #[error("the proof carries no epoch_close")]
    NoEntry,
    /// The entry is not in the log.
    #[error("epoch_close: {0}")]
    Close(ProofError),
    /// The bytes are no entry.
    #[error("epoch_close: {0}")]
    Entry(EntryError),
    /// Another entry, or that of another epoch.
    #[error("expected the epoch_close of epoch {0}, found another entry")]
    OtherEntry(u64),
    /// The records are not those of the epoch at these positions.
    #[error("shares: {0}")]
    Shares(ProofError),
    /// A record that can't be one.
    #[error("share {0}: {1}")]
    Record(u64, RecordError),
}

impl ShareProof {
    /// Parses a proof, strictly: there is exactly one text for each proof.
    ///
    /// # Errors
    /// The first line that is not as docs/LOG.md says.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFormatError> {
        let mut lines = Lines::new(bytes);
        lines.exactly(HEADER)?;
        let epoch = lines.number("epoch ", "'epoch <number>'")?;
        let first = lines.number("first ", "'first <number>'")?;
        let count = lines.number("count ", "'count <number>', 1 to 4096")?;
        if count == 0 || count > SHARES_MAX {
            return Err(lines.error("'count <number>', 1 to 4096"));
        }
        let expected = "a base64 record of 24 bytes, as many as 'count' says, and an empty line";
        let records = lines.arrays(SHARES_MAX as usize, expected)?;
        if records.len() as u64 != count {
            return Err(lines.error(expected));
        }
        let hashes = lines.hashes(HASHES_MAX)?;
        let close = TlogProof::parse_rest(&mut lines)?;
        Ok(Self { epoch, first, records, hashes, close })
    }

    /// The proof's text.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { epoch, first, records, .. } = self;
        let mut text = format!("{HEADER}\nepoch {epoch}\nfirst {first}\ncount {}\n", records.len());
        for record in records {
            text += &STANDARD.encode(record);
            text.push('\n');
        }
        text.push('\n');
        push_hashes(&mut text, &self.hashes);
        [text.into_bytes(), self.close.to_bytes()].concat()
    }

    /// Verifies that the records are at their positions of the epoch that an `epoch_close` in the log of `head` seals;
    /// `head` is the judged checkpoint of the inner proof's note. Gives that entry and the records.
    ///
    /// # Errors
    /// See [`ShareProofError`].
    pub fn verify(&self, head: &Checkpoint) -> Result<(EpochClose, Vec<ShareRecord>), ShareProofError> {
        let entry = self.close.extra.as_ref().ok_or(ShareProofError::NoEntry)?;
        self.close.verify(entry, head).map_err(ShareProofError::Close)?;
        let close = match Entry::from_bytes(entry).map_err(ShareProofError::Entry)? {
            Entry::EpochClose(close) if close.epoch == self.epoch => close,
            _ => return Err(ShareProofError::OtherEntry(self.epoch)),
        };
        let leaves: Vec<Hash32> = self.records.iter().map(|record| leaf_hash(record)).collect();
        verify_range(&leaves, self.first, close.shares.count, &self.hashes, &close.shares.root)
            .map_err(ShareProofError::Shares)?;
        let record = |(position, bytes)| {
            ShareRecord::from_bytes(bytes).map_err(|error| ShareProofError::Record(position, error))
        };
        let records = (self.first..).zip(&self.records).map(record).collect::<Result<_, _>>()?;
        Ok((close, records))
    }
}

#[cfg(test)]
mod tests;
