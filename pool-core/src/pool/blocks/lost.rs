//! Blocks that a crash kept from being saved: the share is in the journal, the block is not on disk. They are rebuilt from
//! the journal's job and the transactions beside it.

use std::{fs, io, path::PathBuf};

use audit_core::{
    epoch::{Anchors, EpochMaterial},
    hash::{BlockHash, Hash32},
    header::Header,
    job::Job,
    share::ShareRecord,
};
use thiserror::Error;
use tracing::error;

use super::saved::SavedBlock;
use crate::{
    block::assemble,
    config::PoolConfig,
    durable,
    journal::{self, JournalError},
    template_file,
};

/// Why an epoch's blocks could not be looked for, or one of them not be saved. Its templates stay.
#[derive(Debug, Error)]
pub(super) enum LostError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("saving a rebuilt block: {0}")]
    Save(#[from] io::Error),
}

/// A share that meets the network target.
struct Candidate {
    header: Header,
    coinbase: Vec<u8>,
    job: u16,
    height: u32,
}

/// Saves the epoch's blocks that are not saved, returns them, and deletes `templates`. Hashes every share of the journal:
/// seconds for a million of them.
pub(super) fn recover(config: &PoolConfig, epoch: u64, templates: &[PathBuf]) -> Result<Vec<SavedBlock>, LostError> {
    let material = journal::read_so_far(&config.journal_dir, epoch)?;
    let mut rebuilt = Vec::new();
    for candidate in candidates(&material) {
        let block = SavedBlock::new(&config.blocks_dir, candidate.height, candidate.header.hash());
        if block.exists() {
            continue;
        }
        match template_file::read(&template_file::path_of(&config.journal_dir, epoch, candidate.job)) {
            Ok(body) => {
                durable::replace(&block.path(), &assemble(&candidate.header, &candidate.coinbase, &body))?;
                rebuilt.push(block);
            }
            Err(error) => error!(epoch, %block, %error, "block lost: its share is evidence, its transactions are gone"),
        }
    }
    for path in templates {
        fs::remove_file(path)?;
    }
    Ok(rebuilt)
}

fn candidates(material: &EpochMaterial) -> Vec<Candidate> {
    let mut anchors = Anchors::new(material.epoch, &material.origin, material.tree_size, material.root);
    let targets: Vec<_> = material.jobs.iter().map(|job| job.nbits.target()).collect();
    let is_block = |job: &Job, hash: &BlockHash| targets[usize::from(job.job)].is_some_and(|t| t.is_met_by(hash));
    let mut found = Vec::new();
    for share in &material.shares {
        let (job, session) = (&material.jobs[usize::from(share.job)], &material.sessions[share.session as usize]);
        let anchor = anchors.hash(share.level);
        let header = job.header(&anchor, session.extranonce1, share);
        if is_block(job, &header.hash()) {
            found.push(candidate(header, job, &anchor, session.extranonce1, share));
        }
    }
    found
}

fn candidate(header: Header, job: &Job, anchor: &Hash32, extranonce1: [u8; 4], share: &ShareRecord) -> Candidate {
    let coinbase = job.coinbase_bytes(anchor, extranonce1, share.extranonce2);
    Candidate { header, coinbase, job: share.job, height: job.height }
}
