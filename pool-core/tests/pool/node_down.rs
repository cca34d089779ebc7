use std::{fs, sync::Arc};

use pool_core::{PoolEvent, node::Node};

use crate::{
    fake_node::{FakeNode, Mood},
    test_pool::{ALL_BLOCKS, TestPool, start_of},
};

async fn pool_on(mood: Mood) -> (TestPool, FakeNode) {
    let mut fake = None;
    let make = |chain| Arc::new(fake.insert(FakeNode::new(chain, mood)).clone()) as Arc<dyn Node>;
    let pool = TestPool::on(tempfile::tempdir().unwrap(), ALL_BLOCKS, |_| {}, make).await;
    (pool, fake.unwrap())
}

#[tokio::test]
async fn the_pool_waits_for_a_node_that_is_down_and_says_so() {
    let (mut pool, node) = pool_on(Mood::Down).await;
    pool.pool.open_epoch(start_of(1)).await.unwrap();
    let mut miner = pool.miner().await;
    assert!(matches!(pool.events.recv().await, Some(PoolEvent::NodeDown { error }) if error.contains("cable")));
    node.set(Mood::Good);
    assert_eq!(pool.events.recv().await, Some(PoolEvent::NodeUp));
    miner.job().await;
    pool.stop().await;
}

#[tokio::test]
async fn a_block_found_while_the_node_is_down_is_saved_and_submitted_when_it_is_back() {
    let (mut pool, node) = pool_on(Mood::Good).await;
    pool.pool.open_epoch(start_of(1)).await.unwrap();
    let mut miner = pool.miner().await;
    let job = miner.clean_job().await;
    node.set(Mood::Down);
    miner.submit_accepted(&miner.mine_regtest_block(&job)).await;
    let Some(PoolEvent::BlockFound { hash, .. }) = pool.events.recv().await else { panic!() };
    assert!(fs::exists(pool.folder.path().join(format!("blocks/1-{hash}.block"))).unwrap());
    assert_eq!(pool.chain.tip().await.unwrap().height, 0);
    let empty = pool.chain.template(None).await.unwrap();
    node.set(Mood::Good);
    let template = pool.chain.template(Some(&empty.longpoll_id)).await.unwrap();
    assert_eq!(template.prevhash, hash);
    pool.stop().await;
}
