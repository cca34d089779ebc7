//! share.work: every share of an epoch is rebuilt and hashed.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{CheckId, Findings, Place, jobs::CheckedJob};
use crate::{
    entry::{BlockFound, EpochClose},
    epoch::{Anchors, CHUNK_RECORDS, ChunkRow, RejectsFile, SESSIONS_MAX, SessionsFile, epoch_path},
    hash::{BlockHash, Hash32},
    merkle::{leaf_hash, tree_root},
    share::{RECORD_LEN, ShareRecord},
    work::Work,
};

/// An epoch's files behind its jobs.
pub(super) struct Files<'a> {
    pub(super) jobs: &'a [CheckedJob],
    pub(super) sessions: &'a SessionsFile,
    pub(super) rejects: &'a RejectsFile,
    pub(super) records: &'a [u8],
    pub(super) chunks: &'a [u8],
}

/// What the shares came to.
pub(super) struct Counted {
    pub(super) work: Work,
    /// The shares that met the network target, in order of hash.
    pub(super) blocks: Vec<BlockFound>,
}

/// `None` when a share or a sum failed.
pub(super) fn check(
    files: &Files<'_>,
    close: &EpochClose,
    anchors: Anchors,
    findings: &mut Findings,
) -> Option<Counted> {
    let mut recount = Recount { files, close, anchors, last: None, blocks: Vec::new(), rows: Vec::new() };
    let result = lists_are_orderly(files, close).and_then(|()| recount.all()).and_then(|()| recount.totals());
    match result {
        Ok(work) => Some(Counted { work, blocks: recount.blocks }),
        Err(mismatch) => {
            let file = epoch_path(close.epoch, mismatch.file);
            findings.fail(CheckId::ShareWork, Place::new(file, mismatch.index, mismatch.expected, mismatch.found));
            None
        }
    }
}

struct Mismatch {
    file: &'static str,
    index: Option<u64>,
    expected: String,
    found: String,
}

struct Recount<'a> {
    files: &'a Files<'a>,
    close: &'a EpochClose,
    anchors: Anchors,
    last: Option<BlockHash>,
    blocks: Vec<BlockFound>,
    rows: Vec<ChunkRow>,
}

