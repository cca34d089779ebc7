use std::fs;

use audit_core::seal::seal;
use pool_core::{PoolEvent, node::Node};

use crate::test_pool::{ALL_BLOCKS, TestPool};

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
