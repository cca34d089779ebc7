use std::{fs, path::Path};

use audit_core::seal::seal;
use pool_core::{EpochStart, JobId, JournalError, PoolError, read_epoch};

use crate::test_pool::{NO_BLOCKS, TestPool, start_of};

/// What a killed process leaves: the files as they are now, and half a frame.
pub(crate) fn killed_copy(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("journal")).unwrap();
    for entry in fs::read_dir(folder.join("journal")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "journal") {
            bytes.extend([0, 0, 0, 25, 1, 2, 3, 4, 5, 0]);
        }
        fs::write(copy.path().join("journal").join(path.file_name().unwrap()), bytes).unwrap();
    }
    copy
}

#[tokio::test]
async fn a_killed_pool_loses_no_acknowledged_share_and_goes_on() {
    let pool = TestPool::start().await;
    let mut miner = pool.miner().await;
    let job = miner.job().await;
    let mut hashes = Vec::new();
    for extranonce2 in 0..5 {
        let share = miner.mine(&job, extranonce2, None);
        miner.submit_accepted(&share).await;
        hashes.push(share.hash);
    }
    let copy = killed_copy(pool.folder.path());
    pool.stop().await;

    let pool = TestPool::without_epoch(copy, NO_BLOCKS, |_| {}).await;
    pool.pool.open_epoch(start_of(1)).await.unwrap();
    let mut miner = pool.miner().await;
    assert!(u32::from_be_bytes(miner.extranonce1[..].try_into().unwrap()) >= 4_096);
    let job = miner.job().await;
    assert_eq!(job.id.parse::<JobId>().unwrap().job, 1);
    let share = miner.mine(&job, 0, None);
    miner.submit_accepted(&share).await;
    hashes.push(share.hash);
    let material = pool.pool.close_epoch(1).await.unwrap();
    let sessions: Vec<u32> = material.shares.iter().map(|share| share.session).collect();
    assert_eq!(sessions, [0, 0, 0, 0, 0, 1]);
    assert_eq!(seal(&material).unwrap().count, 6);
    assert_eq!(seal(&material).unwrap().close.best_hash.unwrap().to_string(), hashes.into_iter().min().unwrap());
    pool.stop().await;
}

#[tokio::test]
async fn closing_works_straight_after_a_restart_and_again() {
    let pool = TestPool::start().await;
    let mut miner = pool.miner().await;
    let job = miner.job().await;
    miner.submit_accepted(&miner.mine(&job, 0, None)).await;
    let copy = killed_copy(pool.folder.path());
    let expected = pool.pool.close_epoch(1).await.unwrap();
    pool.stop().await;
    let pool = TestPool::without_epoch(copy, NO_BLOCKS, |_| {}).await;
    assert_eq!(pool.pool.close_epoch(1).await.unwrap(), expected);
    assert_eq!(pool.pool.close_epoch(1).await.unwrap(), expected);
    let folder = pool.stop().await;
    assert_eq!(read_epoch(&folder.path().join("journal"), 1).unwrap(), expected);
}

#[tokio::test]
async fn epochs_go_forward_and_never_change() {
    let pool = TestPool::start().await;
    pool.pool.open_epoch(start_of(1)).await.unwrap();
    let other = EpochStart { tree_size: 99, ..start_of(1) };
    assert!(matches!(pool.pool.open_epoch(other).await, Err(PoolError::Journal(JournalError::Different(1)))));
    pool.pool.open_epoch(start_of(3)).await.unwrap();
    assert!(matches!(pool.pool.open_epoch(start_of(2)).await, Err(PoolError::Order { wanted: 2, open: 3 })));
    assert!(matches!(pool.pool.close_epoch(2).await, Err(PoolError::Journal(JournalError::NotOpened(2)))));
    pool.pool.close_epoch(3).await.unwrap();
    assert!(matches!(pool.pool.open_epoch(start_of(3)).await, Err(PoolError::Journal(JournalError::Closed(3)))));
    pool.stop().await;
}

#[tokio::test]
async fn a_stopped_pool_says_so() {
    let pool = TestPool::start().await;
    let mut miner = pool.miner().await;
    miner.job().await;
    let folder = pool.stop().await;
    assert_eq!(miner.message().await, None);
    assert!(matches!(read_epoch(&folder.path().join("journal"), 1), Err(JournalError::NotClosed(1))));
}
