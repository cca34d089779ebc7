//! What a session leaves to the connection that resumes it.

use std::collections::VecDeque;

use audit_core::{hash::BlockHash, work::Level};

use crate::job_id::JobId;

/// Shares on their way when a connection broke count on the next one, its level need not be found again, and its jobs are
/// not voided without need.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(super) sent: VecDeque<JobId>,
    pub(super) level: Option<Level>,
    pub(super) prevhash: Option<BlockHash>,
}
