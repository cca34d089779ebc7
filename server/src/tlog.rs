//! The transparency log: entries are *sequenced* (durable in the database at a leaf index), *integrated* (hashed into
//! tiles), and *published* (covered by the signed checkpoint that readers see). C2SP tlog-tiles, tlog-checkpoint.
//!
//! The tree is read from the tiles, never from all entries: appending and starting cost O(log n), see [`Edge`]. What they
//! don't look at is looked at by [`check_log()`].
//!
//! Never two signatures over different roots for one size, whatever crashes: see [`integrate`] and [`start`].
//!
//! In scope: sequencing, tiles, checkpoints, witnesses, the log's key. Out of scope: what entries say (`audit-core`), who writes
//! them (`crate::engine`, `crate::epochs`, `crate::blocks`, `crate::settlement`), serving files (`crate::evidence`).

use std::sync::{Arc, Mutex};

use audit_core::checkpoint::{LogKey, Vkey};
use audit_core::entry::{ENTRY_MAX, Entry};
use audit_core::hash::Hash32;
use audit_core::tile_tree::{Edge, TreeError};
use thiserror::Error;
use tokio::sync::OwnedMutexGuard;

use crate::db::log_entries::LogEntryRow;
use crate::db::{Database, DbError, Tx, checkpoints, log_entries};
use crate::evidence::{EvidenceError, EvidenceStore};
use publish::Publication;

mod check_log;
mod cosign;
mod integrate;
mod key;
mod kind;
mod publish;
mod start;

#[cfg(test)]
pub(crate) mod check;
#[cfg(test)]
mod tests;

pub use check_log::{LogCheck, LogFault, check_log};
pub use cosign::{Cosigner, CosignerError, WitnessSettings, WitnessStatus};
pub use key::{KeyError, load_or_create_key, load_or_create_seed};
pub use kind::kind;

/// The one writer of the log. Cheap to clone.
#[derive(Clone)]
pub struct Sequencer {
    shared: Arc<Shared>,
}

/// The right to append. Whoever holds it takes it **before** beginning its transaction: the other order deadlocks on
/// SQLite, where the holder waits for the writer and the writer for the holder.
pub struct SequencerGuard {
    shared: Arc<Shared>,
    _turn: OwnedMutexGuard<()>,
}

/// The log as its newest published checkpoint states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash32,
}

