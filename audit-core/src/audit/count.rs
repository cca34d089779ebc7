//! Counting: the part of an audit that takes time, cut into tasks that can run anywhere, many at once.
//!
//! A [`CountTask`] says all that its result depends on besides the evidence, so the same task on the same evidence gives
//! the same [`Counted`], on whatever thread, worker or day. Tasks and results are JSON for those who send or keep them.

mod files;
mod jobs;
mod selection;
mod shares;
mod table;

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::future::Future;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{CheckId, Evidence, Place};
use crate::{
    entry::{BlockFound, EpochClose, EpochOpen, HexBytes},
    hash::{BlockHash, Hash32},
    liabilities::Coin,
    work::{Level, Nbits, Work},
};
use files::Files;

/// Chunks of one task at most: 262,144 shares, some seconds of hashing in a browser.
pub const TASK_CHUNKS: u64 = 64;
/// Best header hashes of one epoch that are kept.
pub const BEST_HASHES: usize = 1_024;
/// Failures that a task tells of each check.
const TOLD_FAILURES: usize = 20;

/// Who recomputes shares: this thread ([`Inline`]), other threads, Web Workers. Many tasks may be under way at once.
pub trait Counters {
    /// Tasks worth having under way at once, at least 1.
    fn lanes(&self) -> usize;

    /// Does what [`count`] does. Work begins when the future is first polled; where it is done elsewhere, it goes on
    /// without being polled.
    fn count(&self, task: CountTask) -> impl Future<Output = Result<Counted, CountError>>;
}

/// Counts where it is asked, one task at a time.
pub struct Inline<'a, E>(pub &'a E);

impl<E: Evidence> Counters for Inline<'_, E> {
    fn lanes(&self) -> usize {
        1
    }

    async fn count(&self, task: CountTask) -> Result<Counted, CountError> {
        count(self.0, &task).await
    }
}

/// The jobs and some chunks of one sealed epoch, to be recomputed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountTask {
    /// The log's origin.
    pub origin: String,
    /// The log's size just behind the epoch's `epoch_open`.
    pub tree_size: u64,
    /// The log's root at that size.
    pub root: Hash32,
    /// When the epoch ended, Unix ms.
    pub end_ms: u64,
    /// The scripts that coinbases may pay to.
    pub payout_scripts: Vec<HexBytes>,
    /// The coinbase tag.
    pub coinbase_tag: HexBytes,
    /// How the epoch began.
    pub open: EpochOpen,
    /// What its files are claimed to be.
    pub close: EpochClose,
    /// Which chunks to recompute.
    pub chunks: Chunks,
}

/// Which chunks of an epoch a task recomputes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chunks {
    /// [`TASK_CHUNKS`] from this one on, or up to the epoch's end.
    From(u64),
    /// This one, and the following ones for as long as a block may be in them, [`TASK_CHUNKS`] at most.
    Best(u64),
    /// Those that hold the work at these distances from the beginning of the epoch's work, at most [`TASK_CHUNKS`] ones.
    Drawn(Vec<Work>),
}

/// What a task came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// Jobs of the epoch.
    pub jobs: u64,
    /// Shares recomputed.
    pub shares: u64,
    /// Their work.
    pub work: Work,
    /// Chunks recomputed.
    pub chunks: u64,
    /// Bytes fetched.
    pub bytes: u64,
    /// The levels of the recomputed shares, ascending.
    pub levels: Vec<Level>,
    /// The recomputed shares that met the network target, in order of hash.
    pub blocks: Vec<BlockFound>,
    /// What these blocks pay.
    pub coins: Vec<(BlockHash, Coin)>,
    /// The lowest header hashes of the epoch, at most [`BEST_HASHES`], ascending; empty unless chunk 0 was recomputed.
    pub best: Vec<BlockHash>,
    /// What the jobs say of the chain, in order of their first job.
    pub on_chain: Vec<JobsOnBlock>,
    /// What is wrong. Counting ends at the first share that is.
    pub failures: Vec<Failure>,
    /// [`Chunks::Best`]: a block may be in this chunk too, and it was not recomputed.
    pub next: Option<u64>,
}

