//! What the pool's tasks share.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use audit_core::{hash::BlockHash, header::Header};
use tokio::sync::{Mutex, Semaphore, mpsc, watch};
use tracing::warn;

use super::{PoolEvent, board::Board};
use crate::{
    clock,
    config::PoolConfig,
    journal::WriterGone,
    live_epoch::LiveEpoch,
    live_job::LiveJob,
    reject::RejectReason,
    session::{Claim, Judged, Memory, judge},
    stats::Counters,
    subscriptions::{Subscription, Subscriptions},
    worker::Worker,
};

/// The ground that sessions, driver and blocks stand on.
#[derive(Debug)]
pub(super) struct Floor {
    pub(super) config: PoolConfig,
    pub(super) board: watch::Sender<Board>,
    pub(super) counters: Counters,
    pub(super) places: Arc<Semaphore>,
    subscriptions: Mutex<Subscriptions>,
    events: mpsc::Sender<PoolEvent>,
    found: mpsc::Sender<Found>,
}

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
        found: mpsc::Sender<Found>,
    ) -> io::Result<Self> {
        let mark = config.journal_dir.join("extranonce1");
        let subscriptions = Mutex::new(Subscriptions::open(mark, config.pseudonym_key, Instant::now())?);
        let places = Arc::new(Semaphore::new(config.limits.sessions));
        let (board, counters) = (watch::Sender::default(), Counters::default());
        Ok(Self { config, board, counters, places, subscriptions, events, found })
    }

    /// Tells the server. A server that has stopped reading misses it: it learns the same from journal and node.
    pub(super) fn tell(&self, event: PoolEvent) {
        if let Err(error) = self.events.try_send(event) {
            warn!(%error, "pool event not taken");
        }
    }

    /// A subscription, the one with the id `resume` if it is to be had. Every few thousandth syncs a file.
    pub(super) async fn subscribe(&self, resume: Option<&str>) -> io::Result<Subscription> {
        self.subscriptions.lock().await.subscribe(resume, Instant::now())
    }

    /// A subscription's connection has ended.
    pub(super) async fn unsubscribe(&self, extranonce1: [u8; 4], memory: Memory) {
        self.subscriptions.lock().await.end(extranonce1, memory, Instant::now());
    }

    /// Judges a claim and, when it is a share, journals it: on `Ok(Ok)` it may be acknowledged.
    pub(super) async fn judge(&self, claim: &Claim) -> Result<Result<(), RejectReason>, WriterGone> {
        let found = self.board.borrow().find(&claim.submission.job, Instant::now());
        let (epoch, job) = match found {
            Ok(found) => found,
            Err(reason) => return self.reject(reason, Some(&claim.worker)).await.map(|()| Err(reason)),
        };
        let seconds = Duration::from_millis(clock::unix_ms().saturating_sub(epoch.start.start_ms)).as_secs();
        let seconds = u16::try_from(seconds).unwrap_or(u16::MAX);
        let reason = match judge(&job, claim.extranonce1, &claim.submission, seconds) {
            Err(reason) => reason,
            Ok(judged) => match epoch.accept(claim.extranonce1, &claim.worker, &judged).await? {
                Err(reason) => reason,
                Ok(()) => {
                    self.accepted(claim, &judged, epoch, job).await;
                    return Ok(Ok(()));
                }
            },
        };
        self.counters.rejected(reason);
        epoch.reject(&claim.worker, reason).await?;
        Ok(Err(reason))
    }

    /// Counts a rejected submission, in the evidence too where its worker is known and an epoch is open.
    pub(super) async fn reject(&self, reason: RejectReason, worker: Option<&Worker>) -> Result<(), WriterGone> {
        self.counters.rejected(reason);
        let epoch = self.board.borrow().latest().cloned();
        match (epoch, worker) {
            (Some(epoch), Some(worker)) => epoch.reject(worker, reason).await,
            _ => Ok(()),
        }
    }

    async fn accepted(&self, claim: &Claim, judged: &Judged, epoch: Arc<LiveEpoch>, job: Arc<LiveJob>) {
        let level = judged.record.level;
        self.counters.accepted(level);
        if judged.is_block {
            self.counters.block_found();
            let anchor = job.at(level).anchor;
            let coinbase = job.row.coinbase_bytes(&anchor, claim.extranonce1, judged.record.extranonce2);
            // The blocks task lives as long as any session may: a failed send means the pool is stopping, and the share
            // is in the journal all the same.
            let _ = self.found.send(Found { epoch, job, header: judged.header, coinbase }).await;
        }
    }
}
