//! Which jobs a session was sent.

use std::collections::VecDeque;

use crate::{job_id::JobId, reject::RejectReason};

/// Jobs remembered per session: half an hour of refreshed templates, a grace period of quick blocks.
const KEPT: usize = 64;

/// The latest jobs, oldest first.
#[derive(Debug, Default)]
pub(super) struct SentJobs {
    here: VecDeque<JobId>,
    /// On the connection that had the subscription before: shares of them are welcome, but a rig that connects again
    /// has forgotten them and is sent them anew.
    before: VecDeque<JobId>,
}

impl SentJobs {
    /// Whether the job was not sent on this connection yet.
    pub(super) fn insert(&mut self, id: JobId) -> bool {
        // Nearly always it is the newest one.
        if self.here.back() == Some(&id) || self.here.contains(&id) {
            return false;
        }
        if self.here.len() == KEPT {
            self.here.pop_front();
        }
        self.here.push_back(id);
        true
    }

    /// A job before all that are remembered is [`RejectReason::Stale`], any other that was not sent
    /// [`RejectReason::UnknownJob`].
    pub(super) fn check(&self, id: &JobId) -> Result<(), RejectReason> {
        match self.before.front().or(self.here.front()) {
            _ if self.here.contains(id) || self.before.contains(id) => Ok(()),
            Some(oldest) if (id.epoch, id.job) < (oldest.epoch, oldest.job) => Err(RejectReason::Stale),
            _ => Err(RejectReason::UnknownJob),
        }
    }

    /// Takes over what an earlier connection was sent.
    pub(super) fn remember(&mut self, before: VecDeque<JobId>) {
        self.before = before;
    }

    /// The latest of both connections, oldest first.
    pub(super) fn into_latest(self) -> VecDeque<JobId> {
        let mut latest = self.before;
        latest.extend(self.here);
        latest.drain(..latest.len().saturating_sub(KEPT));
        latest
    }
}
