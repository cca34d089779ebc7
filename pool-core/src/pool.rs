//! The pool: what the server drives.
//!
//! Threads, all joined at the end: those of `edge`, which serve rigs. Tasks, all joined too: `feed` (templates), `driver`
//! (epochs and jobs, in one place and one order), `blocks` (one that saves, one per node that submits), and one per open
//! epoch that syncs its journal.

mod admission;
mod blocks;
mod board;
mod driver;
mod edge;
mod fan_out;
mod feed;
mod floor;

use std::{fs, io, sync::Arc};

use audit_core::{epoch::EpochMaterial, hash::BlockHash};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    blocks::Fates,
    driver::{Command, Driver},
    edge::Edge,
    floor::Floor,
};
use crate::{
    config::PoolConfig,
    epoch_start::EpochStart,
    journal::JournalError,
    listener::Listener,
    node::Nodes,
    stats::{BlockStats, PoolStats},
    template_file,
};

/// Events that the server has not read yet; it reads all the time.
const EVENTS: usize = 1_024;
/// Commands and templates wait for at most one journal append each.
const QUEUE: usize = 16;

/// What happens in the pool by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolEvent {
    /// The epoch has had its last job: open the next one now. Repeated while it is so.
    EpochFull {
        /// Which.
        epoch: u64,
    },
    /// An accepted share is a block. It is in the synced journal and saved; submission goes on by itself.
    BlockFound {
        /// The share's epoch.
        epoch: u64,
        /// The header's hash.
        hash: BlockHash,
        /// Its height.
        height: u32,
    },
    /// No node gives templates; the pool keeps trying, rigs keep their last job.
    NodeDown {
        /// What it said.
        error: String,
    },
    /// A node gives templates again.
    NodeUp,
    /// The epoch's journal can't be written: nothing is accepted any more. Only a restart helps.
    JournalFailed {
        /// Which.
        epoch: u64,
        /// What the file system said.
        error: String,
    },
}

/// Why the pool can't do what it was asked to.
#[derive(Debug, Error)]
pub enum PoolError {
    /// The journal of the epoch.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A folder of the pool.
    #[error("pool folders: {0}")]
    Folder(#[from] io::Error),
    /// Epochs go forward.
    #[error("epoch {wanted} can't be opened: epoch {open} is open already")]
    Order {
        /// Asked for.
        wanted: u64,
        /// The latest.
        open: u64,
    },
    /// The epoch can't have a job.
    #[error("epoch {epoch} gets no job: {reason}")]
    Job {
        /// Which.
        epoch: u64,
        /// Why.
        reason: String,
    },
    /// The pool was told to stop.
    #[error("the pool has stopped")]
    Stopped,
}

/// A running pool.
#[derive(Debug)]
pub struct Pool {
    commands: mpsc::Sender<Command>,
    floor: Arc<Floor>,
    fates: Arc<Fates>,
    nodes: Nodes,
    tasks: TaskTracker,
}

impl Pool {
    /// Starts the pool on `listeners`: connections are accepted at once, jobs go out when an epoch is open and a node
    /// has given a template. Blocks saved but not submitted before are submitted again. No node need be up.
    ///
    /// # Errors
    /// [`PoolError::Folder`].
    pub async fn start(
        config: PoolConfig,
        nodes: Nodes,
        listeners: Vec<Listener>,
        stop: CancellationToken,
    ) -> Result<(Self, mpsc::Receiver<PoolEvent>), PoolError> {
        fs::create_dir_all(&config.journal_dir)?;
        fs::create_dir_all(&config.blocks_dir)?;
        let (events, received) = mpsc::channel(EVENTS);
        let (found, to_save) = mpsc::unbounded_channel();
        let (commands, to_drive) = mpsc::channel(QUEUE);
        let (templates, fed) = mpsc::channel(QUEUE);
        let floor = Arc::new(Floor::new(config, events, found)?);
        let profiles = listeners.iter().map(|listener| listener.profile).collect();
        let (tasks, served) = (TaskTracker::new(), CancellationToken::new());
        let edge = Edge::start(listeners, &floor)?;
        tasks.spawn(stop_edge(edge, stop.clone(), served.clone()));
        tasks.spawn(feed::run(nodes.clone(), templates, floor.clone(), stop.clone()));
        let fates = blocks::spawn(&tasks, &nodes, to_save, &floor, &served)?;
        let (give_up, given_up) = mpsc::unbounded_channel();
        tasks.spawn(blocks::until_farewell(served.clone(), template_file::delete(given_up)));
        let driver = Driver::new(floor.clone(), tasks.clone(), profiles, give_up);
        tasks.spawn(driver.run(to_drive, fed, stop, served));
        tasks.close();
        Ok((Self { commands, floor, fates, nodes, tasks }, received))
    }

    /// Opens an epoch. Journalled and synced before any rig sees a job of it. An epoch that is open, or whose journal is
    /// not closed (after a restart), goes on: job numbers, session numbers and duplicates as they were. Shares of the
    /// epoch before count for the configured grace after this epoch's first job.
    ///
    /// # Errors
    /// [`PoolError::Order`], [`PoolError::Journal`] (closed or opened otherwise before), [`PoolError::Stopped`].
    pub async fn open_epoch(&self, start: EpochStart) -> Result<(), PoolError> {
        self.command(|done| Command::Open(start, done)).await
    }

    /// Closes an epoch: nothing of it is accepted any more, its journal is synced. The material comes from the journal
    /// file alone. Idempotent, also straight after a restart.
    ///
    /// # Errors
    /// [`PoolError::Journal`], [`PoolError::Stopped`].
    pub async fn close_epoch(&self, epoch: u64) -> Result<EpochMaterial, PoolError> {
        self.command(|done| Command::Close(epoch, done)).await
    }

    /// Counters since the start, and what is now.
    pub fn stats(&self) -> PoolStats {
        let (fates, nodes) = (self.fates.stats(), self.nodes.status());
        let blocks = BlockStats { unsaved: self.floor.unsaved() as u64, ..fates };
        PoolStats { blocks, nodes, notify: self.floor.fan_out.stats(), ..self.floor.counters.snapshot() }
    }

    /// Returns when every task has ended, which they do once the stop token is cancelled.
    pub async fn join(self) {
        self.tasks.wait().await;
    }

    async fn command<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, PoolError>>) -> Command,
    ) -> Result<T, PoolError> {
        let (done, answer) = oneshot::channel();
        self.commands.send(command(done)).await.map_err(|_| PoolError::Stopped)?;
        answer.await.map_err(|_| PoolError::Stopped)?
    }
}

/// Ends the threads that serve rigs once the pool is to stop; cancels `served` when they have answered what they had read.
async fn stop_edge(edge: Edge, stop: CancellationToken, served: CancellationToken) {
    stop.cancelled().await;
    // It does not panic: the threads' own panics are logged.
    let _ = tokio::task::spawn_blocking(move || edge.stop()).await;
    served.cancel();
}
