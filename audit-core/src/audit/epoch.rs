//! Epoch by epoch: alloc.sum, alloc.all, job.anchored, log.time, and the shares.

mod jobs;
mod running;
mod shares;

use alloc::{
    collections::BTreeMap,
    format,
    rc::Rc,
    string::{String, ToString},
    vec::Vec,
};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    CheckId, Evidence, Place,
    evidence::Source,
    log::{Log, LogEpoch},
    report::Findings,
};
use crate::{
    allocation::{Allocation, AllocationError},
    entry::{BlockFound, EpochClose},
    epoch::{Anchors, JobsFile, RejectsFile, SessionsFile, epoch_path},
    hash::Hash32,
    json::from_canonical,
    share::RECORD_LEN,
    work::Work,
};
use running::Running;

/// Longest JSON file of an epoch and longest allocation that is read, in bytes.
const JSON_MAX: u64 = 256 << 20;

/// What the epochs came to.
pub(super) struct Epochs<'a> {
    log: &'a Log,
    running: Running,
    chain: jobs::ChainView,
    allocations: BTreeMap<Hash32, Rc<Allocation>>,
    /// Allocation by epoch, from 1; `None` where it could not be read.
    pub(super) allocated: Vec<Option<Rc<Allocation>>>,
    /// The closed epochs, from 1.
    pub(super) sealed: Vec<Sealed>,
    /// Shares recomputed.
    pub(super) shares: u64,
    /// Their work.
    pub(super) work: Work,
}

/// A closed epoch, recomputed.
pub(super) struct Sealed {
    pub(super) epoch: u64,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    /// Recomputed; as claimed where the shares failed, so that one lie is not reported twice.
    pub(super) work: Work,
    /// The shares that met the network target; `None` where the shares failed.
    pub(super) blocks: Option<Vec<BlockFound>>,
}

impl<'a> Epochs<'a> {
    pub(super) fn new(log: &'a Log) -> Self {
        Self {
            log,
            running: Running::of(log),
            chain: jobs::ChainView::default(),
            allocations: BTreeMap::new(),
            allocated: Vec::new(),
            sealed: Vec::new(),
            shares: 0,
            work: Work::ZERO,
        }
    }

    pub(super) async fn check_all<E: Evidence>(&mut self, source: &mut Source<'_, E>, findings: &mut Findings) {
        let closes = || self.log.epochs.iter().filter_map(|epoch| epoch.close.as_ref());
        source.progress.stage = "epoch";
        source.progress.epochs = closes().count() as u64;
        source.progress.shares_total = closes().map(|(_, close)| close.shares.count).sum();
        for epoch in &self.log.epochs {
            source.progress.epoch = epoch.open.epoch;
            let allocation = self.allocation(source, epoch, findings).await;
            if let Some(allocation) = &allocation {
                self.running.check(self.log, epoch, allocation, findings);
            }
            self.allocated.push(allocation);
            if let Some((_, close)) = &epoch.close {
                self.sealed(source, epoch, close, findings).await;
            }
        }
        self.note(findings);
    }

