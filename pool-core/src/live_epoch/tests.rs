use std::path::Path;

use super::*;
use crate::stratum::request::Login;
use crate::{
    fixtures, journal,
    session::{Submission, judge},
};

fn open(folder: &Path) -> LiveEpoch {
    let (file, replay) = journal::open(folder, &fixtures::start(7)).unwrap();
    let (writer, task) = JournalWriter::new(file);
    tokio::spawn(task);
    LiveEpoch::new(fixtures::start(7), writer, replay.as_ref())
}

async fn job(epoch: &LiveEpoch) -> Arc<LiveJob> {
    epoch.issue(Level::MIN).await.unwrap();
    let template = Arc::new(fixtures::template(0x1d00_ffff));
    epoch.add_job(template, b"", &fixtures::PAYOUT_SCRIPT).await.unwrap()
}

fn worker(name: &str) -> Worker {
    Worker::new(&Login::new(name, "x"), &[0; 32]).unwrap()
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
    let job = job(&epoch).await;
    for (extranonce1, name) in [([9; 4], "b"), ([1; 4], "a"), ([9; 4], "a"), ([1; 4], "a")] {
        let shares = epoch.book().hashes.len() as u32;
        epoch.accept(extranonce1, &worker(name), &share(&job, extranonce1, shares * 10)).await.unwrap().unwrap();
    }
    epoch.close().await.unwrap();
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
    let before = job(&epoch).await;
    let taken = share(&before, [1; 4], 0);
    epoch.accept([1; 4], &worker("a"), &taken).await.unwrap().unwrap();
    // Nothing is closed or synced: the file is what a killed process leaves.
    let epoch = open(folder.path());
    let again = epoch.accept([1; 4], &worker("a"), &taken).await.unwrap();
    assert_eq!(again, Err(RejectReason::Duplicate));
    let after = job(&epoch).await;
    assert_eq!(after.row.job, before.row.job + 1);
    epoch.accept([1; 4], &worker("a"), &share(&after, [1; 4], 0)).await.unwrap().unwrap();
    epoch.accept([2; 4], &worker("a"), &share(&after, [2; 4], 0)).await.unwrap().unwrap();
    epoch.close().await.unwrap();
    let material = journal::read_epoch(folder.path(), 7).unwrap();
    assert_eq!(
        material.shares.iter().map(|share| (share.job, share.session)).collect::<Vec<_>>(),
        [(0, 0), (1, 0), (1, 1)]
    );
    audit_core::seal::seal(&material).unwrap();
}

#[tokio::test]
async fn a_closed_epoch_takes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let epoch = open(folder.path());
    let job = job(&epoch).await;
    epoch.close().await.unwrap();
    epoch.close().await.unwrap();
    let size = std::fs::metadata(folder.path().join("7.journal")).unwrap().len();
    let late = epoch.accept([1; 4], &worker("a"), &share(&job, [1; 4], 0)).await.unwrap();
    assert_eq!(late, Err(RejectReason::Stale));
    epoch.reject(&worker("a"), RejectReason::Stale).await.unwrap();
    epoch.issue(Level::MAX).await.unwrap();
    let template = Arc::new(fixtures::template(0x1d00_ffff));
    assert!(matches!(epoch.add_job(template, b"", &fixtures::PAYOUT_SCRIPT).await, Err(JobError::Closed)));
    epoch.sync().await.unwrap();
    assert_eq!(std::fs::metadata(folder.path().join("7.journal")).unwrap().len(), size);
}

#[tokio::test]
async fn the_last_job_is_number_65535() {
    let folder = tempfile::tempdir().unwrap();
    let epoch = open(folder.path());
    epoch.book().next_job = JOBS_MAX - 1;
    assert!(!epoch.is_full());
    assert_eq!(job(&epoch).await.row.job, u16::MAX);
    assert!(epoch.is_full());
    let template = Arc::new(fixtures::template(0x1d00_ffff));
    assert!(matches!(epoch.add_job(template, b"", &fixtures::PAYOUT_SCRIPT).await, Err(JobError::Full)));
}
