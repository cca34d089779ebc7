use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use audit_core::{hash::BlockHash, header::Header, work::Sats};
use pool_core::{
    PoolEvent,
    node::{BlockTemplate, ChainBlock, EmbeddedChain, Node, NodeError, Submitted, Tip},
};

use crate::test_pool::{ALL_BLOCKS, TestPool, start_of};

/// The embedded chain behind a cable that can be pulled.
#[derive(Debug)]
struct Cable {
    chain: Arc<EmbeddedChain>,
    pulled: AtomicBool,
}

impl Cable {
    fn node(&self) -> Result<&EmbeddedChain, NodeError> {
        let unreachable = || NodeError::Unreachable { node: "test".into(), reason: "cable pulled".into() };
        if self.pulled.load(Ordering::SeqCst) { Err(unreachable()) } else { Ok(&self.chain) }
    }
}

#[async_trait]
impl Node for Cable {
    async fn chain(&self) -> Result<String, NodeError> {
        self.node()?.chain().await
    }
    async fn template(&self, longpoll: Option<&str>) -> Result<BlockTemplate, NodeError> {
        self.node()?.template(longpoll).await
    }
    async fn submit_block(&self, block: &[u8]) -> Result<Submitted, NodeError> {
        self.node()?.submit_block(block).await
    }
    async fn tip(&self) -> Result<Tip, NodeError> {
        self.node()?.tip().await
    }
    async fn block_hash_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        self.node()?.block_hash_at(height).await
    }
    async fn header(&self, hash: &BlockHash) -> Result<Option<Header>, NodeError> {
        self.node()?.header(hash).await
    }
    async fn block(&self, hash: &BlockHash) -> Result<Option<ChainBlock>, NodeError> {
        self.node()?.block(hash).await
    }
    async fn broadcast(&self, transaction: &[u8]) -> Result<BlockHash, NodeError> {
        self.node()?.broadcast(transaction).await
    }
    async fn fee_estimate(&self, blocks: u16) -> Result<Option<Sats>, NodeError> {
        self.node()?.fee_estimate(blocks).await
    }
}

async fn pool_behind_cable(pulled: bool) -> (TestPool, Arc<Cable>) {
    let folder = tempfile::tempdir().unwrap();
    let mut cable = None;
    let pool = TestPool::on(
        folder,
        ALL_BLOCKS,
        |_| {},
        |chain| {
            let node = Arc::new(Cable { chain, pulled: AtomicBool::new(pulled) });
            cable = Some(node.clone());
            node
        },
    )
    .await;
    (pool, cable.unwrap())
}

#[tokio::test]
async fn the_pool_waits_for_a_node_that_is_down_and_says_so() {
    let (mut pool, cable) = pool_behind_cable(true).await;
    pool.pool.open_epoch(start_of(1)).await.unwrap();
    let mut miner = pool.miner().await;
    assert!(matches!(pool.events.recv().await, Some(PoolEvent::NodeDown { error }) if error.contains("cable")));
    cable.pulled.store(false, Ordering::SeqCst);
    assert_eq!(pool.events.recv().await, Some(PoolEvent::NodeUp));
    miner.job().await;
    pool.stop().await;
}

#[tokio::test]
async fn a_block_found_while_the_node_is_down_is_saved_and_submitted_when_it_is_back() {
    let (mut pool, cable) = pool_behind_cable(false).await;
    pool.pool.open_epoch(start_of(1)).await.unwrap();
    let mut miner = pool.miner().await;
    let job = miner.clean_job().await;
    cable.pulled.store(true, Ordering::SeqCst);
    miner.submit_accepted(&miner.mine_regtest_block(&job)).await;
    let Some(PoolEvent::BlockFound { hash, .. }) = pool.events.recv().await else { panic!() };
    assert!(fs::exists(pool.folder.path().join(format!("blocks/1-{hash}.block"))).unwrap());
    assert_eq!(pool.chain.tip().await.unwrap().height, 0);
    cable.pulled.store(false, Ordering::SeqCst);
    let template = pool.chain.template(Some(&pool.chain.tip().await.unwrap().hash.to_string())).await.unwrap();
    assert_eq!(template.prevhash, hash);
    pool.stop().await;
}
