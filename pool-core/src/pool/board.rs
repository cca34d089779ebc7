//! What every session looks at: open epochs, the current job, which previous hashes still count. Pure.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use audit_core::hash::BlockHash;

use crate::{job_id::JobId, live_epoch::LiveEpoch, live_job::LiveJob, reject::RejectReason};

/// Changed by the driver only.
#[derive(Debug, Clone, Default)]
pub(super) struct Board {
    pub(super) epochs: BTreeMap<u64, OpenEpoch>,
    /// What rigs are to work on.
    pub(super) current: Option<Arc<LiveJob>>,
    tip: Option<BlockHash>,
    /// Previous hashes of late, and until when they count.
    replaced: Vec<(BlockHash, Instant)>,
}

/// An epoch that takes shares.
#[derive(Debug, Clone)]
pub(super) struct OpenEpoch {
    pub(super) epoch: Arc<LiveEpoch>,
    /// Set once a later epoch has a job.
    pub(super) until: Option<Instant>,
}

impl Board {
    /// The epoch new jobs belong to.
    pub(super) fn latest(&self) -> Option<&Arc<LiveEpoch>> {
        self.epochs.last_key_value().map(|(_, open)| &open.epoch)
    }

    pub(super) fn epoch(&self, number: u64) -> Option<&Arc<LiveEpoch>> {
        self.epochs.get(&number).map(|open| &open.epoch)
    }

    /// Whether rigs are to work on the same job by both.
    pub(super) fn has_same_job(&self, other: &Self) -> bool {
        self.current.as_ref().map(Arc::as_ptr) == other.current.as_ref().map(Arc::as_ptr)
    }

    /// Makes `job` the current one. The first job of an epoch starts the grace period of those before.
    pub(super) fn put_up(&mut self, job: Arc<LiveJob>, now: Instant, grace: Duration) {
        for (_, earlier) in self.epochs.range_mut(..job.start.epoch) {
            earlier.until.get_or_insert(now + grace);
        }
        self.current = Some(job);
    }

    /// Notes the best block. Jobs on the one before count for `grace`; older ones are forgotten.
    pub(super) fn set_tip(&mut self, tip: BlockHash, now: Instant, grace: Duration) {
        self.replaced.retain(|(hash, until)| *hash != tip && *until > now);
        match self.tip.replace(tip) {
            Some(before) if before != tip => self.replaced.push((before, now + grace)),
            _ => {}
        }
        for open in self.epochs.values() {
            open.epoch.keep_jobs(|job| self.counts(&job.row.prevhash, now));
        }
    }

    /// Where a share of the job `id`, which was sent to its session, belongs; else it is stale.
    pub(super) fn find(&self, id: &JobId, now: Instant) -> Result<(Arc<LiveEpoch>, Arc<LiveJob>), RejectReason> {
        let open = self.epochs.get(&id.epoch).ok_or(RejectReason::Stale)?;
        let job = open.epoch.job(id.job).ok_or(RejectReason::Stale)?;
        let in_time = open.until.is_none_or(|until| now <= until) && self.counts(&job.row.prevhash, now);
        if in_time { Ok((open.epoch.clone(), job)) } else { Err(RejectReason::Stale) }
    }

    fn counts(&self, prevhash: &BlockHash, now: Instant) -> bool {
        let replaced = || self.replaced.iter().any(|(hash, until)| hash == prevhash && now <= *until);
        self.tip.as_ref() == Some(prevhash) || replaced()
    }
}

#[cfg(test)]
mod tests;