/// Why the log can't go on.
#[derive(Debug, Error)]
pub enum TlogError {
    /// Nothing was lost; the same call may be repeated.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The file system refused, or published evidence differs.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// An entry that no reader would accept.
    #[error("a log entry of {0} bytes exceeds the limit of {ENTRY_MAX}")]
    EntryTooLong(usize),
    /// The tiles are not the tree that was signed.
    #[error("{0}. Run 'provenhash admin check-log', which says what is wrong; nothing was signed")]
    Tree(#[from] TreeError<EvidenceError>),
    /// A second root would have been signed.
    #[error(
        "the log was signed with root {signed} at size {size}, but its tiles and entries now give {computed}: they were \
         changed or restored. Nothing was signed. Restore the database and the data directory that belong together"
    )]
    Fork {
        /// Entries.
        size: u64,
        /// Root that has been signed.
        signed: Hash32,
        /// Root that they would have now.
        computed: Hash32,
    },
    /// The database holds another history than the one that was published.
    #[error(
        "entry {0} in the database is not the one that the published log has: the database was changed or restored. \
         Nothing was signed. Restore the database that belongs to this data directory"
    )]
    OtherEntry(u64),
    /// The database is older than what has been published.
    #[error(
        "{place} says that the log had {published} entries, but the database holds only {found}: it is older than the \
         published log (a restored backup?). Starting would fork the log. Restore a database with at least {published} \
         entries; if there is none, this log is over: start a new one with another --origin and an empty --data folder"
    )]
    Behind {
        /// What states the larger size.
        place: String,
        /// That size.
        published: u64,
        /// Entries in the database.
        found: u64,
    },
    /// Leaf indexes have gaps.
    #[error("the log entries in the database have gaps: rows were deleted. Restore the database from a backup")]
    Gaps,
    /// A published checkpoint that this key did not sign.
    #[error(
        "{place} is no checkpoint of the log {vkey}: {reason}. The data folder, log.key and --origin belong together: \
         use those the log was started with"
    )]
    ForeignCheckpoint {
        /// Which file or row.
        place: String,
        /// This server's key.
        vkey: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A task of this process was aborted.
    #[error("a file task was aborted: {0}")]
    Aborted(#[from] tokio::task::JoinError),
}

struct Shared {
    database: Database,
    store: EvidenceStore,
    key: LogKey,
    /// Who may append: held from before the transaction until after integration.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Where the tree grows: never ahead of what is signed. Locked for short, never across an await.
    edge: Mutex<Edge>,
    head: Mutex<Head>,
    publication: Publication,
}

impl Sequencer {
    /// Opens the log: checks that what was published is still what the database says, then integrates what is
    /// sequenced but not yet published.
    ///
    /// # Errors
    /// Refuses to start on a log that has been signed otherwise than the database says.
    pub async fn open(database: Database, store: EvidenceStore, key: LogKey) -> Result<Self, TlogError> {
        Self::open_witnessed(database, store, key, None).await
    }

    /// The same for a log whose head is public only once witnesses have cosigned it, see [`Sequencer::publish_witnessed`].
    ///
    /// # Errors
    /// Also refuses to start on a log of which a witness knows more, or something else.
    pub async fn open_witnessed(
        database: Database,
        store: EvidenceStore,
        key: LogKey,
        cosigner: Option<Cosigner>,
    ) -> Result<Self, TlogError> {
        let shared = Shared {
            database,
            store,
            key,
            turn: Arc::default(),
            edge: Mutex::default(),
            head: Mutex::new(Head { size: 0, root: audit_core::merkle::empty_root() }),
            publication: Publication::new(cosigner),
        };
        let sequencer = Self { shared: Arc::new(shared) };
        sequencer.shared.check_at_start().await?;
        sequencer.shared.check_against_witnesses().await?;
        sequencer.shared.resume_publication().await?;
        sequencer.lock().await.integrate().await?;
        Ok(sequencer)
    }

    /// Waits for the right to append.
    pub async fn lock(&self) -> SequencerGuard {
        let turn = Arc::clone(&self.shared.turn).lock_owned().await;
        SequencerGuard { shared: Arc::clone(&self.shared), _turn: turn }
    }

    /// The newest published head.
    pub fn head(&self) -> Head {
        *lock(&self.shared.head)
    }

    /// Entries under the newest signed checkpoint.
    pub fn signed_size(&self) -> u64 {
        lock(&self.shared.edge).size()
    }

    /// Each witness as it is now; none without witnesses.
    pub fn witnesses(&self) -> Vec<WitnessStatus> {
        self.shared.publication.cosigner().map_or_else(Vec::new, Cosigner::status)
    }

    /// The root that was signed for exactly this size, if one was.
    pub async fn root_at(&self, size: u64) -> Result<Option<Hash32>, TlogError> {
        Ok(checkpoints::of_size(self.shared.database.pool(), size).await?.map(|row| row.root))
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        self.shared.key.origin()
    }

    /// The log's public key.
    pub fn vkey(&self) -> Vkey {
        self.shared.key.vkey()
    }
}

impl SequencerGuard {
    /// Sequences entries inside the caller's transaction; returns the leaf index of the first. They are in the log once
    /// the transaction commits, and only then. Afterwards call [`SequencerGuard::integrate`]; if that never happens, the
    /// next integration covers them.
    pub async fn append(&self, tx: &mut Tx, entries: &[Entry]) -> Result<u64, TlogError> {
        let first = log_entries::count(tx).await?;
        for (leaf_index, entry) in (first..).zip(entries) {
            let bytes = entry.to_bytes();
            if bytes.len() > ENTRY_MAX {
                return Err(TlogError::EntryTooLong(bytes.len()));
            }
            log_entries::insert(tx, &LogEntryRow { leaf_index, kind: kind(entry).into(), entry: bytes }).await?;
        }
        Ok(first)
    }

    /// Brings every committed entry into tiles and under a published checkpoint. Idempotent.
    pub async fn integrate(&self) -> Result<Head, TlogError> {
        self.shared.integrate().await
    }
}

/// These locks are never held while something can panic that leaves them half-written.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
