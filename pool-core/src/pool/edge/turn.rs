//! One turn of a shard: what is so at its beginning, and what is kept back until its end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use audit_core::work::Level;
use tracing::error;

use super::answers::Answers;
use crate::{
    clock,
    journal::JournalFailed,
    live_epoch::LiveEpoch,
    live_job::LiveJob,
    pool::{
        board::Board,
        floor::{Floor, Found},
    },
    reject::RejectReason,
    session::{Announcement, Claim, Judged, Session, judge},
    worker::Worker,
};

/// What the lines of a turn are judged by and lead to.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) floor: Arc<Floor>,
    /// The board at the beginning of the turn.
    pub(super) board: Board,
    pub(super) now: Instant,
    unix_ms: u64,
    pub(super) answers: Answers,
    /// Epochs whose journal has something to write before the answers go out.
    noted: Vec<Arc<LiveEpoch>>,
    /// Shares accepted one after the other at one level, not counted yet.
    accepted: Option<(Level, u64)>,
    /// A block was found since this was last set to `false`.
    pub(super) has_found: bool,
    /// An epoch, and a bit for each of its levels that is known to be in its journal.
    issued: (u64, u128),
}

impl Turn {
    pub(super) fn new(floor: Arc<Floor>) -> Self {
        let (board, now, answers) = (Board::default(), Instant::now(), Answers::default());
        Self {
            floor,
            board,
            now,
            unix_ms: 0,
            answers,
            noted: Vec::new(),
            accepted: None,
            has_found: false,
            issued: (0, 0),
        }
    }

    /// Reads the clocks.
    pub(super) fn begin(&mut self) {
        self.now = Instant::now();
        self.unix_ms = clock::unix_ms();
    }

    /// Judges a claim; when it is a share, it may be acknowledged after [`Turn::commit`].
    pub(super) fn judge(&mut self, claim: &Claim) -> Result<(), RejectReason> {
        let (epoch, job) = match self.board.find(&claim.submission.job, self.now) {
            Ok(found) => found,
            Err(reason) => {
                self.reject(reason, Some(&claim.worker));
                return Err(reason);
            }
        };
        let judged = judge(&job, claim.extranonce1, &claim.submission, self.seconds_of(&epoch));
        let accepted = judged.and_then(|judged| {
            if judged.is_block {
                keep_transactions(&job);
            }
            epoch.accept(claim.extranonce1, &claim.worker, &judged)?;
            Ok(judged)
        });
        match &accepted {
            Ok(judged) => self.count(claim, judged, &epoch, job),
            Err(reason) => {
                self.floor.counters.rejected(*reason);
                epoch.reject(&claim.worker, *reason);
            }
        }
        self.note(epoch);
        accepted.map(|_| ())
    }

    /// Counts a rejected submission, in the evidence too where its worker is known and an epoch is open.
    pub(super) fn reject(&mut self, reason: RejectReason, worker: Option<&Worker>) {
        self.floor.counters.rejected(reason);
        if let (Some(epoch), Some(worker)) = (self.board.latest().cloned(), worker) {
            epoch.reject(worker, reason);
            self.note(epoch);
        }
    }

    /// What a session is to be sent about the current job. Its level is in the journal when this returns.
    pub(super) fn announcement(&mut self, session: &mut Session) -> Result<Option<Announcement>, JournalFailed> {
        let Some(job) = &self.board.current else { return Ok(None) };
        let Some(epoch) = self.board.epoch(job.start.epoch) else { return Ok(None) };
        let Some(announcement) = session.announce(job, self.now) else { return Ok(None) };
        let (number, bit) = (job.start.epoch, bit_of(announcement.job.id.level));
        if self.issued.0 != number {
            self.issued = (number, 0);
        }
        if self.issued.1 & bit == 0 {
            epoch.issue(announcement.job.id.level)?;
            self.issued.1 |= bit;
        }
        Ok(Some(announcement))
    }

    /// Whether the journal of the newest epoch can't be written any more.
    pub(super) fn has_failed(&self) -> bool {
        self.board.latest().is_some_and(|epoch| epoch.has_failed())
    }

    /// Writes what the turn has decided: the answers may go out when this returns.
    pub(super) fn commit(&mut self) -> Result<(), JournalFailed> {
        self.count_accepted();
        let mut committed = Ok(());
        for epoch in self.noted.drain(..) {
            committed = committed.and(epoch.commit());
        }
        committed
    }

    /// A session's connection has ended.
    pub(super) fn forget(&mut self, session: Session) {
        if let Some((extranonce1, memory)) = session.end() {
            self.floor.unsubscribe(extranonce1, memory, self.now);
        }
        self.floor.counters.session_ended();
    }

    fn seconds_of(&self, epoch: &LiveEpoch) -> u16 {
        let since_start = Duration::from_millis(self.unix_ms.saturating_sub(epoch.start.start_ms));
        u16::try_from(since_start.as_secs()).unwrap_or(u16::MAX)
    }

    fn note(&mut self, epoch: Arc<LiveEpoch>) {
        if !self.noted.iter().any(|noted| Arc::ptr_eq(noted, &epoch)) {
            self.noted.push(epoch);
        }
    }

    fn count(&mut self, claim: &Claim, judged: &Judged, epoch: &Arc<LiveEpoch>, job: Arc<LiveJob>) {
        let level = judged.record.level;
        match &mut self.accepted {
            Some((counted, count)) if *counted == level => *count += 1,
            _ => {
                self.count_accepted();
                self.accepted = Some((level, 1));
            }
        }
        if judged.is_block {
            self.has_found = true;
            self.floor.counters.block_found();
            let anchor = job.at(level).anchor;
            let header = job.row.header(&anchor, claim.extranonce1, &judged.record);
            let coinbase = job.row.coinbase_bytes(&anchor, claim.extranonce1, judged.record.extranonce2);
            self.floor.found(Found { epoch: epoch.clone(), job, header, coinbase });
        }
    }

    fn count_accepted(&mut self) {
        if let Some((level, count)) = self.accepted.take() {
            self.floor.counters.accepted(level, count);
        }
    }
}

/// Before the share can be in the journal: a block that a kill keeps from being saved is rebuilt from both.
fn keep_transactions(job: &LiveJob) {
    if let Err(error) = job.keep_transactions() {
        let id = (job.start.epoch, job.row.job);
        error!(?id, %error, "a block was found on a job whose transactions are not on disk: a kill can lose it");
    }
}

fn bit_of(level: Level) -> u128 {
    1 << (level.get() - Level::MIN.get())
}
