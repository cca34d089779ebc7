//! share.work: every share of a chunk is rebuilt and hashed, and the chunk is its row of `chunks`.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{BEST_HASHES, CheckId, Chunks, CountTask, Counted, Failure, equal, files::Record, jobs::CheckedJob};
use crate::{
    entry::BlockFound,
    epoch::{Anchors, CHUNK_RECORDS, ChunkRow, SessionsFile, epoch_path},
    hash::BlockHash,
    liabilities::coins_of,
    merkle::{record_hashes, tree_root},
    share::ShareRecord,
    transaction::Transaction,
    window::{WindowShare, hash_window},
    work::{Target, Work},
};

/// An epoch under recount.
pub(super) struct Recount<'a> {
    task: &'a CountTask,
    jobs: &'a [CheckedJob],
    sessions: &'a SessionsFile,
    rows: &'a [ChunkRow],
    anchors: Anchors,
    /// The easiest network target of the jobs: a hash above it is no block.
    easiest: Option<Target>,
    path: String,
    counted: &'a mut Counted,
}

/// What was expected, and what was found.
type Mismatch = (String, String);

impl<'a> Recount<'a> {
    pub(super) fn new(
        task: &'a CountTask,
        jobs: &'a [CheckedJob],
        sessions: &'a SessionsFile,
        rows: &'a [ChunkRow],
        counted: &'a mut Counted,
    ) -> Self {
        let epoch = task.close.epoch;
        Self {
            task,
            jobs,
            sessions,
            rows,
            anchors: Anchors::new(epoch, &task.origin, task.tree_size, task.root),
            easiest: jobs.iter().map(|job| job.network_target).max(),
            path: epoch_path(epoch, "shares"),
            counted,
        }
    }

    /// Whether the task's chunks go on with this one; if not, all are done.
    pub(super) fn wants(&self, chunk: u64) -> bool {
        match self.task.chunks {
            Chunks::Best(first) => chunk == first || self.block_may_be_in(chunk),
            Chunks::From(_) | Chunks::Drawn(_) => true,
        }
    }

    /// Recounts one chunk, or tells the first share that is none.
    pub(super) fn chunk(&mut self, chunk: u64, records: &[Record]) -> Result<(), Failure> {
        let first_index = chunk * CHUNK_RECORDS as u64;
        let (path, rows) = (self.path.clone(), self.rows);
        let failed = |(index, (expected, found)): (u64, Mismatch)| {
            Failure::new(CheckId::ShareWork, &*path, Some(first_index + index), expected, found)
        };
        let leaves = record_hashes(records);
        let (records, hashes) = self.hashed(records).map_err(failed)?;
        let work = records.iter().try_fold(Work::ZERO, |sum, record| sum.checked_add(record.level.work()));
        let ours = ChunkRow {
            root: tree_root(&leaves),
            first: hashes.first().copied().unwrap_or_default(),
            work: work.unwrap_or_default(),
        };
        let number = usize::try_from(chunk).unwrap_or(usize::MAX);
        self.is_its_row(chunk, &ours, rows.get(number))?;
        if let (Some(last), Some(next)) = (hashes.last(), rows.get(number + 1))
            && *last >= next.first
        {
            let expected = format!("a header hash below that of the next chunk, {}", next.first);
            return Err(failed((hashes.len() as u64 - 1, (expected, last.to_string()))));
        }
        self.add(chunk, &records, &hashes, ours.work);
        Ok(())
    }

    /// The records with their header hashes, each at most its target, strictly increasing.
    fn hashed(&mut self, bytes: &[Record]) -> Result<(Vec<ShareRecord>, Vec<BlockHash>), (u64, Mismatch)> {
        let mut window = Vec::with_capacity(bytes.len());
        let mut unusable = None;
        for (index, bytes) in (0..).zip(bytes) {
            match self.resolve(bytes) {
                Ok(share) => window.push(share),
                Err(mismatch) => {
                    unusable = Some((index, mismatch));
                    break;
                }
            }
        }
        let hashes = hash_window(&window);
        let mut last = None;
        for (index, (share, hash)) in (0..).zip(window.iter().zip(&hashes)) {
            let target = share.record.level.target();
            if !target.is_met_by(hash) {
                return Err((index, (format!("a header hash of at most {}", target.to_hex()), hash.to_string())));
            }
            if last.is_some_and(|last| last >= hash) {
                return Err((index, ("header hashes strictly increasing".into(), hash.to_string())));
            }
            last = Some(hash);
        }
        match unusable {
            Some(unusable) => Err(unusable),
            None => Ok((window.iter().map(|share| share.record).collect(), hashes)),
        }
    }

