//! An open epoch: its jobs, its session numbers, its duplicates, and the journal behind them.
//!
//! What is decided here is decided under one lock and queued for the journal under the same lock, so the journal has it
//! in the order in which it happened.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use audit_core::{
    coinbase::CoinbaseError,
    epoch::{Anchors, JOBS_MAX, SESSIONS_MAX, Session},
    share::ShareRecord,
    work::Level,
};
use thiserror::Error;

use crate::{
    epoch_start::EpochStart,
    journal::{JournalWriter, Record, Replay, WriterGone},
    live_job::LiveJob,
    node::BlockTemplate,
    reject::RejectReason,
    session::Judged,
    worker::Worker,
};

/// An epoch that takes shares, or just did.
#[derive(Debug)]
pub(crate) struct LiveEpoch {
    pub(crate) start: Arc<EpochStart>,
    journal: JournalWriter,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// Nothing is queued any more: the end is.
    closed: bool,
    jobs: BTreeMap<u16, Arc<LiveJob>>,
    next_job: usize,
    levels: BTreeSet<Level>,
    /// Session numbers by extranonce1 and worker pseudonym.
    sessions: HashMap<([u8; 4], String), u32>,
    /// Header hashes of all accepted shares.
    hashes: HashSet<[u8; 32]>,
}

