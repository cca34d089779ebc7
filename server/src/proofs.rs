//! Proofs for people to keep: made from the published files alone, and verified before they are given away, so that a
//! damaged disk shows here and not at whoever trusted the proof.
//!
//! In scope: reading what a proof needs, at a cost of O(log n). Out of scope: what a proof says (`audit_core::tlog_proof`,
//! `audit_core::share_proof`), who may ask (`crate::api::proofs`).

use audit_core::checkpoint::{CHECKPOINT_MAX, Checkpoint, CheckpointError, Vkey};
use audit_core::epoch::{CHUNK_RECORDS, epoch_path};
use audit_core::merkle::{ProofError, prove_range};
use audit_core::share::RECORD_LEN;
use audit_core::share_proof::{ShareProof, ShareProofError, ShareTree};
use audit_core::tile::checkpoint_path;
use audit_core::tile_tree::{TreeError, inclusion_proof, read_entry};
use audit_core::tlog_proof::TlogProof;
use thiserror::Error;

use crate::evidence::{EvidenceError, EvidenceStore};

/// Where a proof comes from: the published files, and whose log they are.
pub struct Prover<'a> {
    /// The files.
    pub store: &'a EvidenceStore,
    /// The log's key.
    pub vkey: &'a Vkey,
}

/// A published head, verbatim and understood.
pub struct Head {
    note: Vec<u8>,
    checkpoint: Checkpoint,
}

/// Why there is no proof although there should be one: the files are not what was published.
#[derive(Debug, Error)]
pub enum ProverError {
    /// The disk.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The log's files.
    #[error(transparent)]
    Tree(#[from] TreeError<EvidenceError>),
    /// A published checkpoint that this log's key did not sign.
    #[error("published checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The proof of an entry that its own maker can't verify.
    #[error("proof of entry {0}: {1}; run 'provenhash admin check-log'")]
    Entry(u64, ProofError),
    /// The proof of shares that its own maker can't verify.
    #[error("proof of shares of epoch {0}: {1}")]
    Shares(u64, ShareProofError),
    /// A file of an epoch that is not there.
    #[error("{0} is missing: restore it from a backup")]
    Missing(String),
}

impl Head {
    /// Entries that it covers.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }
}

impl Prover<'_> {
    /// The newest published head, or the kept one of exactly this size; `None` when there is none.
    ///
    /// # Errors
    /// A file that can't be read or is not this log's.
    pub fn head(&self, size: Option<u64>) -> Result<Option<Head>, ProverError> {
        let path = size.map_or("checkpoint".to_owned(), checkpoint_path);
        let Some(note) = self.store.read_range(&format!("log/{path}"), 0, CHECKPOINT_MAX as u64)? else {
            return Ok(None);
        };
        let checkpoint = Checkpoint::from_note(&note, self.vkey)?;
        Ok(Some(Head { note, checkpoint }))
    }

    /// The proof of an entry below the head's size, with the entry's bytes.
    ///
    /// # Errors
    /// Files that are damaged or missing.
    pub fn entry(&self, index: u64, head: &Head) -> Result<TlogProof, ProverError> {
        let entry = read_entry(self.store, index, head.size())?;
        let hashes = inclusion_proof(self.store, index, head.size())?;
        let proof = TlogProof { extra: None, index, hashes, note: head.note.clone() };
        proof.verify(&entry, &head.checkpoint).map_err(|error| ProverError::Entry(index, error))?;
        Ok(TlogProof { extra: Some(entry), ..proof })
    }

    /// The proof of the shares `first` to `first + count − 1` out of `total`, of an epoch that the entry at `close_index`
    /// seals. Reads the chunks that hold the shares, and the last one.
    ///
    /// # Errors
    /// Files that are damaged or missing.
    pub fn shares(&self, epoch: &SealedShares, first: u64, count: u64, head: &Head) -> Result<ShareProof, ProverError> {
        let close = self.entry(epoch.close_index, head)?;
        let chunks_path = epoch_path(epoch.epoch, "chunks");
        let chunks = self.store.read(&chunks_path)?.ok_or(ProverError::Missing(chunks_path))?;
        let read = |chunk: u64| self.records(epoch.epoch, chunk * CHUNK_RECORDS as u64, CHUNK_RECORDS as u64);
        let hashes = prove_range(first, first + count, epoch.count, &mut ShareTree::new(&chunks, read))?;
        let records = self.records(epoch.epoch, first, count)?.as_chunks::<RECORD_LEN>().0.to_vec();
        let proof = ShareProof { epoch: epoch.epoch, first, records, hashes, close };
        proof.verify(&head.checkpoint).map_err(|error| ProverError::Shares(epoch.epoch, error))?;
        Ok(proof)
    }

    fn records(&self, epoch: u64, first: u64, count: u64) -> Result<Vec<u8>, ProverError> {
        let path = epoch_path(epoch, "shares");
        let records = self.store.read_range(&path, first * RECORD_LEN as u64, count * RECORD_LEN as u64)?;
        records.ok_or(ProverError::Missing(path))
    }
}

/// What is known of a sealed epoch's shares.
pub struct SealedShares {
    /// Its number.
    pub epoch: u64,
    /// Leaf index of its `epoch_close`.
    pub close_index: u64,
    /// Shares.
    pub count: u64,
}

#[cfg(test)]
mod tests;
