//! What a journal frame holds.

use audit_core::{
    epoch::Session,
    job::Job,
    share::{RECORD_LEN, ShareRecord},
    work::Level,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    epoch_start::EpochStart,
    frame::{self, Frame},
    reject::RejectReason,
};

const OPEN: u8 = 1;
const JOB: u8 = 2;
const LEVEL: u8 = 3;
const SESSION: u8 = 4;
const SHARE: u8 = 5;
const CLOSE: u8 = 7;
const REJECTS: u8 = 8;

/// One thing that happened in an epoch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record {
    /// First in every journal.
    Open(EpochStart),
    /// Before any rig sees the job. Numbered from 0 in order.
    Job(Box<Job>),
    /// Before any rig sees a job at the level.
    Level(Level),
    /// Numbered from 0 in order, each directly before its first share and written with it.
    Session(Session),
    /// Before the rig's answer.
    Share(ShareRecord),
    /// Rejected submissions of an authorized worker since the last record of the same worker and reason.
    Rejects { worker: String, reason: RejectReason, count: u32 },
    /// Last: the epoch takes nothing any more.
    Close,
}

impl Record {
    /// Appends the record's frame.
    pub(crate) fn push(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Open(start) => frame::push(bytes, OPEN, &json(start)),
            Self::Job(job) => frame::push(bytes, JOB, &json(job)),
            Self::Level(level) => frame::push(bytes, LEVEL, &level.get().to_be_bytes()),
            Self::Session(session) => frame::push(bytes, SESSION, &json(session)),
            Self::Share(share) => frame::push(bytes, SHARE, &share.to_bytes()),
            Self::Rejects { worker, reason, count } => {
                frame::push(
                    bytes,
                    REJECTS,
                    &[&[reason.number()], &count.to_be_bytes()[..], worker.as_bytes()].concat(),
                );
            }
            Self::Close => frame::push(bytes, CLOSE, &[]),
        }
    }

    /// Reads a frame's record; the reason when it holds none.
    pub(crate) fn read(frame: &Frame<'_>) -> Result<Self, String> {
        let payload = frame.payload;
        match frame.kind {
            OPEN => parse(payload).map(Self::Open),
            JOB => parse(payload).map(|job| Self::Job(Box::new(job))),
            LEVEL => level(payload).map(Self::Level).ok_or_else(|| "expected a level".into()),
            SESSION => parse(payload).map(Self::Session),
            SHARE => share(payload).map(Self::Share),
            REJECTS => rejects(payload).ok_or_else(|| "expected a reason, a count and a worker".into()),
            CLOSE if payload.is_empty() => Ok(Self::Close),
            kind => Err(format!("kind {kind} is not known: the journal is of a newer program")),
        }
    }
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    audit_core::json::to_canonical(value)
}

fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    serde_json::from_slice(payload).map_err(|error| error.to_string())
}

fn level(payload: &[u8]) -> Option<Level> {
    let [byte] = payload else { return None };
    Level::new(i8::from_be_bytes([*byte]))
}

fn share(payload: &[u8]) -> Result<ShareRecord, String> {
    let bytes: &[u8; RECORD_LEN] = payload.try_into().map_err(|_| "expected 24 bytes".to_owned())?;
    ShareRecord::from_bytes(bytes).map_err(|error| error.to_string())
}

fn rejects(payload: &[u8]) -> Option<Record> {
    let (number, rest) = payload.split_first()?;
    let (count, worker) = rest.split_first_chunk()?;
    let (worker, reason) = (String::from_utf8(worker.to_vec()).ok()?, RejectReason::from_number(*number)?);
    Some(Record::Rejects { worker, reason, count: u32::from_be_bytes(*count) })
}
