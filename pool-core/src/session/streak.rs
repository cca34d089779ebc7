//! A run of invalid shares: what it leads to.
//!
//! A rig whose every share is invalid has lost track of its job or is broken. It is told the job again, then to connect
//! again, then dropped; para and ckpool do so after 60, 120 and 180 s. Duplicates and stale shares neither begin nor end a
//! run: firmware and networks make them, and whoever drops a rented connection for them costs its buyer.

use std::time::{Duration, Instant};

use crate::{
    reject::RejectReason,
    stratum::notify::{reconnect, show_message},
};

/// What follows from a rejected share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// Nothing but the reply.
    None,
    /// The job goes out again, voiding all before.
    Resend,
    /// The rig is asked to connect again.
    Reconnect,
    /// The connection ends.
    Drop,
}

impl Consequence {
    /// What is written besides the reply.
    pub(crate) fn lines(self) -> String {
        match self {
            Self::None | Self::Resend | Self::Drop => String::new(),
            Self::Reconnect => show_message("Every share was invalid for long: connect again") + &reconnect(),
        }
    }
}

/// Since when every share has been invalid, and what was done about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct InvalidStreak(Option<(Instant, Consequence)>);

impl InvalidStreak {
    pub(super) fn new() -> Self {
        Self(None)
    }

    /// A share was accepted.
    pub(super) fn end(&mut self) {
        self.0 = None;
    }

    /// A share was rejected. Consequences come one after the other, the first when the run has lasted `patience`, the
    /// next at twice and three times that.
    pub(super) fn on_reject(&mut self, reason: RejectReason, patience: Duration, now: Instant) -> Consequence {
        if !is_invalid(reason) {
            return Consequence::None;
        }
        let (since, done) = self.0.get_or_insert((now, Consequence::None));
        let (next, after) = match done {
            Consequence::None => (Consequence::Resend, patience),
            Consequence::Resend => (Consequence::Reconnect, patience * 2),
            Consequence::Reconnect | Consequence::Drop => (Consequence::Drop, patience * 3),
        };
        if now.saturating_duration_since(*since) < after {
            return Consequence::None;
        }
        *done = next;
        next
    }
}

fn is_invalid(reason: RejectReason) -> bool {
    !matches!(
        reason,
        RejectReason::Duplicate | RejectReason::Stale | RejectReason::Unauthorized | RejectReason::NotSubscribed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// The consequences of one reject every ten seconds.
    fn run(reason: RejectReason, accepted_at_s: Option<u64>) -> Vec<(u64, Consequence)> {
        let (start, mut streak) = (Instant::now(), InvalidStreak::new());
        let mut seen = Vec::new();
        for second in (0..=180).step_by(10) {
            if accepted_at_s == Some(second) {
                streak.end();
            }
            match streak.on_reject(reason, PATIENCE, start + Duration::from_secs(second)) {
                Consequence::None => {}
                consequence => seen.push((second, consequence)),
            }
        }
        seen
    }

    #[test]
    fn only_rejects_lead_to_the_job_again_then_to_reconnect_then_to_the_end() {
        let all = [(60, Consequence::Resend), (120, Consequence::Reconnect), (180, Consequence::Drop)];
        assert_eq!(run(RejectReason::AboveTarget, None), all);
        assert_eq!(run(RejectReason::UnknownJob, None), all);
    }

    #[test]
    fn an_accepted_share_starts_anew() {
        let expected = [(60, Consequence::Resend), (160, Consequence::Resend)];
        assert_eq!(run(RejectReason::BadExtranonce2, Some(100)), expected);
    }

    #[test]
    fn duplicates_and_stale_shares_have_no_consequence() {
        assert_eq!(run(RejectReason::Duplicate, None), []);
        assert_eq!(run(RejectReason::Stale, None), []);
    }

    #[test]
    fn rare_rejects_skip_no_step() {
        let (start, mut streak) = (Instant::now(), InvalidStreak::new());
        let mut reject =
            |seconds| streak.on_reject(RejectReason::AboveTarget, PATIENCE, start + Duration::from_secs(seconds));
        assert_eq!(reject(0), Consequence::None);
        assert_eq!(reject(500), Consequence::Resend);
        assert_eq!(reject(501), Consequence::Reconnect);
        assert_eq!(reject(502), Consequence::Drop);
    }
}
