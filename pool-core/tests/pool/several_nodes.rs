use std::{path::Path, sync::Arc, time::Duration};

use audit_core::{hash::BlockHash, work::Nbits};
use pool_core::{
    PoolEvent,
    node::{EmbeddedChain, EmbeddedConfig, Node},
};

use crate::{
    client::Client,
    fake_node::{FakeNode, Mood},
    test_pool::{ALL_BLOCKS, TestPool, start_of},
};

/// A pool on two nodes, each with a chain of its own; epoch 1 is open.
struct Pair {
    pool: TestPool,
    first: FakeNode,
    second: FakeNode,
}

impl Pair {
    async fn start(first: Mood, second: Mood) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let other = Arc::new(chain(&folder.path().join("other chain")));
        let mut pair = None;
        let make = |chain| {
            let nodes = pair.insert([FakeNode::new(chain, first), FakeNode::new(other, second)]);
            nodes.iter().map(|node| Arc::new(node.clone()) as Arc<dyn Node>).collect()
        };
        let pool = TestPool::on_several(folder, ALL_BLOCKS, |_| {}, make).await;
        pool.pool.open_epoch(start_of(1)).await.unwrap();
        let [first, second] = pair.unwrap();
        Self { pool, first, second }
    }

    /// Mines a block on the miner's next clean job, returns its hash.
    async fn find_block(&mut self, miner: &mut Client) -> BlockHash {
        let job = miner.clean_job().await;
        miner.submit_accepted(&miner.mine_regtest_block(&job)).await;
        loop {
            match self.pool.events.recv().await.unwrap() {
                PoolEvent::BlockFound { hash, .. } => return hash,
                _ => continue,
            }
        }
    }

    fn chosen(&self) -> Option<usize> {
        self.pool.pool.stats().nodes.iter().position(|node| node.chosen)
    }

    /// Whether the block's file says this of it.
    fn is_marked(&self, hash: &BlockHash, fate: &str) -> bool {
        self.pool.folder.path().join(format!("blocks/1-{hash}.{fate}")).exists()
    }
}

fn chain(folder: &Path) -> EmbeddedChain {
    EmbeddedChain::open(folder, EmbeddedConfig { nbits: Nbits::new(ALL_BLOCKS), endowment: None }).unwrap()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..3_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited for {what}");
}

#[tokio::test]
async fn every_node_gets_the_block_and_is_asked_to_prefer_it() {
    let mut pair = Pair::start(Mood::Good, Mood::Good).await;
    let mut miner = pair.pool.miner().await;
    let hash = pair.find_block(&mut miner).await;
    until("both nodes", async || pair.first.preferred() == [hash] && pair.second.preferred() == [hash]).await;
    assert_eq!((pair.first.tip().await.unwrap().hash, pair.second.tip().await.unwrap().hash), (hash, hash));
    until("the fate", async || pair.is_marked(&hash, "accepted")).await;
    assert_eq!((pair.first.offered().len(), pair.second.offered().len()), (1, 1));
    pair.pool.stop().await;
}

#[tokio::test]
async fn a_node_that_hangs_or_is_down_or_refuses_holds_up_no_other() {
    for mood in [Mood::Hangs, Mood::Down, Mood::Refuses, Mood::OnAFork] {
        let mut pair = Pair::start(Mood::Good, Mood::Good).await;
        let mut miner = pair.pool.miner().await;
        pair.first.set(mood);
        let hash = pair.find_block(&mut miner).await;
        until("the fate", async || pair.is_marked(&hash, "accepted")).await;
        assert_eq!(pair.second.tip().await.unwrap().hash, hash, "{mood:?}");
        assert_eq!(pair.first.tip().await.map_or(0, |tip| tip.height), 0, "{mood:?}");
        let blocks = pair.pool.pool.stats().blocks;
        assert_eq!((blocks.accepted, blocks.rejected, blocks.waiting), (1, 0, 0), "{mood:?}");
        pair.pool.stop().await;
    }
}

#[tokio::test]
async fn a_block_is_rejected_only_when_every_node_refused_it() {
    let mut pair = Pair::start(Mood::Refuses, Mood::Down).await;
    let mut miner = pair.pool.miner().await;
    let hash = pair.find_block(&mut miner).await;
    until("the first node's refusal", async || pair.first.offered() == [hash]).await;
    assert_eq!(pair.pool.pool.stats().blocks.waiting, 1);
    pair.second.set(Mood::Refuses);
    until("the fate", async || pair.is_marked(&hash, "rejected")).await;
    assert_eq!(pair.pool.pool.stats().blocks.rejected, 1);
    pair.pool.stop().await;
}

#[tokio::test]
async fn a_node_on_a_fork_is_offered_the_block_again_when_it_has_caught_up() {
    let mut pair = Pair::start(Mood::OnAFork, Mood::OnAFork).await;
    let mut miner = pair.pool.miner().await;
    let hash = pair.find_block(&mut miner).await;
    until("offers", async || !pair.first.offered().is_empty() && !pair.second.offered().is_empty()).await;
    assert!(pair.is_marked(&hash, "block"));
    pair.second.set(Mood::Good);
    until("the fate", async || pair.is_marked(&hash, "accepted")).await;
    pair.first.set(Mood::Good);
    until("the first node", async || pair.first.tip().await.unwrap().hash == hash).await;
    pair.pool.stop().await;
}

#[tokio::test]
async fn templates_come_from_the_next_node_while_one_is_down_and_mining_goes_on() {
    let mut pair = Pair::start(Mood::Good, Mood::Good).await;
    let mut miner = pair.pool.miner().await;
    assert_eq!(pair.chosen(), Some(0));
    pair.first.set(Mood::Down);
    until("the second node", async || pair.chosen() == Some(1)).await;
    let hash = pair.find_block(&mut miner).await;
    miner.clean_job().await;
    assert_eq!(pair.second.tip().await.unwrap().hash, hash);
    pair.first.set(Mood::Good);
    until("the first node", async || pair.chosen() == Some(0)).await;
    pair.pool.stop().await;
}

#[tokio::test]
async fn a_node_that_lags_behind_is_passed_over() {
    let mut pair = Pair::start(Mood::OnAFork, Mood::Good).await;
    let mut miner = pair.pool.miner().await;
    let hash = pair.find_block(&mut miner).await;
    until("the second node", async || pair.chosen() == Some(1)).await;
    let job = miner.clean_job().await;
    miner.submit_accepted(&miner.mine_regtest_block(&job)).await;
    until("the next block", async || pair.second.tip().await.unwrap().height == 2).await;
    assert_eq!(pair.second.block_hash_at(1).await.unwrap(), Some(hash));
    pair.pool.stop().await;
}

#[tokio::test]
async fn nodes_without_an_answer_are_told_with_the_reason() {
    let pair = Pair::start(Mood::Good, Mood::Down).await;
    let status = || pair.pool.pool.stats().nodes;
    until("the look at the second node", async || status()[1].error.is_some()).await;
    assert_eq!(status()[0].error, None);
    assert!(status()[1].error.as_ref().unwrap().contains("cable pulled"));
    pair.second.set(Mood::Good);
    until("the second node", async || status()[1].error.is_none()).await;
    pair.pool.stop().await;
}
