//! The journal: one append-only file per epoch, from which alone the epoch is sealed.
//!
//! Commit points of a share: 1. validated (a crash forgets it, the worker has no answer); 2. appended by `write(2)` (a
//! killed process keeps it); 3. answered; 4. synced within [`SYNC_AFTER`] (a power cut keeps it). A file that ends in the
//! middle of a frame was torn before 3, so cutting it loses nothing that was acknowledged.
//! Rejects are counts, noted at most once a second for each worker and reason, so that no rig gone wrong fills the disk;
//! a kill can take the last second's.
//! Trusted: whoever can change it before the epoch is sealed can drop shares, but cannot invent any.

mod record;
mod replay;
mod times;
mod writer;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use audit_core::epoch::EpochMaterial;
use thiserror::Error;

pub(crate) use self::{
    record::Record,
    replay::{Replay, replay},
    times::JournalTimes,
    writer::{JournalFailed, JournalWriter, SYNC_AFTER},
};
use crate::{durable, epoch_start::EpochStart, frame::Damaged};

const MAGIC: &[u8; 8] = b"PVHJNL1\n";

/// Why a journal can't be used.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("journal {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A frame in the middle is broken.
    #[error("journal {}: {source}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        source: Damaged,
    },
    /// A whole frame holds something that does not belong there.
    #[error("journal {}, frame at byte {at}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Offset of the frame.
        at: usize,
        /// What was expected.
        reason: String,
    },
    /// There is no journal of this epoch.
    #[error("epoch {0} was never opened here: it has no journal")]
    NotOpened(u64),
    /// The journal has no end yet.
    #[error("epoch {0} is not closed: close it before reading it")]
    NotClosed(u64),
    /// The journal has its end already.
    #[error("epoch {0} is closed and can't be opened again")]
    Closed(u64),
    /// The journal began with other values.
    #[error("epoch {0} was opened with another start, origin or root: an epoch's anchor never changes")]
    Different(u64),
}

/// The material of a closed epoch, from its journal file and nothing else. Reads the whole file.
///
/// # Errors
/// See [`JournalError`]; [`JournalError::NotClosed`] while the epoch may still grow.
pub fn read_epoch(journal_dir: &Path, epoch: u64) -> Result<EpochMaterial, JournalError> {
    let replay = load(journal_dir, epoch)?.ok_or(JournalError::NotOpened(epoch))?;
    if replay.closed { Ok(replay.material) } else { Err(JournalError::NotClosed(epoch)) }
}

/// What the journal of an epoch says so far, closed or not. Changes nothing.
///
/// # Errors
/// See [`JournalError`].
pub(crate) fn read_so_far(folder: &Path, epoch: u64) -> Result<EpochMaterial, JournalError> {
    Ok(load(folder, epoch)?.ok_or(JournalError::NotOpened(epoch))?.material)
}

/// Starts an epoch's journal or goes on with it. What is in the file when this returns survives a power cut.
///
/// # Errors
/// [`JournalError::Closed`] and [`JournalError::Different`] when the epoch can't go on; see [`JournalError`].
pub(crate) fn open(folder: &Path, start: &EpochStart) -> Result<(File, Option<Replay>), JournalError> {
    let path = path_of(folder, start.epoch);
    let Some(replay) = load(folder, start.epoch)? else {
        let mut bytes = MAGIC.to_vec();
        Record::Open(start.clone()).push(&mut bytes);
        durable::replace(&path, &bytes).map_err(|source| io_error(&path, source))?;
        return Ok((append_to(&path, bytes.len())?, None));
    };
    if replay.closed {
        return Err(JournalError::Closed(start.epoch));
    }
    if &start_of(&replay.material) != start {
        return Err(JournalError::Different(start.epoch));
    }
    Ok((append_to(&path, replay.end)?, Some(replay)))
}

/// Closes an epoch's journal if it is not, durably. Nobody else may have the file open.
pub(crate) fn close(folder: &Path, epoch: u64) -> Result<(), JournalError> {
    let path = path_of(folder, epoch);
    let replay = load(folder, epoch)?.ok_or(JournalError::NotOpened(epoch))?;
    if replay.closed {
        return Ok(());
    }
    let mut file = append_to(&path, replay.end)?;
    let mut bytes = Vec::new();
    Record::Close.push(&mut bytes);
    file.write_all(&bytes).and_then(|()| file.sync_data()).map_err(|source| io_error(&path, source))
}

fn load(folder: &Path, epoch: u64) -> Result<Option<Replay>, JournalError> {
    let path = path_of(folder, epoch);
    match fs::read(&path) {
        Ok(bytes) => replay(&path, &bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error(&path, source)),
    }
}

/// Opens for appending behind byte `end`, cuts what is torn, syncs.
fn append_to(path: &Path, end: usize) -> Result<File, JournalError> {
    let open = || {
        let file = OpenOptions::new().append(true).open(path)?;
        file.set_len(end as u64)?;
        file.sync_all()?;
        Ok(file)
    };
    open().map_err(|source| io_error(path, source))
}

fn start_of(material: &EpochMaterial) -> EpochStart {
    EpochStart {
        epoch: material.epoch,
        start_ms: material.start_ms,
        origin: material.origin.clone(),
        tree_size: material.tree_size,
        root: material.root,
    }
}

fn path_of(folder: &Path, epoch: u64) -> PathBuf {
    folder.join(format!("{epoch}.journal"))
}

fn io_error(path: &Path, source: io::Error) -> JournalError {
    JournalError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
