//! An open epoch: its jobs, its session numbers, its duplicates, and the journal behind them.
//!
//! What is decided here is decided under one lock and noted for the journal under the same lock, so the journal has it in
//! the order in which it happened. A commit writes what any thread has noted: whoever has to wait for one finds its own
//! notes written by another.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use audit_core::{
    coinbase::CoinbaseError,
    epoch::{Anchors, JOBS_MAX, SESSIONS_MAX, Session},
    share::ShareRecord,
    work::Level,
};
use thiserror::Error;

use self::{rejects::Rejects, seen::SeenHashes};
use crate::{
    epoch_start::EpochStart,
    journal::{JournalFailed, JournalWriter, Record, Replay},
    live_job::LiveJob,
    node::BlockTemplate,
    reject::RejectReason,
    session::Judged,
    worker::Worker,
};

mod rejects;
mod seen;

/// An epoch that takes shares, or just did.
#[derive(Debug)]
pub(crate) struct LiveEpoch {
    pub(crate) start: Arc<EpochStart>,
    journal: JournalWriter,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// Nothing is decided any more: the end is.
    closed: bool,
    jobs: BTreeMap<u16, Arc<LiveJob>>,
    next_job: usize,
    levels: BTreeSet<Level>,
    /// Session numbers by extranonce1 and worker pseudonym.
    sessions: HashMap<[u8; 4], BTreeMap<String, u32>>,
    next_session: u32,
    seen: SeenHashes,
    rejects: Rejects,
    /// Frames of what was decided and is not in the file yet.
    pending: Vec<u8>,
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
    Journal(#[from] JournalFailed),
}

impl LiveEpoch {
    /// Starts the epoch, or goes on where its journal ends. Rehashes every share of the journal, so it may take a second
    /// per few 100,000 of them.
    pub(crate) fn new(start: EpochStart, journal: JournalWriter, replay: Option<&Replay>) -> Self {
        let book = replay.map(|replay| Book::from_replay(&start, replay)).unwrap_or_default();
        Self { start: Arc::new(start), journal, book: Mutex::new(book) }
    }

    /// Makes the next job and journals it: when this returns, rigs may see it.
    pub(crate) fn add_job(
        &self,
        template: Arc<BlockTemplate>,
        tag: &[u8],
        payout_script: &[u8],
    ) -> Result<Arc<LiveJob>, JobError> {
        let job = {
            let mut book = self.book();
            if book.closed {
                return Err(JobError::Closed);
            }
            let number = u16::try_from(book.next_job).map_err(|_| JobError::Full)?;
            let job = Arc::new(LiveJob::new(self.start.clone(), number, template, tag, payout_script)?);
            book.next_job += 1;
            book.jobs.insert(number, job.clone());
            book.note(&Record::Job(Box::new(job.row.clone())));
            job
        };
        self.commit()?;
        Ok(job)
    }

    /// Whether no job can follow.
    pub(crate) fn is_full(&self) -> bool {
        self.book().next_job >= JOBS_MAX
    }

    /// Journals that jobs of `level` go out: when this returns, rigs may see one.
    pub(crate) fn issue(&self, level: Level) -> Result<(), JournalFailed> {
        {
            let mut book = self.book();
            if !book.closed && book.levels.insert(level) {
                book.note(&Record::Level(level));
            }
        }
        // Also when it was noted before: whoever noted it may still be writing.
        self.commit()
    }

    /// A job that can still be mined.
    pub(crate) fn job(&self, number: u16) -> Option<Arc<LiveJob>> {
        self.book().jobs.get(&number).cloned()
    }

    /// Forgets jobs, whose templates take megabytes.
    pub(crate) fn keep_jobs(&self, keep: impl Fn(&LiveJob) -> bool) {
        self.book().jobs.retain(|_, job| keep(job));
    }

    /// Takes a share: numbers its session by the first one, excludes duplicates. It may be acknowledged after the next
    /// [`LiveEpoch::commit`].
    pub(crate) fn accept(&self, extranonce1: [u8; 4], worker: &Worker, judged: &Judged) -> Result<(), RejectReason> {
        self.book().take(extranonce1, worker, judged)
    }

