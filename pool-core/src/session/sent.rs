//! Which jobs a session was sent.

use std::collections::VecDeque;

use crate::{job_id::JobId, reject::RejectReason};

/// Jobs remembered per session: half an hour of refreshed templates, a grace period of quick blocks.
const KEPT: usize = 64;

/// The latest jobs, oldest first.
#[derive(Debug, Default)]
pub(super) struct SentJobs(VecDeque<JobId>);

impl SentJobs {
    /// Whether the job was not there yet.
    pub(super) fn insert(&mut self, id: JobId) -> bool {
        if self.0.contains(&id) {
            return false;
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(id);
        true
    }

    /// A job before all that are remembered is [`RejectReason::Stale`], any other that was not sent
    /// [`RejectReason::UnknownJob`].
    pub(super) fn check(&self, id: &JobId) -> Result<(), RejectReason> {
        match self.0.front() {
            _ if self.0.contains(id) => Ok(()),
            Some(oldest) if (id.epoch, id.job) < (oldest.epoch, oldest.job) => Err(RejectReason::Stale),
            _ => Err(RejectReason::UnknownJob),
        }
    }
}
