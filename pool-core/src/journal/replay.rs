//! A journal's bytes → the epoch's material.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use audit_core::{
    epoch::{EpochMaterial, Reject},
    work::Level,
};

use super::{JournalError, MAGIC, Record};
use crate::{frame, reject::RejectReason};

/// What a journal says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Replay {
    pub(crate) material: EpochMaterial,
    pub(crate) closed: bool,
    /// Bytes that count; what follows is torn.
    pub(crate) end: usize,
}

/// Replays a journal. `None` when it was torn before the epoch was open.
pub(crate) fn replay(path: &Path, bytes: &[u8]) -> Result<Option<Replay>, JournalError> {
    let unreadable = |at: usize, reason: String| JournalError::Unreadable { path: path.to_owned(), at, reason };
    if bytes.len() < MAGIC.len() {
        return Ok(None);
    }
    if !bytes.starts_with(MAGIC) {
        return Err(unreadable(0, "no journal of this program".into()));
    }
    let frames = frame::read(bytes, MAGIC.len());
    let frames = frames.map_err(|source| JournalError::Damaged { path: path.to_owned(), source })?;
    let Some((first, rest)) = frames.whole.split_first() else { return Ok(None) };
    let mut story = Story::begin(Record::read(first)).map_err(|reason| unreadable(first.start, reason))?;
    for frame in rest {
        let told = Record::read(frame).and_then(|record| story.tell(record, frame.start));
        told.map_err(|reason| unreadable(frame.start, reason))?;
    }
    Ok(Some(story.end(frames.end)))
}

/// Material in the making.
struct Story {
    material: EpochMaterial,
    levels: BTreeSet<Level>,
    rejects: BTreeMap<(String, RejectReason), u64>,
    closed: bool,
    /// Where a session starts whose first share has not come yet.
    session_without_share: Option<usize>,
}

impl Story {
    fn begin(first: Result<Record, String>) -> Result<Self, String> {
        let Record::Open(start) = first? else { return Err("expected the epoch's start".into()) };
        let material = EpochMaterial {
            epoch: start.epoch,
            start_ms: start.start_ms,
            origin: start.origin,
            tree_size: start.tree_size,
            root: start.root,
            jobs: Vec::new(),
            levels: Vec::new(),
            sessions: Vec::new(),
            shares: Vec::new(),
            rejects: Vec::new(),
        };
        Ok(Self {
            material,
            levels: BTreeSet::new(),
            rejects: BTreeMap::new(),
            closed: false,
            session_without_share: None,
        })
    }

    fn tell(&mut self, record: Record, at: usize) -> Result<(), String> {
        let material = &mut self.material;
        if self.closed {
            return Err("nothing may follow the epoch's end".into());
        }
        if self.session_without_share.is_some() && !matches!(record, Record::Share(_)) {
            return Err("expected the session's first share".into());
        }
        match record {
            Record::Open(_) => return Err("the epoch is open already".into()),
            Record::Job(job) if usize::from(job.job) == material.jobs.len() => material.jobs.push(*job),
            Record::Job(job) => return Err(format!("job {} out of order", job.job)),
            Record::Level(level) => drop(self.levels.insert(level)),
            Record::Session(session) => {
                self.session_without_share = Some(at);
                material.sessions.push(session);
            }
            Record::Share(share) => {
                let known = usize::from(share.job) < material.jobs.len()
                    && (share.session as usize) < material.sessions.len()
                    && self.levels.contains(&share.level);
                if !known {
                    return Err("a share of a job, level or session that is not above".into());
                }
                self.session_without_share = None;
                material.shares.push(share);
            }
            Record::Rejects { worker, reason, count } => {
                *self.rejects.entry((worker, reason)).or_default() += u64::from(count);
            }
            Record::Close => self.closed = true,
        }
        Ok(())
    }

    /// A session at the very end was torn from its share: it goes too, and its number is free again.
    fn end(mut self, end: usize) -> Replay {
        if self.session_without_share.is_some() {
            self.material.sessions.pop();
        }
        self.material.levels = self.levels.into_iter().collect();
        let rejects = self.rejects.into_iter();
        self.material.rejects = rejects
            .map(|((worker, reason), count)| Reject { worker, reason: reason.name().to_owned(), count })
            .collect();
        Replay { material: self.material, closed: self.closed, end: self.session_without_share.unwrap_or(end) }
    }
}