impl Recount<'_> {
    fn all(&mut self) -> Result<(), Mismatch> {
        let (records, rest) = self.files.records.as_chunks::<RECORD_LEN>();
        equal("shares", "bytes", 0, rest.len())?;
        equal("shares", "count", self.close.shares.count, records.len() as u64)?;
        for (chunk_index, chunk) in records.chunks(CHUNK_RECORDS).enumerate() {
            self.chunk(chunk, (chunk_index * CHUNK_RECORDS) as u64)?;
        }
        Ok(())
    }

    fn chunk(&mut self, records: &[[u8; RECORD_LEN]], first_index: u64) -> Result<(), Mismatch> {
        let (mut work, mut leaves, mut first) = (Work::ZERO, Vec::with_capacity(records.len()), None);
        for (index, bytes) in (first_index..).zip(records) {
            let at = |(expected, found)| Mismatch { file: "shares", index: Some(index), expected, found };
            let record = ShareRecord::from_bytes(bytes).map_err(|error| at(("a record".into(), error.to_string())))?;
            let hash = self.share(&record).map_err(at)?;
            first.get_or_insert(hash);
            work = work.checked_add(record.level.work()).ok_or_else(overflow)?;
            leaves.push(leaf_hash(bytes));
        }
        self.rows.push(ChunkRow { root: tree_root(&leaves), first: first.unwrap_or_default(), work });
        Ok(())
    }

    /// Rebuilds one share and gives its hash; what was expected and found when it is none.
    fn share(&mut self, record: &ShareRecord) -> Result<BlockHash, (String, String)> {
        let unknown = |what: &str, number: u64| (format!("a known {what}"), number.to_string());
        let checked = self.files.jobs.get(usize::from(record.job));
        let checked = checked.ok_or_else(|| unknown("job", record.job.into()))?;
        let number = usize::try_from(record.session).unwrap_or(usize::MAX);
        let session = self.files.sessions.sessions.get(number);
        let session = session.ok_or_else(|| unknown("session", record.session.into()))?;
        if self.close.levels.binary_search(&record.level).is_err() {
            return Err(("a level that was issued".into(), record.level.get().to_string()));
        }
        let target = record.level.target();
        if target < checked.network_target {
            return Err(("a target not below the network's".into(), target.to_hex()));
        }
        let anchor = self.anchors.hash(record.level);
        let hash = checked.job.header(&anchor, session.extranonce1, record).hash();
        if !target.is_met_by(&hash) {
            return Err((format!("a header hash of at most {}", target.to_hex()), hash.to_string()));
        }
        if self.last.is_some_and(|last| last >= hash) {
            return Err(("header hashes strictly increasing".into(), hash.to_string()));
        }
        self.last = Some(hash);
        if checked.network_target.is_met_by(&hash) {
            let (epoch, height) = (self.close.epoch, checked.job.height);
            self.blocks.push(BlockFound { epoch, height, hash, reward_sats: checked.reward });
        }
        Ok(hash)
    }

    /// Work, root, best hash and chunks are as claimed.
    fn totals(&self) -> Result<Work, Mismatch> {
        let work = self.rows.iter().try_fold(Work::ZERO, |sum, row| sum.checked_add(row.work)).ok_or_else(overflow)?;
        let roots: Vec<Hash32> = self.rows.iter().map(|row| row.root).collect();
        let best = self.rows.first().map(|row| row.first);
        let text = |hash: Option<BlockHash>| hash.map_or("none".to_string(), |hash| hash.to_string());
        equal("shares", "root", self.close.shares.root, tree_root(&roots))?;
        equal("shares", "work", self.close.shares.work, work)?;
        equal("shares", "best hash", text(self.close.best_hash), text(best))?;
        equal("chunks", "SHA-256", self.close.chunks, Hash32::of(self.files.chunks))?;
        let rows: Vec<u8> = self.rows.iter().flat_map(ChunkRow::to_bytes).collect();
        let differs = rows.iter().zip(self.files.chunks).position(|(ours, theirs)| ours != theirs);
        let same = rows.len() == self.files.chunks.len() && differs.is_none();
        let index = differs.map(|byte| (byte / crate::epoch::CHUNK_ROW_LEN) as u64);
        if same { Ok(work) } else { Err(mismatch("chunks", index, "the recomputed rows", "others")) }
    }
}

/// Levels ascend; sessions are distinct; rejects are sorted and counted.
fn lists_are_orderly(files: &Files<'_>, close: &EpochClose) -> Result<(), Mismatch> {
    if !close.levels.is_sorted_by(|a, b| a < b) {
        return Err(mismatch("shares", None, "levels strictly ascending", "others"));
    }
    let sessions = &files.sessions.sessions;
    let distinct: BTreeSet<_> = sessions.iter().map(|session| (session.extranonce1, &session.worker)).collect();
    if distinct.len() != sessions.len() || sessions.len() > SESSIONS_MAX {
        return Err(mismatch("sessions.json", None, "distinct sessions, fewer than 2^24", "others"));
    }
    let rejects = &files.rejects.rejects;
    let ordered = rejects.is_sorted_by(|a, b| (&a.worker, &a.reason) < (&b.worker, &b.reason));
    if !ordered || rejects.iter().any(|reject| reject.count == 0) {
        return Err(mismatch("rejects.json", None, "positive counts sorted by worker and reason", "others"));
    }
    Ok(())
}

fn equal<T: PartialEq + ToString>(file: &'static str, what: &str, expected: T, found: T) -> Result<(), Mismatch> {
    if expected == found {
        return Ok(());
    }
    Err(mismatch(file, None, &format!("{what} {}", expected.to_string()), &found.to_string()))
}

fn mismatch(file: &'static str, index: Option<u64>, expected: &str, found: &str) -> Mismatch {
    Mismatch { file, index, expected: expected.into(), found: found.into() }
}

fn overflow() -> Mismatch {
    mismatch("shares", None, "work within 128 bits", "more")
}
