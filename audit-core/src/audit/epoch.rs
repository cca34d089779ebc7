//! What an epoch's tasks came to, put together: share.work, job.anchored and log.time.

mod recount;

use alloc::{format, string::String, vec::Vec};

use super::{
    CheckId, Chunks, Counters, Depth, Evidence, Place,
    chain::ChainSide,
    evidence::Source,
    in_flight::InFlight,
    log::{Log, LogEpoch},
    plan,
    report::Findings,
};
use crate::{
    entry::{BlockFound, EpochClose},
    hash::BlockHash,
    liabilities::Coin,
    work::{Level, Work},
};
use recount::Recount;

/// The sealed epochs, one after the other.
pub(super) struct Epochs<'a, C> {
    log: &'a Log,
    depth: Depth,
    tasks: InFlight<'a, C>,
    /// Sealed epochs, and those of which something was recomputed.
    pub(super) sealed: u64,
    recounted: u64,
    /// Jobs that were looked at.
    jobs: u64,
    /// Shares and chunks recomputed.
    pub(super) shares: u64,
    pub(super) chunks: u64,
    /// Claimed work: in depth *exact* also recomputed.
    pub(super) work: Work,
}

/// A sealed epoch, recomputed as far as the depth demands.
#[derive(Default)]
pub(super) struct Recounted {
    /// Shares recomputed.
    pub(super) shares: u64,
    /// Chunks recomputed.
    pub(super) chunks: u64,
    /// As claimed: recomputed where all shares hold, and where they don't one lie is not reported twice.
    pub(super) work: Work,
    /// The recomputed shares that met the network target; `None` where jobs or shares failed.
    pub(super) blocks: Option<Vec<BlockFound>>,
    /// What these pay.
    pub(super) coins: Vec<(BlockHash, Coin)>,
    /// The lowest header hashes, ascending.
    pub(super) best: Vec<BlockHash>,
    /// The levels of the recomputed shares.
    pub(super) levels: Vec<Level>,
}

impl<'a, C: Counters> Epochs<'a, C> {
    pub(super) fn new(log: &'a Log, counters: &'a C, depth: Depth) -> Self {
        Self {
            log,
            depth,
            tasks: InFlight::new(counters, log, depth),
            jobs: 0,
            sealed: 0,
            recounted: 0,
            shares: 0,
            chunks: 0,
            work: Work::ZERO,
        }
    }

    /// The next sealed epoch.
    pub(super) async fn recount<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        epoch: &LogEpoch,
        close: &EpochClose,
        chain: &mut ChainSide<'_>,
        findings: &mut Findings,
    ) -> Recounted {
        let mut recount = Recount::default();
        while let Some(result) = self.tasks.next_of(epoch.open.epoch, source).await {
            recount.add(close, result);
        }
        while let Some(task) = recount.next().and_then(|next| plan::task(self.log, epoch, Chunks::Best(next))) {
            recount.add(close, self.tasks.also(task, source).await);
        }
        if let Err(place) = chain.jobs(source, epoch, recount.on_chain(), findings).await {
            recount.fail_jobs(place);
        }
        self.jobs += recount.jobs;
        self.sealed += 1;
        self.recounted += u64::from(recount.tasks > 0);
        let recounted = recount.into_told(close, findings);
        self.shares += recounted.shares;
        self.chunks += recounted.chunks;
        self.work = self.work.checked_add(close.shares.work).unwrap_or(self.work);
        recounted
    }

    pub(super) fn finish(&self, findings: &mut Findings) {
        let (jobs, epochs) = (self.jobs, self.of_epochs());
        findings.note(CheckId::JobAnchored, format!("{jobs} jobs in {epochs}"));
        findings.note(CheckId::LogTime, format!("{jobs} jobs in {epochs}"));
        let (shares, work) = (self.shares, self.work);
        let of = match self.depth {
            Depth::Exact => format!("{work} hashes"),
            Depth::Estimate => format!("the best of {work} claimed hashes"),
            Depth::Sampled { .. } => format!("drawn from {work} claimed hashes"),
        };
        findings.note(CheckId::ShareWork, format!("{shares} shares in {epochs}, {of}"));
    }

    fn of_epochs(&self) -> String {
        match self.depth {
            Depth::Exact | Depth::Estimate => format!("{} epochs", self.sealed),
            Depth::Sampled { .. } => format!("{} of {} epochs", self.recounted, self.sealed),
        }
    }
}
