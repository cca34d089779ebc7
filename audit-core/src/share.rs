//! The share record: 24 bytes from which, with its job, a header is rebuilt.

use thiserror::Error;

use crate::work::Level;

/// Bytes of a record.
pub const RECORD_LEN: usize = 24;
/// A share's ntime may be this many seconds after its job's (ckpool's limit).
pub const NTIME_OFFSET_MAX: u16 = 7_000;

/// One accepted share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShareRecord {
    /// Number of the job in its epoch.
    pub job: u16,
    /// Level whose target the job's anchor commits to.
    pub level: Level,
    /// Number of the session in its epoch, below 2²⁴.
    pub session: u32,
    /// What the worker chose.
    pub extranonce2: [u8; 8],
    /// Seconds after the job's ntime, at most [`NTIME_OFFSET_MAX`].
    pub ntime_offset: u16,
    /// Header version bits 28…13.
    pub version_bits: u16,
    /// The nonce, as a number.
    pub nonce: u32,
    /// Seconds from the epoch's start to the share's arrival, saturating: the operator's statement.
    pub seconds: u16,
}

/// Why 24 bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecordError {
    /// The level is outside −32…63.
    #[error("level {0} is outside -32 to 63")]
    Level(i8),
    /// The ntime is too far from the job's.
    #[error("ntime is {0} s after the job's: more than 7000")]
    NtimeOffset(u16),
}

impl ShareRecord {
    /// The record's bytes, integers big-endian.
    pub fn to_bytes(&self) -> [u8; RECORD_LEN] {
        let mut bytes = [0; RECORD_LEN];
        bytes[0..2].copy_from_slice(&self.job.to_be_bytes());
        bytes[2..3].copy_from_slice(&self.level.get().to_be_bytes());
        bytes[3..6].copy_from_slice(&self.session.to_be_bytes()[1..]);
        bytes[6..14].copy_from_slice(&self.extranonce2);
        bytes[14..16].copy_from_slice(&self.ntime_offset.to_be_bytes());
        bytes[16..18].copy_from_slice(&self.version_bits.to_be_bytes());
        bytes[18..22].copy_from_slice(&self.nonce.to_be_bytes());
        bytes[22..24].copy_from_slice(&self.seconds.to_be_bytes());
        bytes
    }

    /// The inverse of [`ShareRecord::to_bytes`].
    ///
    /// # Errors
    /// A level or ntime offset out of range.
    pub fn from_bytes(bytes: &[u8; RECORD_LEN]) -> Result<Self, RecordError> {
        let level = i8::from_be_bytes([bytes[2]]);
        let u16_at = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let ntime_offset = u16_at(14);
        if ntime_offset > NTIME_OFFSET_MAX {
            return Err(RecordError::NtimeOffset(ntime_offset));
        }
        let mut extranonce2 = [0; 8];
        extranonce2.copy_from_slice(&bytes[6..14]);
        Ok(Self {
            job: u16_at(0),
            level: Level::new(level).ok_or(RecordError::Level(level))?,
            session: u32::from_be_bytes([0, bytes[3], bytes[4], bytes[5]]),
            extranonce2,
            ntime_offset,
            version_bits: u16_at(16),
            nonce: u32::from_be_bytes([bytes[18], bytes[19], bytes[20], bytes[21]]),
            seconds: u16_at(22),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn records_survive_their_bytes(bytes in any::<[u8; RECORD_LEN]>()) {
            if let Ok(record) = ShareRecord::from_bytes(&bytes) {
                prop_assert_eq!(record.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn level_and_ntime_out_of_range_are_refused() {
        let mut bytes = [0; RECORD_LEN];
        bytes[2] = 64;
        assert_eq!(ShareRecord::from_bytes(&bytes), Err(RecordError::Level(64)));
        bytes[2] = 0;
        bytes[14..16].copy_from_slice(&7_001u16.to_be_bytes());
        assert_eq!(ShareRecord::from_bytes(&bytes), Err(RecordError::NtimeOffset(7_001)));
    }
}
