//! What an epoch's tasks came to, put together: share.work, job.anchored and log.time.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::ToString,
    vec::Vec,
};

use super::{CheckId, Findings, LogEpoch, Place, Recounted};
use crate::{
    audit::{CountError, Counted, Failure, JobsOnBlock},
    entry::{BlockFound, EpochClose},
    epoch::epoch_path,
    hash::BlockHash,
    liabilities::Coin,
    work::{Level, Nbits},
};

/// The results of one epoch's tasks.
#[derive(Default)]
pub(super) struct Recount {
    /// Results put together.
    pub(super) tasks: u64,
    jobs: u64,
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

    /// job.anchored across epochs: what is built on a block agrees in height and network target.
    pub(super) fn take_places(&mut self, epoch: &LogEpoch, chain: &mut ChainView) {
        let path = epoch_path(epoch.open.epoch, "jobs.json");
        chain.jobs += self.jobs;
        chain.above.insert(epoch.open.chain.hash, (epoch.open.chain.height.saturating_add(1), None));
        for on in self.on_chain.values() {
            if let Err((expected, found)) = chain.place(on) {
                let place = Place::new(&*path, Some(on.job.into()), expected, found);
                // What else such jobs did is not counted, so that one lie is not reported twice.
                self.failures.retain(|failure| failure.check != CheckId::ShareWork);
                self.failures.push(Failure { check: CheckId::JobAnchored, place });
                break;
            }
        }
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

/// The chain as the jobs tell it: what is built on each block must agree.
#[derive(Default)]
pub(super) struct ChainView {
    /// Height and network target of the blocks built on a block.
    above: BTreeMap<BlockHash, (u32, Option<Nbits>)>,
    /// Jobs seen.
    pub(super) jobs: u64,
}

impl ChainView {
    /// All jobs on one block have one height and one network target; else what was expected, and what was found.
    fn place(&mut self, on: &JobsOnBlock) -> Result<(), (alloc::string::String, alloc::string::String)> {
        let differs = |what: &str, expected: &dyn ToString, found: &dyn ToString| {
            Err((alloc::format!("{what} {}", expected.to_string()), found.to_string()))
        };
        let (height, nbits) = self.above.entry(on.prevhash).or_insert((on.height, None));
        let nbits = nbits.get_or_insert(on.nbits);
        if *height != on.height {
            return differs("height", height, &on.height);
        }
        if *nbits != on.nbits { differs("nbits", nbits, &on.nbits) } else { Ok(()) }
    }
}
