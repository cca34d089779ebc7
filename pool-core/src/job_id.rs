//! The job id on the wire: hex(epoch u64 ‖ job u16 ‖ level i8), big-endian.

use std::{fmt, str::FromStr};

use audit_core::work::Level;

/// Names a job at a level. Ordered by epoch, then job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId {
    /// The job's epoch.
    pub epoch: u64,
    /// Its number in the epoch.
    pub job: u16,
    /// The level its anchor commits to.
    pub level: Level,
}

/// The text is no id that this pool can have issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoJobId;

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}{:04x}{:02x}", self.epoch, self.job, self.level.get())
    }
}

impl FromStr for JobId {
    type Err = NoJobId;

    fn from_str(text: &str) -> Result<Self, NoJobId> {
        let mut bytes = [0; 11];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NoJobId)?;
        let [epoch @ .., j0, j1, level] = bytes;
        let level = Level::new(i8::from_be_bytes([level])).ok_or(NoJobId)?;
        Ok(Self { epoch: u64::from_be_bytes(epoch), job: u16::from_be_bytes([j0, j1]), level })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_survive_their_text(epoch: u64, job: u16, level in -32i8..=63) {
            let id = JobId { epoch, job, level: Level::new(level).unwrap() };
            prop_assert_eq!(id.to_string().len(), 22);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in ["", "0", "zz00000000000000000000", "00000000000000010000f", "000000000000000100007f"] {
            assert_eq!(text.parse::<JobId>(), Err(NoJobId), "{text}");
        }
    }
}