    /// What a record's header depends on.
    fn resolve(&mut self, bytes: &Record) -> Result<WindowShare<'a>, Mismatch> {
        let unknown = |what: &str, number: u64| (format!("a known {what}"), number.to_string());
        let record = ShareRecord::from_bytes(bytes).map_err(|error| ("a record".to_string(), error.to_string()))?;
        let checked = self.jobs.get(usize::from(record.job));
        let checked = checked.ok_or_else(|| unknown("job", record.job.into()))?;
        let session = usize::try_from(record.session).ok().and_then(|number| self.sessions.sessions.get(number));
        let session = session.ok_or_else(|| unknown("session", record.session.into()))?;
        if self.task.close.levels.binary_search(&record.level).is_err() {
            return Err(("a level that was issued".into(), record.level.get().to_string()));
        }
        let target = record.level.target();
        if target < checked.network_target {
            return Err(("a target not below the network's".into(), target.to_hex()));
        }
        let anchor = self.anchors.hash(record.level);
        Ok(WindowShare { job: &checked.job, anchor, extranonce1: session.extranonce1, record })
    }

    fn is_its_row(&self, chunk: u64, ours: &ChunkRow, claimed: Option<&ChunkRow>) -> Result<(), Failure> {
        let path = epoch_path(self.task.close.epoch, "chunks");
        let told = |row: &ChunkRow| format!("root {}, first {}, work {}", row.root, row.first, row.work);
        let failed = equal(&path, "row", &told(ours), &claimed.map_or("none".into(), told));
        failed.map_err(|failure| {
            let Failure { check, mut place } = failure;
            place.index = Some(chunk);
            Failure { check, place }
        })
    }

    fn add(&mut self, chunk: u64, records: &[ShareRecord], hashes: &[BlockHash], work: Work) {
        let may_be_blocks = self.easiest.map_or(0, |easiest| hashes.partition_point(|hash| easiest.is_met_by(hash)));
        for (record, hash) in records.iter().zip(hashes).take(may_be_blocks) {
            let Some(checked) = self.jobs.get(usize::from(record.job)) else { continue };
            if checked.network_target.is_met_by(hash) {
                let (epoch, height) = (self.task.close.epoch, checked.job.height);
                self.counted.blocks.push(BlockFound { epoch, height, hash: *hash, reward_sats: checked.reward });
                let coins = self.coinbase(checked, record).map(|coinbase| coins_of(&coinbase, height));
                self.counted.coins.extend(coins.into_iter().flatten().map(|coin| (*hash, coin)));
            }
        }
        for record in records {
            if let Err(position) = self.counted.levels.binary_search(&record.level) {
                self.counted.levels.insert(position, record.level);
            }
        }
        if chunk == 0 {
            self.counted.best = hashes.iter().take(BEST_HASHES).copied().collect();
        }
        self.counted.chunks += 1;
        self.counted.shares += records.len() as u64;
        self.counted.work = self.counted.work.checked_add(work).unwrap_or(self.counted.work);
        let next = chunk + 1;
        let goes_on = matches!(self.task.chunks, Chunks::Best(_)) && self.block_may_be_in(next);
        self.counted.next = goes_on.then_some(next);
    }

    /// The coinbase of a share, whose layout has been checked with its job.
    fn coinbase(&mut self, checked: &CheckedJob, record: &ShareRecord) -> Option<Transaction> {
        let session = usize::try_from(record.session).ok().and_then(|number| self.sessions.sessions.get(number))?;
        let anchor = self.anchors.hash(record.level);
        Transaction::parse(&checked.job.coinbase_bytes(&anchor, session.extranonce1, record.extranonce2)).ok()
    }

    /// Whether a chunk begins with a hash that meets the easiest network target.
    fn block_may_be_in(&self, chunk: u64) -> bool {
        let row = usize::try_from(chunk).ok().and_then(|chunk| self.rows.get(chunk));
        row.zip(self.easiest).is_some_and(|(row, easiest)| easiest.is_met_by(&row.first))
    }
}
