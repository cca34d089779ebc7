//! log.signed: the checkpoints that are kept for the opening and sealing of each epoch are of this very log.

use alloc::format;

use super::{AuditRequest, CheckId, Evidence, Findings, Log, LogEpoch, Source, signed_checkpoint, witnessed::Times};
use crate::{hash::Hash32, tile::checkpoint_path};

/// The kept checkpoints, epoch by epoch.
pub(in crate::audit) struct Kept<'a> {
    log: &'a Log,
    request: &'a AuditRequest,
    times: Times<'a>,
}

impl<'a> Kept<'a> {
    pub(in crate::audit) fn new(log: &'a Log, request: &'a AuditRequest) -> Self {
        Self { log, request, times: Times::new(log, &request.policy) }
    }

    /// Those of one epoch.
    pub(in crate::audit) async fn check<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        epoch: &LogEpoch,
        findings: &mut Findings,
    ) {
        self.agrees(source, epoch.open_index, &epoch.root, findings).await;
        if let Some((index, _)) = &epoch.close {
            self.agrees(source, *index, &epoch.close_root, findings).await;
        }
    }

    /// Says how many boundaries witnesses have timed.
    pub(in crate::audit) fn tell(&self, findings: &mut Findings) {
        self.times.tell(findings);
    }

    /// The one behind the entry at a leaf index, where the tree has this root.
    async fn agrees<E: Evidence>(
        &mut self,
        source: &mut Source<'_, E>,
        index: u64,
        root: &Hash32,
        findings: &mut Findings,
    ) {
        let check = CheckId::LogSigned;
        let path = format!("log/{}", checkpoint_path(index + 1));
        let Some(kept) = signed_checkpoint(source, &path, self.request, findings).await else { return };
        self.times.judge(index, &kept, findings);
        let kept = kept.checkpoint;
        findings.equal(check, &path, "origin", &self.log.checkpoint.origin, &kept.origin);
        findings.equal(check, &path, "size", &(index + 1), &kept.size);
        findings.equal(check, &path, "root", root, &kept.root);
    }
}
