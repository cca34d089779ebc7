//! Counters for metrics, since the pool's start.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use audit_core::work::{Level, Work};

use crate::{journal::JournalTimes, node::NodeStatus, reject::RejectReason};

/// What the pool has seen since it started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolStats {
    /// Connections open now, authorized or not.
    pub sessions: u64,
    /// Shares acknowledged.
    pub accepted: u64,
    /// Their work.
    pub work: Work,
    /// Submissions and requests refused, by reason; reasons that never occurred are absent.
    pub rejected: BTreeMap<RejectReason, u64>,
    /// Shares that met the network target.
    pub blocks_found: u64,
    /// Age of the newest template; `None` before the first.
    pub template_age: Option<Duration>,
    /// From a node's template on a new best block to a job on it that rigs are sent: how many, how long together.
    pub new_block_to_job: (u64, Duration),
    /// Writes of journals: how many, how long together.
    pub journal_writes: (u64, Duration),
    /// Syncs of journals: how many, how long together.
    pub journal_syncs: (u64, Duration),
    /// What became of the blocks.
    pub blocks: BlockStats,
    /// The nodes, in the operator's order.
    pub nodes: Vec<NodeStatus>,
    /// Jobs on new blocks on their way to the sessions.
    pub notify: NotifyStats,
}

/// How long jobs on a new block took from their template to the first and the last session that was connected then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NotifyStats {
    /// Jobs that were written to any session.
    pub jobs: u64,
    /// Sessions they were written to, together.
    pub sessions: u64,
    /// Times to the first session, together.
    pub first: Duration,
    /// Times to the last session, together.
    pub last: Duration,
    /// Of the newest job alone, to the first session.
    pub newest_first: Duration,
    /// And to the last.
    pub newest_last: Duration,
}

/// Found blocks on their way to the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlockStats {
    /// Blocks that are found and not on disk yet.
    pub unsaved: u64,
    /// Saved blocks that no node has decided.
    pub waiting: u64,
    /// How long the first of them has waited.
    pub longest_wait: Duration,
    /// Blocks that a node took.
    pub accepted: u64,
    /// Blocks that every node refused for good.
    pub rejected: u64,
}

/// The counters behind [`PoolStats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    stats: Mutex<PoolStats>,
    template_at: Mutex<Option<Instant>>,
    pub(crate) journal: Arc<JournalTimes>,
}

impl Counters {
    pub(crate) fn snapshot(&self) -> PoolStats {
        let template_at = *self.template_at.lock().unwrap_or_else(PoisonError::into_inner);
        PoolStats {
            template_age: template_at.map(|at| at.elapsed()),
            journal_writes: self.journal.writes.total(),
            journal_syncs: self.journal.syncs.total(),
            ..self.stats().clone()
        }
    }

    /// A node gave a template.
    pub(crate) fn template(&self, now: Instant) {
        *self.template_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// A job on a new best block is there for rigs, so long after its template.
    pub(crate) fn job_on_new_block(&self, after: Duration) {
        let mut stats = self.stats();
        stats.new_block_to_job.0 += 1;
        stats.new_block_to_job.1 += after;
    }

    pub(crate) fn session_opened(&self) {
        self.stats().sessions += 1;
    }

    pub(crate) fn session_ended(&self) {
        self.stats().sessions -= 1;
    }

    /// Counts `shares` of one level.
    pub(crate) fn accepted(&self, level: Level, shares: u64) {
        let mut stats = self.stats();
        stats.accepted += shares;
        let work = level.work().get().checked_mul(shares.into()).map(Work::new);
        let work = work.and_then(|work| stats.work.checked_add(work));
        stats.work = work.unwrap_or(stats.work);
    }

    pub(crate) fn rejected(&self, reason: RejectReason) {
        *self.stats().rejected.entry(reason).or_default() += 1;
    }

    pub(crate) fn block_found(&self) {
        self.stats().blocks_found += 1;
    }

    fn stats(&self) -> MutexGuard<'_, PoolStats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
