use std::path::Path;

use super::*;
use crate::{
    fixtures, journal,
    session::{Submission, judge},
};
use crate::{lots::Lots, stratum::request::Login};

fn open(folder: &Path) -> LiveEpoch {
    let (file, replay) = journal::open(folder, &fixtures::start(7)).unwrap();
    let (writer, task) = JournalWriter::new(file, Arc::default()).unwrap();
    tokio::spawn(task);
    LiveEpoch::new(fixtures::start(7), writer, replay.as_ref())
}

fn job(epoch: &LiveEpoch) -> Arc<LiveJob> {
    epoch.issue(Level::MIN).unwrap();
    let template = Arc::new(fixtures::template(0x1d00_ffff));
    epoch.add_job(template, b"", &fixtures::PAYOUT_SCRIPT).unwrap()
}

fn worker(name: &str) -> Worker {
    Worker::new(&Login::new(name, "x"), &[0; 32], &Lots::new(false)).unwrap()
}

/// The share of `job` with the lowest nonce from `nonce` on.
fn share(job: &LiveJob, extranonce1: [u8; 4], nonce: u32) -> Judged {
    let id = job.at(Level::MIN).id;
    let at = |nonce| Submission { job: id, extranonce2: [0; 8], ntime: job.row.ntime, nonce, version_bits: None };
    (nonce..).find_map(|nonce| judge(job, extranonce1, &at(nonce), 0).ok()).unwrap()
}

#[tokio::test]
async fn sessions_are_numbered_by_their_first_accepted_share() {
    let folder = tempfile::tempdir().unwrap();
    let epoch = open(folder.path());
    let job = job(&epoch);
    for (shares, (extranonce1, name)) in (0..).zip([([9; 4], "b"), ([1; 4], "a"), ([9; 4], "a"), ([1; 4], "a")]) {
        epoch.accept(extranonce1, &worker(name), &share(&job, extranonce1, shares * 10)).unwrap();
    }
    epoch.close().unwrap();
    let material = journal::read_epoch(folder.path(), 7).unwrap();
    let numbers: Vec<u32> = material.shares.iter().map(|share| share.session).collect();
    assert_eq!(numbers, [0, 1, 2, 1]);
    assert_eq!(material.sessions[0].worker, worker("b").pseudonym);
    assert_eq!(material.sessions[2].extranonce1, [9; 4]);
}

#[tokio::test]
async fn a_killed_process_keeps_duplicates_sessions_and_job_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let epoch = open(folder.path());
    let before = job(&epoch);
    let taken = share(&before, [1; 4], 0);
    epoch.accept([1; 4], &worker("a"), &taken).unwrap();
    epoch.commit().unwrap();
    // Nothing is closed or synced: the file is what a killed process leaves.
    let epoch = open(folder.path());
    let again = epoch.accept([1; 4], &worker("a"), &taken);
    assert_eq!(again, Err(RejectReason::Duplicate));
    let after = job(&epoch);
    assert_eq!(after.row.job, before.row.job + 1);
    epoch.accept([1; 4], &worker("a"), &share(&after, [1; 4], 0)).unwrap();
    epoch.accept([2; 4], &worker("a"), &share(&after, [2; 4], 0)).unwrap();
    epoch.close().unwrap();
    let material = journal::read_epoch(folder.path(), 7).unwrap();
    assert_eq!(
        material.shares.iter().map(|share| (share.job, share.session)).collect::<Vec<_>>(),
        [(0, 0), (1, 0), (1, 1)]
    );
    audit_core::seal::seal(&material).unwrap();
}

#[tokio::test]
async fn a_share_that_gets_no_session_number_was_never_there() {
    let folder = tempfile::tempdir().unwrap();
    let epoch = open(folder.path());
    let job = job(&epoch);
    let share = share(&job, [1; 4], 0);
    let next = std::mem::replace(&mut epoch.book().next_session, SESSIONS_MAX as u32);
    for _ in 0..2 {
        assert_eq!(epoch.accept([1; 4], &worker("a"), &share), Err(RejectReason::Unauthorized));
    }
    epoch.book().next_session = next;
    epoch.accept([1; 4], &worker("a"), &share).unwrap();
    assert_eq!(epoch.accept([1; 4], &worker("a"), &share), Err(RejectReason::Duplicate));
}

#[tokio::test]
async fn a_closed_epoch_takes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let epoch = open(folder.path());
    let job = job(&epoch);
    epoch.close().unwrap();
    epoch.close().unwrap();
    let size = std::fs::metadata(folder.path().join("7.journal")).unwrap().len();
    let late = epoch.accept([1; 4], &worker("a"), &share(&job, [1; 4], 0));
    assert_eq!(late, Err(RejectReason::Stale));
    epoch.reject(&worker("a"), RejectReason::Stale);
    epoch.issue(Level::MAX).unwrap();
    let template = Arc::new(fixtures::template(0x1d00_ffff));
    assert!(matches!(epoch.add_job(template, b"", &fixtures::PAYOUT_SCRIPT), Err(JobError::Closed)));
    epoch.sync().unwrap();
    assert_eq!(std::fs::metadata(folder.path().join("7.journal")).unwrap().len(), size);
}

#[tokio::test]
async fn the_last_job_is_number_65535() {
    let folder = tempfile::tempdir().unwrap();
    let epoch = open(folder.path());
    epoch.book().next_job = JOBS_MAX - 1;
    assert!(!epoch.is_full());
    assert_eq!(job(&epoch).row.job, u16::MAX);
    assert!(epoch.is_full());
    let template = Arc::new(fixtures::template(0x1d00_ffff));
    assert!(matches!(epoch.add_job(template, b"", &fixtures::PAYOUT_SCRIPT), Err(JobError::Full)));
}
