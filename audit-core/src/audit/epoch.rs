//! Epoch by epoch: alloc.sum, alloc.all, job.anchored, log.time, and the shares.

mod recount;
mod running;

use alloc::{collections::BTreeMap, format, rc::Rc, string::ToString, vec::Vec};

use super::{
    CheckId, Chunks, Counters, Depth, Evidence, Place,
    evidence::Source,
    in_flight::InFlight,
    log::{Log, LogEpoch},
    plan,
    report::Findings,
};
use crate::{
    allocation::{Allocation, AllocationError},
    entry::{BlockFound, EpochClose},
    hash::Hash32,
    work::Work,
};
use running::Running;

/// Longest allocation that is read, in bytes.
const JSON_MAX: u64 = 256 << 20;

/// What the epochs came to.
pub(super) struct Epochs<'a> {
    log: &'a Log,
    running: Running,
    chain: recount::ChainView,
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
    /// As claimed: recomputed where the shares hold, and where they don't one lie is not reported twice.
    pub(super) work: Work,
    /// The shares that met the network target; `None` where the shares failed.
    pub(super) blocks: Option<Vec<BlockFound>>,
}

impl<'a> Epochs<'a> {
    pub(super) fn new(log: &'a Log) -> Self {
        Self {
            log,
            running: Running::of(log),
            chain: recount::ChainView::default(),
            allocations: BTreeMap::new(),
            allocated: Vec::new(),
            sealed: Vec::new(),
            shares: 0,
            work: Work::ZERO,
        }
    }

    pub(super) async fn check_all<E: Evidence, C: Counters>(
        &mut self,
        source: &mut Source<'_, E>,
        counters: &C,
        depth: Depth,
        findings: &mut Findings,
    ) {
        let mut tasks = InFlight::new(counters, self.log, depth);
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
                self.sealed(source, &mut tasks, epoch, close, findings).await;
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

    async fn sealed<E: Evidence, C: Counters>(
        &mut self,
        source: &mut Source<'_, E>,
        tasks: &mut InFlight<'_, C>,
        epoch: &LogEpoch,
        close: &EpochClose,
        findings: &mut Findings,
    ) {
        let mut recount = recount::Recount::default();
        while let Some(result) = tasks.next_of(epoch.open.epoch, source).await {
            recount.add(close, result);
        }
        while let Some(task) = recount.next().and_then(|next| plan::task(self.log, epoch, Chunks::Best(next))) {
            recount.add(close, tasks.also(task, source).await);
        }
        recount.take_places(epoch, &mut self.chain);
        let recount = recount.into_told(findings);
        let end_ms = self.log.end_ms(epoch).unwrap_or(epoch.open.start_ms);
        self.shares += recount.shares;
        self.work = self.work.checked_add(close.shares.work).unwrap_or(self.work);
        self.sealed.push(Sealed {
            epoch: epoch.open.epoch,
            start_ms: epoch.open.start_ms,
            end_ms,
            work: close.shares.work,
            blocks: recount.blocks,
        });
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