/// Why there is no new job.
#[derive(Debug, Error)]
pub(crate) enum JobError {
    #[error("the epoch has had its 65,536 jobs")]
    Full,
    #[error("the epoch is closed")]
    Closed,
    #[error("the template makes no coinbase: {0}")]
    Coinbase(#[from] CoinbaseError),
    #[error(transparent)]
    Writer(#[from] WriterGone),
}

impl LiveEpoch {
    /// Starts the epoch, or goes on where its journal ends. Rehashes every share of the journal, so it may take a second
    /// per few 100,000 of them.
    pub(crate) fn new(start: EpochStart, journal: JournalWriter, replay: Option<&Replay>) -> Self {
        let book = replay.map(|replay| Book::from_replay(&start, replay)).unwrap_or_default();
        Self { start: Arc::new(start), journal, book: Mutex::new(book) }
    }

    /// Makes the next job and journals it: when this returns, rigs may see it.
    pub(crate) async fn add_job(
        &self,
        template: Arc<BlockTemplate>,
        tag: &[u8],
        payout_script: &[u8],
    ) -> Result<Arc<LiveJob>, JobError> {
        let slot = self.journal.slot().await?;
        let (job, written) = {
            let mut book = self.book();
            if book.closed {
                return Err(JobError::Closed);
            }
            let number = u16::try_from(book.next_job).map_err(|_| JobError::Full)?;
            let job = Arc::new(LiveJob::new(self.start.clone(), number, template, tag, payout_script)?);
            book.next_job += 1;
            book.jobs.insert(number, job.clone());
            (job.clone(), slot.append(&[Record::Job(Box::new(job.row.clone()))]))
        };
        written.done().await?;
        Ok(job)
    }

    /// Whether no job can follow.
    pub(crate) fn is_full(&self) -> bool {
        self.book().next_job >= JOBS_MAX
    }

    /// Journals that jobs of `level` go out: when this returns, rigs may see one. Two sessions may do so at once; the
    /// journal then says it twice, which means the same.
    pub(crate) async fn issue(&self, level: Level) -> Result<(), WriterGone> {
        if self.book().levels.contains(&level) {
            return Ok(());
        }
        let slot = self.journal.slot().await?;
        let written = {
            let book = self.book();
            if book.closed {
                return Ok(());
            }
            slot.append(&[Record::Level(level)])
        };
        written.done().await?;
        self.book().levels.insert(level);
        Ok(())
    }

    /// A job that can still be mined.
    pub(crate) fn job(&self, number: u16) -> Option<Arc<LiveJob>> {
        self.book().jobs.get(&number).cloned()
    }

    /// Forgets jobs, whose templates take megabytes.
    pub(crate) fn keep_jobs(&self, keep: impl Fn(&LiveJob) -> bool) {
        self.book().jobs.retain(|_, job| keep(job));
    }

    /// Takes a share: numbers its session by the first one, excludes duplicates, journals. When this returns `Ok(Ok)` the
    /// share survives a kill and may be acknowledged.
    pub(crate) async fn accept(
        &self,
        extranonce1: [u8; 4],
        worker: &Worker,
        judged: &Judged,
    ) -> Result<Result<(), RejectReason>, WriterGone> {
        let slot = self.journal.slot().await?;
        let written = {
            let mut book = self.book();
            match book.take(extranonce1, worker, judged) {
                Ok(records) => slot.append(&records),
                Err(reason) => return Ok(Err(reason)),
            }
        };
        written.done().await?;
        Ok(Ok(()))
    }

    /// Journals a rejected submission.
    pub(crate) async fn reject(&self, worker: &Worker, reason: RejectReason) -> Result<(), WriterGone> {
        let slot = self.journal.slot().await?;
        let written = {
            let book = self.book();
            if book.closed {
                return Ok(());
            }
            slot.append(&[Record::Reject { worker: worker.pseudonym.clone(), reason }])
        };
        written.done().await
    }

    /// Ends the epoch: nothing is taken after this, and the journal is whole and synced.
    pub(crate) async fn close(&self) -> Result<(), WriterGone> {
        let slot = self.journal.slot().await?;
        let end = {
            let mut book = self.book();
            (!std::mem::replace(&mut book.closed, true)).then(|| slot.append(&[Record::Close]))
        };
        if let Some(end) = end {
            end.done().await?;
        }
        self.journal.sync().await
    }

    /// Returns when everything accepted so far survives a power cut.
    pub(crate) async fn sync(&self) -> Result<(), WriterGone> {
        self.journal.sync().await
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn from_replay(start: &EpochStart, replay: &Replay) -> Self {
        let material = &replay.material;
        let numbered = material.sessions.iter().zip(0..);
        let mut anchors = Anchors::new(start.epoch, &start.origin, start.tree_size, start.root);
        let hash = |share: &ShareRecord| {
            let (job, session) = (&material.jobs[usize::from(share.job)], &material.sessions[share.session as usize]);
            job.header(&anchors.hash(share.level), session.extranonce1, share).hash().0
        };
        Self {
            closed: replay.closed,
            jobs: BTreeMap::new(),
            next_job: material.jobs.len(),
            levels: material.levels.iter().copied().collect(),
            sessions: numbered.map(|(session, n)| ((session.extranonce1, session.worker.clone()), n)).collect(),
            hashes: material.shares.iter().map(hash).collect(),
        }
    }

    /// The records of a share that is taken.
    fn take(&mut self, extranonce1: [u8; 4], worker: &Worker, judged: &Judged) -> Result<Vec<Record>, RejectReason> {
        if self.closed {
            return Err(RejectReason::Stale);
        }
        let hash = judged.header.hash().0;
        if self.hashes.contains(&hash) {
            return Err(RejectReason::Duplicate);
        }
        let key = (extranonce1, worker.pseudonym.clone());
        let mut records = Vec::with_capacity(2);
        let session = match self.sessions.get(&key) {
            Some(number) => *number,
            // The record has 24 bits for it.
            None if self.sessions.len() >= SESSIONS_MAX => return Err(RejectReason::Unauthorized),
            None => {
                let number = self.sessions.len() as u32;
                let (pseudonym, lot) = (worker.pseudonym.clone(), worker.lot.clone());
                records.push(Record::Session(Session { extranonce1, worker: pseudonym, lot }));
                self.sessions.insert(key, number);
                number
            }
        };
        self.hashes.insert(hash);
        records.push(Record::Share(ShareRecord { session, ..judged.record }));
        Ok(records)
    }
}

#[cfg(test)]
mod tests;