    /// Counts a rejected submission. The journal has the counts a second later, or when it is synced.
    pub(crate) fn reject(&self, worker: &Worker, reason: RejectReason) {
        let mut book = self.book();
        if !book.closed {
            book.rejects.count(&worker.pseudonym, reason);
        }
    }

    /// Writes what was decided, by whatever thread. When this returns, a killed process keeps it.
    pub(crate) fn commit(&self) -> Result<(), JournalFailed> {
        let now = Instant::now();
        self.journal.commit(|batch| {
            let mut book = self.book();
            if book.rejects.is_due(now) {
                book.note_rejects(now);
            }
            mem::swap(&mut book.pending, batch);
        })
    }

    /// Ends the epoch: nothing is taken after this, and the journal is whole and synced.
    pub(crate) fn close(&self) -> Result<(), JournalFailed> {
        {
            let mut book = self.book();
            if !mem::replace(&mut book.closed, true) {
                book.note_rejects(Instant::now());
                book.note(&Record::Close);
            }
        }
        self.sync()
    }

    /// Returns when everything accepted so far survives a power cut. Takes milliseconds: not for a thread that serves.
    pub(crate) fn sync(&self) -> Result<(), JournalFailed> {
        {
            let mut book = self.book();
            if !book.closed {
                book.note_rejects(Instant::now());
            }
        }
        self.commit()?;
        self.journal.sync()
    }

    /// Whether the journal can't be written any more.
    pub(crate) fn has_failed(&self) -> bool {
        self.journal.has_failed()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn from_replay(start: &EpochStart, replay: &Replay) -> Self {
        let material = &replay.material;
        let mut anchors = Anchors::new(start.epoch, &start.origin, start.tree_size, start.root);
        let mut book = Self {
            closed: replay.closed,
            next_job: material.jobs.len(),
            levels: material.levels.iter().copied().collect(),
            ..Self::default()
        };
        for session in &material.sessions {
            book.number(session.extranonce1, session.worker.clone());
        }
        for share in &material.shares {
            let (job, session) = (&material.jobs[usize::from(share.job)], &material.sessions[share.session as usize]);
            let header = job.header(&anchors.hash(share.level), session.extranonce1, share);
            book.seen.insert(&header.hash().0);
        }
        book
    }

    /// Appends to what is to be written.
    fn note(&mut self, record: &Record) {
        record.push(&mut self.pending);
    }

    fn note_rejects(&mut self, now: Instant) {
        for record in self.rejects.take(now) {
            self.note(&record);
        }
    }

    fn take(&mut self, extranonce1: [u8; 4], worker: &Worker, judged: &Judged) -> Result<(), RejectReason> {
        if self.closed {
            return Err(RejectReason::Stale);
        }
        let known = self.sessions.get(&extranonce1).and_then(|workers| workers.get(&worker.pseudonym)).copied();
        // The record has 24 bits for it.
        if known.is_none() && self.next_session as usize >= SESSIONS_MAX {
            return Err(RejectReason::Unauthorized);
        }
        if !self.seen.insert(&judged.hash.0) {
            return Err(RejectReason::Duplicate);
        }
        let session = known.unwrap_or_else(|| self.begin_session(extranonce1, worker));
        self.note(&Record::Share(ShareRecord { session, ..judged.record }));
        Ok(())
    }

    /// Numbers a session and notes it, directly before its first share.
    fn begin_session(&mut self, extranonce1: [u8; 4], worker: &Worker) -> u32 {
        let (pseudonym, lot) = (worker.pseudonym.clone(), worker.lot.clone());
        self.note(&Record::Session(Session { extranonce1, worker: pseudonym.clone(), lot }));
        self.number(extranonce1, pseudonym)
    }

    fn number(&mut self, extranonce1: [u8; 4], pseudonym: String) -> u32 {
        let number = self.next_session;
        self.sessions.entry(extranonce1).or_default().insert(pseudonym, number);
        self.next_session += 1;
        number
    }
}

#[cfg(test)]
mod tests;
