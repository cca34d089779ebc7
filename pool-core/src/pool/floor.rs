//! What the pool's threads and tasks share.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use audit_core::{hash::BlockHash, header::Header};
use mio::Waker;
use tokio::sync::{mpsc, watch};
use tracing::warn;

use super::{PoolEvent, admission::Admission, board::Board, fan_out::FanOut};
use crate::{
    config::PoolConfig,
    live_epoch::LiveEpoch,
    live_job::LiveJob,
    session::Memory,
    stats::Counters,
    subscriptions::{Subscription, Subscriptions},
};

/// The ground that sessions, driver and blocks stand on.
#[derive(Debug)]
pub(super) struct Floor {
    pub(super) config: PoolConfig,
    pub(super) board: watch::Sender<Board>,
    pub(super) counters: Counters,
    pub(super) admission: Arc<Admission>,
    pub(super) fan_out: FanOut,
    /// Of the threads that serve sessions; set when they start.
    pub(super) wakers: OnceLock<Vec<Arc<Waker>>>,
    subscriptions: Mutex<Subscriptions>,
    events: mpsc::Sender<PoolEvent>,
    found: mpsc::UnboundedSender<Found>,
    /// Blocks found and not saved yet.
    waiting: AtomicUsize,
}

const BLOCKS_WAITING: usize = 16;

/// A share that is a block.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) epoch: Arc<LiveEpoch>,
    pub(super) job: Arc<LiveJob>,
    pub(super) header: Header,
    pub(super) coinbase: Vec<u8>,
}

impl Found {
    pub(super) fn hash(&self) -> BlockHash {
        self.header.hash()
    }
}

impl Floor {
    pub(super) fn new(
        config: PoolConfig,
        events: mpsc::Sender<PoolEvent>,
        found: mpsc::UnboundedSender<Found>,
    ) -> io::Result<Self> {
        let mark = config.journal_dir.join("extranonce1");
        let subscriptions = Mutex::new(Subscriptions::open(mark, config.pseudonym_key, Instant::now())?);
        let admission = Arc::new(Admission::new(&config.limits));
        let (board, counters, wakers) = (watch::Sender::default(), Counters::default(), OnceLock::new());
        Ok(Self {
            config,
            board,
            counters,
            admission,
            fan_out: FanOut::default(),
            wakers,
            subscriptions,
            events,
            found,
            waiting: AtomicUsize::new(0),
        })
    }

    /// Tells the server. A server that has stopped reading misses it: it learns the same from journal and node.
    pub(super) fn tell(&self, event: PoolEvent) {
        if let Err(error) = self.events.try_send(event) {
            warn!(%error, "pool event not taken");
        }
    }

    /// Changes the board and makes every serving thread look at it.
    pub(super) fn change_board(&self, change: impl FnOnce(&mut Board)) {
        self.board.send_modify(change);
        self.wake();
    }

    /// Puts up a job on a new block, whose template came at `since`.
    pub(super) fn begin_fan_out(&self, job: &Arc<LiveJob>, since: Instant) {
        self.fan_out.begin(job.clone(), since, self.wakers.get().map_or(0, Vec::len));
    }

    /// Makes every serving thread begin a turn.
    pub(super) fn wake(&self) {
        for waker in self.wakers.get().into_iter().flatten() {
            if let Err(error) = waker.wake() {
                warn!(%error, "a thread that serves rigs can't be woken");
            }
        }
    }

    /// A subscription, the one with the id `resume` if it is to be had. Every few thousandth syncs a file.
    pub(super) fn subscribe(&self, resume: Option<&str>, now: Instant) -> io::Result<Subscription> {
        self.subscriptions().subscribe(resume, now)
    }

    /// A subscription's connection has ended.
    pub(super) fn unsubscribe(&self, extranonce1: [u8; 4], memory: Memory, now: Instant) {
        self.subscriptions().end(extranonce1, memory, now);
    }

    fn subscriptions(&self) -> MutexGuard<'_, Subscriptions> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes a block on. Never waits. Fails only when the pool has ended, and the share is in the journal all the same.
    pub(super) fn found(&self, block: Found) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if let Some(file) = block.job.template_file() {
            file.block_found();
        }
        let _ = self.found.send(block);
    }

    /// A found block has been saved.
    pub(super) fn saved(&self, block: &Found) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        if let Some(file) = block.job.template_file() {
            file.block_saved();
        }
    }

    /// Blocks found and not saved yet.
    pub(super) fn unsaved(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether so many blocks wait to be saved that who finds them is read no further: only on a test network, where
    /// nearly every hash is a block.
    pub(super) fn has_too_many_blocks(&self) -> bool {
        self.unsaved() >= BLOCKS_WAITING
    }
}