    /// alloc.sum: the list under the epoch's root sums to the declared capacity. Unchanged lists are fetched once.
    async fn allocation<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        epoch: &LogEpoch,
        findings: &mut Findings,
    ) -> Option<Rc<Allocation>> {
        let check = CheckId::AllocSum;
        let claimed = epoch.open.allocation;
        let path = Allocation::path(&claimed.root);
        let allocation = match self.allocations.get(&claimed.root) {
            Some(known) => known.clone(),
            None => {
                let bytes = source.fetch(&path, JSON_MAX, check, findings).await?;
                let parsed = Allocation::from_bytes(&bytes);
                let error = |error: AllocationError| {
                    findings.fail(check, Place::new(&*path, None, "an allocation list", error.to_string()));
                };
                Rc::new(parsed.map_err(error).ok()?)
            }
        };
        self.allocations.insert(claimed.root, allocation.clone());
        findings.equal(check, &path, "root", &claimed.root, &allocation.root());
        findings.equal(check, &path, "total", &claimed.total, &allocation.total());
        findings.equal(check, &path, "count", &claimed.count, &allocation.commitment().count);
        (allocation.commitment() == claimed).then_some(allocation)
    }

    async fn sealed<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        epoch: &LogEpoch,
        close: &EpochClose,
        findings: &mut Findings,
    ) {
        let counted = self.count_shares(source, epoch, close, findings).await;
        let end_ms = self.log.end_ms(epoch).unwrap_or(epoch.open.start_ms);
        let work = counted.as_ref().map_or(close.shares.work, |counted| counted.work);
        self.shares += counted.as_ref().map_or(0, |_| close.shares.count);
        self.work = self.work.checked_add(work).unwrap_or(self.work);
        self.sealed.push(Sealed {
            epoch: epoch.open.epoch,
            start_ms: epoch.open.start_ms,
            end_ms,
            work,
            blocks: counted.map(|counted| counted.blocks),
        });
        source.progress.shares = self.shares;
        source.tell();
    }

    /// Jobs, sessions and shares of a closed epoch; `None` when something in them failed.
    async fn count_shares<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        epoch: &LogEpoch,
        close: &EpochClose,
        findings: &mut Findings,
    ) -> Option<shares::Counted> {
        let number = epoch.open.epoch;
        let work = CheckId::ShareWork;
        let fetched = fetch_json(source, number, "jobs.json", &close.jobs, CheckId::JobAnchored, findings).await;
        let jobs: JobsFile = fetched?;
        let sessions: SessionsFile =
            fetch_json(source, number, "sessions.json", &close.sessions, work, findings).await?;
        let rejects: RejectsFile = fetch_json(source, number, "rejects.json", &close.rejects, work, findings).await?;
        let jobs = jobs::check(self.log, epoch, &jobs, &mut self.chain, findings)?;
        let path = epoch_path(number, "shares");
        let limit = close.shares.count.saturating_mul(RECORD_LEN as u64);
        let records = source.fetch(&path, limit, work, findings).await?;
        let path = epoch_path(number, "chunks");
        let chunks = source.fetch(&path, close.shares.count.saturating_mul(80), work, findings).await?;
        let files =
            shares::Files { jobs: &jobs, sessions: &sessions, rejects: &rejects, records: &records, chunks: &chunks };
        let origin = &self.log.checkpoint.origin;
        let anchors = Anchors::new(number, origin, epoch.open_index + 1, epoch.root);
        shares::check(&files, close, anchors, findings)
    }

    fn note(&self, findings: &mut Findings) {
        let (epochs, shares, work) = (self.sealed.len(), self.shares, self.work);
        findings.note(CheckId::AllocSum, format!("{} epochs", self.allocated.len()));
        findings.note(CheckId::AllocAll, format!("{} contracts", self.running.count()));
        findings.note(CheckId::JobAnchored, format!("{} jobs", self.chain.jobs));
        findings.note(CheckId::LogTime, format!("{} jobs", self.chain.jobs));
        findings.note(CheckId::ShareWork, format!("{shares} shares in {epochs} epochs, {work} hashes"));
    }
}

/// Fetches a JSON file of an epoch: the one whose SHA-256 its close states, and of this epoch.
async fn fetch_json<E: Evidence, T: DeserializeOwned + Serialize + OfEpoch>(
    source: &mut Source<'_, E>,
    epoch: u64,
    name: &str,
    sha256: &Hash32,
    check: CheckId,
    findings: &mut Findings,
) -> Option<T> {
    let path: String = epoch_path(epoch, name);
    let bytes = source.fetch(&path, JSON_MAX, check, findings).await?;
    let found = Hash32::of(&bytes);
    findings.equal(check, &path, "SHA-256", sha256, &found);
    if *sha256 != found {
        return None;
    }
    match from_canonical::<T>(&bytes) {
        Ok(file) if file.epoch() == epoch => Some(file),
        Ok(file) => {
            findings.equal(check, &path, "epoch", &epoch, &file.epoch());
            None
        }
        Err(error) => {
            findings.fail(check, Place::new(path, None, "canonical JSON", error.to_string()));
            None
        }
    }
}

/// A file that says which epoch it is of.
trait OfEpoch {
    fn epoch(&self) -> u64;
}

impl OfEpoch for JobsFile {
    fn epoch(&self) -> u64 {
        self.epoch
    }
}

impl OfEpoch for SessionsFile {
    fn epoch(&self) -> u64 {
        self.epoch
    }
}

impl OfEpoch for RejectsFile {
    fn epoch(&self) -> u64 {
        self.epoch
    }
}
