//! Is it a share? Pure: job and submission in, record and hash out.

use audit_core::{
    hash::BlockHash,
    header::VERSION_MASK,
    share::{NTIME_OFFSET_MAX, ShareRecord},
};

use super::Submission;
use crate::{live_job::LiveJob, reject::RejectReason};

/// A submission whose hash meets the target its job commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judged {
    /// Its session number is still 0: it gets one when it is accepted.
    pub(crate) record: ShareRecord,
    /// Of its header.
    pub(crate) hash: BlockHash,
    /// It meets the network target too.
    pub(crate) is_block: bool,
}

/// Hashes the header that the submission stands for and judges it at the level the job was issued at, never at a later one.
pub(crate) fn judge(
    job: &LiveJob,
    extranonce1: [u8; 4],
    submission: &Submission,
    seconds: u16,
) -> Result<Judged, RejectReason> {
    let level = submission.job.level;
    let offset = submission.ntime.checked_sub(job.row.ntime).and_then(|offset| u16::try_from(offset).ok());
    let record = ShareRecord {
        job: job.row.job,
        level,
        session: 0,
        extranonce2: submission.extranonce2,
        ntime_offset: offset.filter(|offset| *offset <= NTIME_OFFSET_MAX).ok_or(RejectReason::NtimeOutOfRange)?,
        version_bits: version_bits(submission.version_bits.unwrap_or(job.row.version)),
        nonce: submission.nonce,
        seconds,
    };
    let hash = job.hash(&job.at(level).anchor, extranonce1, &record);
    if !level.target().is_met_by(&hash) {
        return Err(RejectReason::AboveTarget);
    }
    let is_block = job.network_target.is_some_and(|target| target.is_met_by(&hash));
    Ok(Judged { record, hash, is_block })
}

/// Bits 28…13 of a version.
fn version_bits(version: u32) -> u16 {
    ((version & VERSION_MASK) >> 13) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{fixtures, job_id::JobId};
    use audit_core::work::Level;

    fn submission(job: &LiveJob, nonce: u32) -> Submission {
        let id = JobId { epoch: job.start.epoch, job: job.row.job, level: Level::MIN };
        Submission { job: id, extranonce2: [9; 8], ntime: job.row.ntime, nonce, version_bits: None }
    }

    /// A submission that is a share at [`Level::MIN`]: nearly every one is.
    fn share(job: &LiveJob) -> Submission {
        let tries = (0..).map(|nonce| submission(job, nonce));
        tries.into_iter().find(|submission| judge(job, [1; 4], submission, 0).is_ok()).unwrap()
    }

    #[test]
    fn ntime_is_limited_on_both_sides() {
        let job = fixtures::job(0x1d00_ffff);
        let check = |ntime: u32, expected: bool| {
            let submission = Submission { ntime, ..share(&job) };
            let refused = judge(&job, [1; 4], &submission, 0) == Err(RejectReason::NtimeOutOfRange);
            assert_eq!(!refused, expected, "{ntime}");
        };
        check(job.row.ntime - 1, false);
        check(job.row.ntime, true);
        check(job.row.ntime + 7_000, true);
        check(job.row.ntime + 7_001, false);
        check(0, false);
    }

    #[test]
    fn judged_at_the_level_of_its_job_id() {
        let job = fixtures::job(0x1d00_ffff);
        let easy = share(&job);
        assert!(!judge(&job, [1; 4], &easy, 0).unwrap().is_block);
        let level = Level::new(20).unwrap();
        let hard = Submission { job: JobId { level, ..easy.job }, ..easy };
        assert_eq!(judge(&job, [1; 4], &hard, 0), Err(RejectReason::AboveTarget));
    }

    #[test]
    fn rolled_version_bits_replace_the_jobs() {
        let job = fixtures::job(0x207f_ffff);
        let rolled = Submission { version_bits: Some(0x1fff_e000), ..submission(&job, 0) };
        let tries = (0..).map(|nonce| Submission { nonce, ..rolled });
        let judged = tries.into_iter().find_map(|submission| judge(&job, [1; 4], &submission, 0).ok()).unwrap();
        assert_eq!(judged.record.version_bits, 0xffff);
        let header = job.row.header(&job.at(Level::MIN).anchor, [1; 4], &judged.record);
        assert_eq!(header.version, job.row.version | 0x1fff_e000);
        assert_eq!(judged.hash, header.hash());
    }
}
