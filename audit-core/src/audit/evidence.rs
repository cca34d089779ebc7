//! Where evidence comes from: a server, a folder or a bundle, behind one trait.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::future::Future;

use serde::Serialize;
use thiserror::Error;

use super::{
    CountError, Counted, Depth,
    log::Log,
    report::{CheckId, Findings, Place},
};
use crate::{
    epoch::CHUNK_RECORDS,
    tile::{full_path, narrowed},
};

/// Fetches evidence by its path, such as `epoch/7/shares` or `log/checkpoint`, without a leading slash.
pub trait Evidence {
    /// The file's whole content. Must not return more than `limit` bytes: a longer file is [`FetchError::TooLong`].
    fn fetch(&self, path: &str, limit: u64) -> impl Future<Output = Result<Vec<u8>, FetchError>>;

    /// `length` bytes of the file from byte `start` on; fewer only where the file ends, and none behind its end.
    fn fetch_range(&self, path: &str, start: u64, length: u64) -> impl Future<Output = Result<Vec<u8>, FetchError>>;
}

/// What [`Evidence::fetch_range`] gives of a file that is at hand as a whole.
pub fn range_of(file: &[u8], start: u64, length: u64) -> &[u8] {
    let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(file.len());
    file.get(at(start)..at(start.saturating_add(length))).unwrap_or_default()
}

/// Why a file can't be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FetchError {
    /// There is no such file.
    #[error("not found")]
    NotFound,
    /// It is longer than it can be.
    #[error("longer than {0} bytes")]
    TooLong(u64),
    /// Anything else: the network, the disk.
    #[error("{0}")]
    Unreadable(String),
}

/// How far the audit is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Progress {
    /// `log`, `chain`, `epoch` or `settlement`.
    pub stage: &'static str,
    /// The epoch at hand.
    pub epoch: u64,
    /// Sealed epochs in all.
    pub epochs: u64,
    /// Shares recomputed.
    pub shares: u64,
    /// Shares to be recomputed in all; an estimate where the depth is not exact.
    pub shares_total: u64,
    /// Bytes fetched.
    pub bytes: u64,
}

/// Evidence with its progress; a file that can't be had is a finding.
pub(super) struct Source<'a, E: Evidence> {
    evidence: &'a E,
    report: &'a mut dyn FnMut(Progress),
    pub(super) progress: Progress,
}

impl<'a, E: Evidence> Source<'a, E> {
    pub(super) fn new(evidence: &'a E, report: &'a mut dyn FnMut(Progress)) -> Self {
        Self { evidence, report, progress: Progress { stage: "log", ..Progress::default() } }
    }

    /// Fetches a file that `check` needs.
    pub(super) async fn fetch(
        &mut self,
        path: &str,
        limit: u64,
        check: CheckId,
        findings: &mut Findings,
    ) -> Option<Vec<u8>> {
        match self.read(path, limit).await {
            Ok(bytes) if bytes.len() as u64 <= limit => {
                self.progress.bytes += bytes.len() as u64;
                self.tell();
                Some(bytes)
            }
            Ok(bytes) => {
                let found = format!("{} bytes", bytes.len());
                findings.fail(check, Place::new(path, None, format!("at most {limit} bytes"), found));
                None
            }
            Err(error) => {
                findings.fail(check, Place::new(path, None, "the file", error.to_string()));
                None
            }
        }
    }

    /// Looks for a file that may not be there.
    pub(super) async fn look(&mut self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        let bytes = self.evidence.fetch(path, limit).await?;
        self.fetched(bytes, limit)
    }

    /// Looks for a part of a file.
    pub(super) async fn look_range(&mut self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        let bytes = self.evidence.fetch_range(path, start, length).await?;
        self.fetched(bytes, length)
    }

    fn fetched(&mut self, bytes: Vec<u8>, limit: u64) -> Result<Vec<u8>, FetchError> {
        self.progress.bytes += bytes.len() as u64;
        self.tell();
        if bytes.len() as u64 > limit { Err(FetchError::TooLong(limit)) } else { Ok(bytes) }
    }

    /// A partial tile or bundle may be gone once the full one, which begins with it, is there (c2sp.org/tlog-tiles).
    async fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        let full = full_path(path);
        match self.evidence.fetch(path, limit).await {
            Err(FetchError::NotFound) if full != path => {
                let bytes = self.evidence.fetch(full, limit).await?;
                narrowed(path, &bytes).map(<[u8]>::to_vec).ok_or(FetchError::NotFound)
            }
            other => other,
        }
    }

    /// Adds what a task came to.
    pub(super) fn counted(&mut self, result: &Result<Counted, CountError>) {
        if let Ok(counted) = result {
            self.progress.bytes += counted.bytes;
            self.progress.shares += counted.shares;
            self.tell();
        }
    }

    /// The log is read: its chain comes next.
    pub(super) fn begin_chain(&mut self) {
        self.progress.stage = "chain";
        self.tell();
    }

    /// The log is read: how much there is to recount.
    pub(super) fn begin_epochs(&mut self, log: &Log, depth: Depth) {
        let closes = || log.epochs.iter().filter_map(|epoch| epoch.close.as_ref());
        let chunk = CHUNK_RECORDS as u64;
        let all: u64 = closes().map(|(_, close)| close.shares.count).sum();
        self.progress.stage = "epoch";
        self.progress.epochs = closes().count() as u64;
        self.progress.shares_total = match depth {
            Depth::Exact => all,
            Depth::Estimate => closes().map(|(_, close)| close.shares.count.min(chunk)).sum(),
            Depth::Sampled { samples, .. } => all.min(chunk.saturating_mul(samples.into())),
        };
        self.tell();
    }

    /// Every epoch is recounted.
    pub(super) fn end_epochs(&mut self) {
        self.progress.stage = "settlement";
        self.tell();
    }

    /// Reports the progress as it is now.
    pub(super) fn tell(&mut self) {
        (self.report)(self.progress);
    }
}
