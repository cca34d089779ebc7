//! Why a submission is no share, and how Stratum says so. The one place that knows the codes.

use std::fmt;

/// A rejected submission is a value, not an error of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RejectReason {
    /// No job with this id was sent to the session.
    UnknownJob = 1,
    /// The job's epoch or previous hash is over.
    Stale = 2,
    /// The header was accepted before in this epoch.
    Duplicate = 3,
    /// The hash does not meet the job's target.
    AboveTarget = 4,
    /// ntime is before the job's or more than 7,000 s after it.
    NtimeOutOfRange = 5,
    /// extranonce2 is not 16 hex digits.
    BadExtranonce2 = 6,
    /// Version bits outside the negotiated mask, or without negotiation.
    BadVersionBits = 7,
    /// The worker is not authorized on this connection, its name is not allowed, or its lot is not to be had with this
    /// password.
    Unauthorized = 8,
    /// Not subscribed yet.
    NotSubscribed = 9,
    /// Parameters that can't be read, or a method we don't have.
    Malformed = 10,
}

impl RejectReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::UnknownJob,
        Self::Stale,
        Self::Duplicate,
        Self::AboveTarget,
        Self::NtimeOutOfRange,
        Self::BadExtranonce2,
        Self::BadVersionBits,
        Self::Unauthorized,
        Self::NotSubscribed,
        Self::Malformed,
    ];

    /// The customary Stratum V1 code: 20 other, 21 job not found, 22 duplicate, 23 low difficulty, 24 unauthorized,
    /// 25 not subscribed.
    pub fn code(self) -> u8 {
        match self {
            Self::UnknownJob | Self::Stale => 21,
            Self::Duplicate => 22,
            Self::AboveTarget => 23,
            Self::Unauthorized => 24,
            Self::NotSubscribed => 25,
            Self::NtimeOutOfRange | Self::BadExtranonce2 | Self::BadVersionBits | Self::Malformed => 20,
        }
    }

    /// What the worker's operator reads.
    pub fn text(self) -> &'static str {
        match self {
            Self::UnknownJob => "Job not found: submit jobs that this connection was sent",
            Self::Stale => "Stale: the job is over",
            Self::Duplicate => "Duplicate share",
            Self::AboveTarget => "Above target: the hash does not meet the job's difficulty",
            Self::NtimeOutOfRange => "ntime must be 0 to 7000 s after the job's, as 8 hex digits",
            Self::BadExtranonce2 => "extranonce2 must be 16 hex digits",
            Self::BadVersionBits => "Version bits must be 8 hex digits within the negotiated mask",
            Self::Unauthorized => {
                "Unauthorized worker: log in as LOT.WORKER, 1 to 64 of A-Z a-z 0-9 _ . -, with the lot's password"
            }
            Self::NotSubscribed => "Not subscribed: send mining.subscribe first",
            Self::Malformed => "Malformed request",
        }
    }

    /// The name in `rejects.json`, metrics and program logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownJob => "unknown_job",
            Self::Stale => "stale",
            Self::Duplicate => "duplicate",
            Self::AboveTarget => "above_target",
            Self::NtimeOutOfRange => "ntime_out_of_range",
            Self::BadExtranonce2 => "bad_extranonce2",
            Self::BadVersionBits => "bad_version_bits",
            Self::Unauthorized => "unauthorized",
            Self::NotSubscribed => "not_subscribed",
            Self::Malformed => "malformed",
        }
    }

    /// The number in the journal.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.number() == number)
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_distinct_and_codes_customary() {
        for (index, reason) in RejectReason::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(reason.number()), index + 1);
            assert_eq!(RejectReason::from_number(reason.number()), Some(reason));
            assert!((20..=25).contains(&reason.code()));
            assert!(RejectReason::ALL.iter().filter(|other| other.name() == reason.name()).count() == 1);
        }
    }
}
