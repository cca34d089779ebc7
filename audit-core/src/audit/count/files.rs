//! An epoch's files: fetched, and found to be those that its close names.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde::{Serialize, de::DeserializeOwned};

use super::{CheckId, Evidence, Failure, equal, selection::Window, table};
use crate::{
    entry::EpochClose,
    epoch::{CHUNK_RECORDS, CHUNK_ROW_LEN, ChunkRow, JobsFile, RejectsFile, SESSIONS_MAX, SessionsFile, epoch_path},
    hash::Hash32,
    json::from_canonical,
    share::RECORD_LEN,
};

/// Longest file of an epoch that is read as a whole, in bytes.
const FILE_MAX: u64 = 256 << 20;

/// The files of one epoch.
pub(super) struct Files<'a, E> {
    pub(super) evidence: &'a E,
    pub(super) epoch: u64,
    /// Fetched so far.
    pub(super) bytes: u64,
}

impl<E: Evidence> Files<'_, E> {
    pub(super) async fn jobs(&mut self, close: &EpochClose) -> Result<JobsFile, Failure> {
        self.json("jobs.json", &close.jobs, CheckId::JobAnchored, |file: &JobsFile| file.epoch).await
    }

    /// Sessions are distinct.
    pub(super) async fn sessions(&mut self, close: &EpochClose) -> Result<SessionsFile, Failure> {
        let file = |file: &SessionsFile| file.epoch;
        let file = self.json("sessions.json", &close.sessions, CheckId::ShareWork, file).await?;
        let sessions = &file.sessions;
        let distinct: BTreeSet<_> = sessions.iter().map(|session| (session.extranonce1, &session.worker)).collect();
        if distinct.len() != sessions.len() || sessions.len() > SESSIONS_MAX {
            return Err(self.disorder("sessions.json", "distinct sessions, fewer than 2^24"));
        }
        Ok(file)
    }

    /// Rejects are sorted and counted.
    pub(super) async fn rejects(&mut self, close: &EpochClose) -> Result<(), Failure> {
        let file = |file: &RejectsFile| file.epoch;
        let file = self.json("rejects.json", &close.rejects, CheckId::ShareWork, file).await?;
        let rejects = &file.rejects;
        let ordered = rejects.is_sorted_by(|a, b| (&a.worker, &a.reason) < (&b.worker, &b.reason));
        if !ordered || rejects.iter().any(|reject| reject.count == 0) {
            return Err(self.disorder("rejects.json", "positive counts sorted by worker and reason"));
        }
        Ok(())
    }

    /// The rows of `chunks`, which agree with the close.
    pub(super) async fn chunks(&mut self, close: &EpochClose) -> Result<Vec<ChunkRow>, Failure> {
        if !close.levels.is_sorted_by(|a, b| a < b) {
            return Err(self.disorder("shares", "levels strictly ascending"));
        }
        let rows = close.shares.count.div_ceil(CHUNK_RECORDS as u64);
        let length = rows.saturating_mul(CHUNK_ROW_LEN as u64).min(FILE_MAX);
        let bytes = self.fetch("chunks", length, CheckId::ShareWork).await?;
        table::rows(&epoch_path(self.epoch, "chunks"), &bytes, close)
    }

    /// The records of a window of chunks. The file must end where the close says.
    pub(super) async fn records(&mut self, close: &EpochClose, window: Window) -> Result<Vec<Record>, Failure> {
        let path = epoch_path(self.epoch, "shares");
        let unit = (CHUNK_RECORDS * RECORD_LEN) as u64;
        let end = close.shares.count.saturating_mul(RECORD_LEN as u64);
        let (start, until) = (window.first.saturating_mul(unit), window.end.saturating_mul(unit).min(end));
        // One byte more than the last record, to see that nothing follows it.
        let length = until.saturating_sub(start) + u64::from(until == end);
        let fetched = self.evidence.fetch_range(&path, start, length).await;
        let mut bytes = fetched.map_err(|error| self.unavailable(&path, CheckId::ShareWork, error.to_string()))?;
        self.bytes += bytes.len() as u64;
        equal(&path, "bytes up to", &until, &start.saturating_add(bytes.len() as u64))?;
        bytes.shrink_to_fit();
        let (records, _) = bytes.as_chunks::<RECORD_LEN>();
        Ok(records.to_vec())
    }

    /// A JSON file: the one whose SHA-256 the close states, and of this epoch.
    async fn json<T: DeserializeOwned + Serialize>(
        &mut self,
        name: &str,
        sha256: &Hash32,
        check: CheckId,
        epoch_of: impl Fn(&T) -> u64,
    ) -> Result<T, Failure> {
        let path = epoch_path(self.epoch, name);
        let differs = |what: &str, expected: String, found: String| {
            Failure::new(check, &*path, None, format!("{what}{expected}"), found)
        };
        let bytes = self.fetch(name, FILE_MAX, check).await?;
        let found = Hash32::of(&bytes);
        if found != *sha256 {
            return Err(differs("SHA-256 ", sha256.to_string(), found.to_string()));
        }
        let file = from_canonical::<T>(&bytes);
        let file = file.map_err(|error| differs("canonical JSON", String::new(), error.to_string()))?;
        match epoch_of(&file) {
            epoch if epoch == self.epoch => Ok(file),
            epoch => Err(differs("epoch ", self.epoch.to_string(), epoch.to_string())),
        }
    }

    async fn fetch(&mut self, name: &str, limit: u64, check: CheckId) -> Result<Vec<u8>, Failure> {
        let path = epoch_path(self.epoch, name);
        let fetched = self.evidence.fetch(&path, limit).await;
        let bytes = fetched.map_err(|error| self.unavailable(&path, check, error.to_string()))?;
        self.bytes += bytes.len() as u64;
        if bytes.len() as u64 > limit {
            let found = format!("{} bytes", bytes.len());
            return Err(Failure::new(check, path, None, format!("at most {limit} bytes"), found));
        }
        Ok(bytes)
    }

    fn unavailable(&self, path: &str, check: CheckId, error: String) -> Failure {
        Failure::new(check, path, None, "the file".into(), error)
    }

    fn disorder(&self, name: &str, expected: &str) -> Failure {
        Failure::new(CheckId::ShareWork, epoch_path(self.epoch, name), None, expected.into(), "others".into())
    }
}

/// The bytes of a share record.
pub(super) type Record = [u8; RECORD_LEN];
