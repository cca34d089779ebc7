//! log.time, the witnesses' part: what the operator says of the time of an epoch's start and end agrees with when
//! independent clocks saw it. Without it the operator's own clock could stretch an epoch.

use alloc::{format, string::String, vec::Vec};

use super::{CheckId, Findings, Log, LogEpoch, Place};
use crate::{
    policy::{Judged, Policy},
    tile::checkpoint_path,
};

/// Ten minutes: what the clocks of operator and witnesses may differ.
const TOLERANCE_S: u64 = 600;

/// The kept checkpoints' cosignature times, judged as they come.
pub(super) struct Times<'a> {
    log: &'a Log,
    policy: &'a Policy,
    timed: u64,
    boundaries: u64,
}

impl<'a> Times<'a> {
    pub(super) fn new(log: &'a Log, policy: &'a Policy) -> Self {
        Self { log, policy, timed: 0, boundaries: 0 }
    }

    /// The kept checkpoint behind the entry at leaf `index`: when it has the policy's quorum at all, then also of
    /// cosignatures from the right time.
    pub(super) fn judge(&mut self, index: u64, kept: &Judged, findings: &mut Findings) {
        self.boundaries += 1;
        if !self.policy.has_quorum() || !self.policy.is_met(kept, |_| true) {
            return;
        }
        let Some((from_s, until_s)) = self.window(index) else { return };
        self.timed += 1;
        if !self.policy.is_met(kept, |time_s| (from_s..=until_s).contains(&time_s)) {
            let path = format!("log/{}", checkpoint_path(index + 1));
            let expected = format!("cosigned by {} at {from_s} to {until_s}", self.policy.quorum_text());
            findings.fail(CheckId::LogTime, Place::new(path, None, expected, times_of(kept)));
        }
    }

    /// Says how many boundaries witnesses have timed.
    pub(super) fn tell(&self, findings: &mut Findings) {
        if self.policy.has_quorum() {
            let (timed, boundaries) = (self.timed, self.boundaries);
            findings.remark(CheckId::LogTime, format!("{timed} of {boundaries} boundaries timed by witnesses"));
        }
    }

    /// First and last second at which the entry can have been seen, if what it says of time is true.
    fn window(&self, index: u64) -> Option<(u64, u64)> {
        let behind = self.log.epochs.partition_point(|epoch| epoch.open_index < index);
        if let Some(epoch) = self.log.epochs.get(behind).filter(|epoch| epoch.open_index == index) {
            let start_ms = epoch.open.start_ms;
            return Some((earliest_s(start_ms), latest_s(start_ms)));
        }
        // An epoch is closed before the second epoch behind it opens.
        let closes = |epoch: &&LogEpoch| epoch.close.as_ref().is_some_and(|(close, _)| *close == index);
        let epoch = self.log.epochs.get(..behind)?.iter().rev().take(2).find(closes)?;
        let end_ms = self.log.end_ms(epoch)?;
        let grace_ms = self.log.manifest_before(epoch.open_index)?.grace_ms;
        Some((end_ms / 1_000, latest_s(end_ms.saturating_add(grace_ms))))
    }
}

/// The newest checkpoint was seen no earlier than the last epoch can have begun: a start in the future is found.
pub(super) fn newest_is_recent(log: &Log, newest: &Judged, policy: &Policy, findings: &mut Findings) {
    let Some(last) = log.epochs.last().filter(|_| policy.has_quorum()) else { return };
    let from_s = earliest_s(last.open.start_ms);
    if !policy.is_met(newest, |time_s| time_s >= from_s) {
        let expected = format!("cosigned by {} not before {from_s}", policy.quorum_text());
        findings.fail(CheckId::LogTime, Place::new("log/checkpoint", None, expected, times_of(newest)));
    }
}

fn earliest_s(claimed_ms: u64) -> u64 {
    (claimed_ms / 1_000).saturating_sub(TOLERANCE_S)
}

fn latest_s(claimed_ms: u64) -> u64 {
    claimed_ms.div_ceil(1_000).saturating_add(TOLERANCE_S)
}

fn times_of(judged: &Judged) -> String {
    let times = judged.cosigned.iter().map(|cosigned| format!("{} at {}", cosigned.witness, cosigned.time_s));
    times.collect::<Vec<_>>().join(", ")
}
