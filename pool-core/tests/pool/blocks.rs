use std::{
    fs,
    path::{Path, PathBuf},
};

use audit_core::{hash::BlockHash, seal::seal};
use pool_core::{PoolEvent, node::Node};

use crate::{
    epochs::killed_copy,
    test_pool::{ALL_BLOCKS, TestPool, start_of},
};

/// How many jobs' transactions are on disk.
fn templates(folder: &Path) -> usize {
    let names = fs::read_dir(folder.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    names.filter(|path| path.extension().is_some_and(|extension| extension == "template")).count()
}

/// The file of a block of height 1 that the node took.
fn accepted(folder: &Path, hash: &BlockHash) -> PathBuf {
    folder.join(format!("blocks/1-{hash}.accepted"))
}

#[tokio::test]
async fn a_share_that_is_a_block_is_saved_submitted_and_evidence() {
    let mut pool = TestPool::with(ALL_BLOCKS, |_| {}).await;
    let mut miner = pool.miner().await;
    let job = miner.clean_job().await;
    let share = miner.mine_regtest_block(&job);
    miner.submit_accepted(&share).await;
    let Some(PoolEvent::BlockFound { epoch, hash, height }) = pool.events.recv().await else { panic!() };
    assert_eq!((epoch, hash.to_string(), height), (1, share.hash.clone(), 1));
    miner.clean_job().await;
    assert_eq!(pool.chain.block_hash_at(1).await.unwrap(), Some(hash));
    assert_eq!(pool.pool.stats().blocks_found, 1);
    // The miner may read its job before every thread has said that it has written it.
    while pool.pool.stats().notify.jobs == 0 {
        tokio::task::yield_now().await;
    }
    let notify = pool.pool.stats().notify;
    assert!(notify.sessions >= 1 && notify.first <= notify.last, "{notify:?}");
    let sealed = seal(&pool.pool.close_epoch(1).await.unwrap()).unwrap();
    assert_eq!(sealed.blocks.len(), 1);
    assert_eq!(sealed.blocks[0].hash, hash);
    let folder = pool.stop().await;
    let names: Vec<_> =
        fs::read_dir(folder.path().join("blocks")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names.len(), 1);
    assert!(names[0].to_str().unwrap().contains(&share.hash));
}

#[tokio::test]
async fn a_saved_block_is_submitted_at_the_next_start() {
    let pool = TestPool::with(ALL_BLOCKS, |_| {}).await;
    let mut miner = pool.miner().await;
    let job = miner.clean_job().await;
    miner.submit_accepted(&miner.mine_regtest_block(&job)).await;
    miner.clean_job().await;
    let tip = pool.chain.tip().await.unwrap();
    let folder = pool.stop().await;
    // As if the pool had been killed between saving and submitting: an empty chain, a block that waits.
    fs::remove_dir_all(folder.path().join("chain")).unwrap();
    for entry in fs::read_dir(folder.path().join("blocks")).unwrap() {
        let path = entry.unwrap().path();
        fs::rename(&path, path.with_extension("block")).unwrap();
    }
    let pool = TestPool::without_epoch(folder, ALL_BLOCKS, |_| {}).await;
    let empty = "0";
    let next = pool.chain.template(Some(empty)).await.unwrap();
    let next = if next.height == 1 { pool.chain.template(Some(&next.longpoll_id)).await.unwrap() } else { next };
    assert_eq!(next.prevhash, tip.hash);
    pool.stop().await;
}

#[tokio::test]
async fn a_block_that_a_kill_kept_from_being_saved_is_rebuilt_and_submitted_at_the_next_start() {
    let mut pool = TestPool::with(ALL_BLOCKS, |_| {}).await;
    let mut miner = pool.miner().await;
    let job = miner.clean_job().await;
    miner.submit_accepted(&miner.mine_regtest_block(&job)).await;
    // Journal and templates as they are, no block on disk, and the chain as it was before.
    let killed = killed_copy(pool.folder.path());
    let Some(found @ PoolEvent::BlockFound { hash, .. }) = pool.events.recv().await else { panic!() };
    miner.clean_job().await;
    let folder = pool.stop().await;
    let expected = fs::read(accepted(folder.path(), &hash)).unwrap();
    assert_eq!(templates(folder.path()), 0);
    assert!(templates(killed.path()) > 0);

    let mut pool = TestPool::without_epoch(killed, ALL_BLOCKS, |_| {}).await;
    assert_eq!(pool.events.recv().await, Some(found));
    pool.pool.open_epoch(start_of(1)).await.unwrap();
    let mut miner = pool.miner().await;
    miner.clean_job().await;
    assert_eq!(pool.chain.tip().await.unwrap().hash, hash);
    let folder = pool.stop().await;
    assert_eq!(fs::read(accepted(folder.path(), &hash)).unwrap(), expected);
    assert_eq!(templates(folder.path()), 0);
}
