//! The embedded chain behind an interface that misbehaves as it is told.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use audit_core::{hash::BlockHash, header::Header, work::Sats};
use pool_core::node::{BlockTemplate, ChainBlock, EmbeddedChain, Node, NodeError, Submitted, Tip};

/// How a node behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Good,
    /// Nothing can be asked.
    Down,
    /// Blocks are read and never answered.
    Hangs,
    /// Every block is refused for good.
    Refuses,
    /// It lacks the block before every block.
    OnAFork,
}

/// Clones are the same node.
#[derive(Debug, Clone)]
pub(crate) struct FakeNode {
    chain: Arc<EmbeddedChain>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    mood: Mood,
    offered: Vec<BlockHash>,
    preferred: Vec<BlockHash>,
}

impl FakeNode {
    pub(crate) fn new(chain: Arc<EmbeddedChain>, mood: Mood) -> Self {
        Self { chain, state: Arc::new(Mutex::new(State { mood, offered: Vec::new(), preferred: Vec::new() })) }
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    /// Blocks it was offered, in order, repetitions too.
    pub(crate) fn offered(&self) -> Vec<BlockHash> {
        self.state.lock().unwrap().offered.clone()
    }

    /// Blocks it was asked to prefer.
    pub(crate) fn preferred(&self) -> Vec<BlockHash> {
        self.state.lock().unwrap().preferred.clone()
    }

    fn mood(&self) -> Mood {
        self.state.lock().unwrap().mood
    }

    fn chain_if_up(&self) -> Result<&EmbeddedChain, NodeError> {
        let unreachable = || NodeError::Unreachable { node: "fake".into(), reason: "cable pulled".into() };
        if self.mood() == Mood::Down { Err(unreachable()) } else { Ok(&self.chain) }
    }
}

#[async_trait]
impl Node for FakeNode {
    fn name(&self) -> String {
        "fake".into()
    }
    async fn chain(&self) -> Result<String, NodeError> {
        self.chain_if_up()?.chain().await
    }
    async fn template(&self, longpoll: Option<&str>) -> Result<BlockTemplate, NodeError> {
        self.chain_if_up()?.template(longpoll).await
    }
    async fn submit_block(&self, block: &[u8]) -> Result<Submitted, NodeError> {
        let chain = self.chain_if_up()?;
        self.state.lock().unwrap().offered.push(BlockHash::of(&block[..80]));
        match self.mood() {
            Mood::Hangs => std::future::pending().await,
            Mood::Refuses => Ok(Submitted::Rejected("bad-test".into())),
            Mood::OnAFork => Ok(Submitted::NotYet("prev-blk-not-found".into())),
            Mood::Good | Mood::Down => chain.submit_block(block).await,
        }
    }
    async fn prefer_block(&self, hash: &BlockHash) -> Result<(), NodeError> {
        self.state.lock().unwrap().preferred.push(*hash);
        Ok(())
    }
    async fn tip(&self) -> Result<Tip, NodeError> {
        self.chain_if_up()?.tip().await
    }
    async fn block_hash_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        self.chain_if_up()?.block_hash_at(height).await
    }
    async fn header(&self, hash: &BlockHash) -> Result<Option<Header>, NodeError> {
        self.chain_if_up()?.header(hash).await
    }
    async fn block(&self, hash: &BlockHash) -> Result<Option<ChainBlock>, NodeError> {
        self.chain_if_up()?.block(hash).await
    }
    async fn broadcast(&self, transaction: &[u8]) -> Result<BlockHash, NodeError> {
        self.chain_if_up()?.broadcast(transaction).await
    }
    async fn fee_estimate(&self, blocks: u16) -> Result<Option<Sats>, NodeError> {
        self.chain_if_up()?.fee_estimate(blocks).await
    }
}