/// Jobs on one previous block that agree in its place on the chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobsOnBlock {
    /// The block they build on.
    pub prevhash: BlockHash,
    /// Height of the block to be found.
    pub height: u32,
    /// Network target.
    pub nbits: Nbits,
    /// Number of the first of them.
    pub job: u16,
    /// Lowest ntime, seconds.
    pub ntime_min: u32,
    /// Highest ntime, seconds.
    pub ntime_max: u32,
}

/// A check that failed, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Which.
    pub check: CheckId,
    /// Where.
    pub place: Place,
}

/// Why there is no result: nothing can be said of the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct CountError(pub String);

/// The work of one task. What is wrong with the evidence, or can't be had, is in the result's failures.
///
/// # Errors
/// None of its own; other [`Counters`] fail when their threads or workers do.
pub async fn count<E: Evidence>(evidence: &E, task: &CountTask) -> Result<Counted, CountError> {
    let mut counted = Counted::default();
    let mut files = Files { evidence, epoch: task.close.epoch, bytes: 0 };
    if let Err(failure) = recount(&mut files, task, &mut counted).await {
        counted.failures.push(failure);
    }
    counted.bytes = files.bytes;
    Ok(counted)
}

async fn recount<E: Evidence>(
    files: &mut Files<'_, E>,
    task: &CountTask,
    counted: &mut Counted,
) -> Result<(), Failure> {
    let close = &task.close;
    let jobs = files.jobs(close).await?;
    let jobs = jobs::check(task, &jobs, counted)?;
    let sessions = files.sessions(close).await?;
    files.rejects(close).await?;
    let rows = files.chunks(close).await?;
    let mut recount = shares::Recount::new(task, &jobs, &sessions, &rows, counted);
    for window in selection::windows(&task.chunks, &rows) {
        let records = files.records(close, window).await?;
        for (chunk, records) in (window.first..).zip(records.chunks(crate::epoch::CHUNK_RECORDS)) {
            if !recount.wants(chunk) {
                return Ok(());
            }
            recount.chunk(chunk, records)?;
        }
    }
    Ok(())
}

impl CountTask {
    /// The JSON that is sent, and whose SHA-256 names the task's result.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The inverse of [`CountTask::to_json`].
    ///
    /// # Errors
    /// No task.
    pub fn from_json(json: &str) -> Result<Self, CountError> {
        serde_json::from_str(json).map_err(|error| CountError(alloc::format!("task: {error}")))
    }
}

impl Counted {
    /// The JSON that is sent or kept.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The inverse of [`Counted::to_json`].
    ///
    /// # Errors
    /// No result.
    pub fn from_json(json: &str) -> Result<Self, CountError> {
        serde_json::from_str(json).map_err(|error| CountError(alloc::format!("result of a task: {error}")))
    }

    /// Tells a failure that does not end the counting, unless enough were told.
    fn fail(&mut self, check: CheckId, place: Place) {
        if self.failures.iter().filter(|failure| failure.check == check).count() < TOLD_FAILURES {
            self.failures.push(Failure { check, place });
        }
    }
}

impl Failure {
    fn new(check: CheckId, file: impl Into<String>, index: Option<u64>, expected: String, found: String) -> Self {
        Self { check, place: Place::new(file, index, expected, found) }
    }
}

/// Fails `share.work` unless the two values are equal.
fn equal<T: PartialEq + ToString>(file: &str, what: &str, expected: &T, found: &T) -> Result<(), Failure> {
    if expected == found {
        return Ok(());
    }
    let expected = alloc::format!("{what} {}", expected.to_string());
    Err(Failure::new(CheckId::ShareWork, file, None, expected, found.to_string()))
}
