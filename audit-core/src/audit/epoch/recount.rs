//! What an epoch's tasks came to, put together: share.work, job.anchored and log.time.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::ToString,
    vec::Vec,
};

use super::{CheckId, Findings, Place, Recounted};
use crate::{
    audit::{CountError, Counted, Failure, JobsOnBlock},
    entry::{BlockFound, EpochClose},
    epoch::epoch_path,
    hash::BlockHash,
    liabilities::Coin,
    work::Level,
};

/// The results of one epoch's tasks.
#[derive(Default)]
pub(super) struct Recount {
    /// Results put together.
    pub(super) tasks: u64,
    /// Jobs of the epoch.
    pub(super) jobs: u64,
    shares: u64,
    chunks: u64,
    best: Vec<BlockHash>,
    levels: BTreeSet<Level>,
    blocks: BTreeMap<BlockHash, BlockFound>,
    coins: BTreeSet<(BlockHash, Coin)>,
    /// By the first of the jobs; all tasks of an epoch say the same.
    on_chain: BTreeMap<u16, JobsOnBlock>,
    failures: Vec<Failure>,
    next: Option<u64>,
}

impl Recount {
    pub(super) fn add(&mut self, close: &EpochClose, result: Result<Counted, CountError>) {
        let counted = result.unwrap_or_else(|error| {
            let file = epoch_path(close.epoch, "shares");
            let place = Place::new(file, None, "to be recomputed", error.to_string());
            Counted { failures: [Failure { check: CheckId::ShareWork, place }].into(), ..Counted::default() }
        });
        self.tasks += 1;
        self.jobs = self.jobs.max(counted.jobs);
        self.shares += counted.shares;
        self.chunks += counted.chunks;
        self.levels.extend(counted.levels);
        if !counted.best.is_empty() {
            self.best = counted.best;
        }
        self.blocks.extend(counted.blocks.into_iter().map(|block| (block.hash, block)));
        self.coins.extend(counted.coins);
        self.next = counted.next;
        self.on_chain.extend(counted.on_chain.into_iter().map(|on| (on.job, on)));
        for failure in counted.failures {
            // The tasks of an epoch all read its lists, and would all tell the same.
            if !self.failures.contains(&failure) {
                self.failures.push(failure);
            }
        }
    }

    /// The chunk in which there may be a block that no task has looked at.
    pub(super) fn next(&self) -> Option<u64> {
        self.next.filter(|_| self.failures.is_empty())
    }

    /// What the jobs say of the chain.
    pub(super) fn on_chain(&self) -> impl Iterator<Item = &JobsOnBlock> {
        self.on_chain.values()
    }

    /// The jobs are not of this chain: what else they did is not counted, so that one lie is not reported twice.
    pub(super) fn fail_jobs(&mut self, place: Place) {
        self.failures.retain(|failure| failure.check != CheckId::ShareWork);
        self.failures.push(Failure { check: CheckId::JobAnchored, place });
    }

    /// Tells the failures, and what is left then.
    pub(super) fn into_told(self, close: &EpochClose, findings: &mut Findings) -> Recounted {
        let is_failure = |check| self.failures.iter().any(|failure| failure.check == check);
        let failed = is_failure(CheckId::ShareWork) || is_failure(CheckId::JobAnchored);
        let work = close.shares.work;
        for Failure { check, place } in self.failures {
            findings.fail(check, place);
        }
        if failed {
            return Recounted { work, ..Recounted::default() };
        }
        Recounted {
            shares: self.shares,
            chunks: self.chunks,
            work,
            blocks: Some(self.blocks.into_values().collect()),
            coins: self.coins.into_iter().collect(),
            best: self.best,
            levels: self.levels.into_iter().collect(),
        }
    }
}
