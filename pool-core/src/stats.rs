//! Counters for metrics, since the pool's start.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use audit_core::work::{Level, Work};

use crate::{node::NodeStatus, reject::RejectReason};

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
    /// What became of the blocks.
    pub blocks: BlockStats,
    /// The nodes, in the operator's order.
    pub nodes: Vec<NodeStatus>,
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
pub(crate) struct Counters(Mutex<PoolStats>);

impl Counters {
    pub(crate) fn snapshot(&self) -> PoolStats {
        self.stats().clone()
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
