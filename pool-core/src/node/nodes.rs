//! Several nodes as one: questions go to the chosen node, and to the others when it does not answer.
//!
//! Out of scope: which node is chosen (`choice`), offering found blocks to each node at its own pace (`pool/blocks`).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use audit_core::{hash::BlockHash, header::Header, work::Sats};
use futures_util::future::{BoxFuture, join_all};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tracing::{error, info};

use super::{BlockTemplate, ChainBlock, Node, NodeError, Submitted, Tip, choice::Choice};

/// Nodes of one network, in the operator's order of preference. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Nodes(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    nodes: Vec<Arc<dyn Node>>,
    patience: Patience,
    choice: Mutex<Choice>,
    chosen: watch::Sender<usize>,
}

/// How long nodes are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From one look at each node to the next.
    pub probe: Duration,
    /// Within which a node must answer a look: far longer than it takes, shorter than a hanging connection.
    pub answer: Duration,
    /// How long a node may be behind another before templates come from the next. A block is everywhere in seconds.
    pub lag: Duration,
}

/// What is known of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its address, without credentials.
    pub name: String,
    /// Why it can't be used; `None` while it answers.
    pub error: Option<String>,
    /// Height of its best block; `None` before it answered.
    pub height: Option<u32>,
    /// Whether templates come from it.
    pub chosen: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Self { probe: Duration::from_secs(2), answer: Duration::from_secs(10), lag: Duration::from_secs(20) }
    }
}

impl Nodes {
    /// One or several nodes.
    ///
    /// # Errors
    /// [`NodeError::Config`] when there is none.
    pub fn new(nodes: Vec<Arc<dyn Node>>, patience: Patience) -> Result<Self, NodeError> {
        if nodes.is_empty() {
            return Err(NodeError::Config("name at least one node, as http://user:password@host:port".into()));
        }
        let choice = Mutex::new(Choice::new(nodes.len(), patience.lag));
        Ok(Self(Arc::new(Inner { nodes, patience, choice, chosen: watch::Sender::new(0) })))
    }

    /// What is known of each node, in the operator's order.
    pub fn status(&self) -> Vec<NodeStatus> {
        let (choice, chosen) = (self.choice(), *self.0.chosen.borrow());
        let nodes = self.0.nodes.iter().zip(&choice.nodes).enumerate();
        nodes
            .map(|(index, (node, health))| NodeStatus {
                name: node.name(),
                error: health.error.clone(),
                height: health.height,
                chosen: index == chosen,
            })
            .collect()
    }

    /// All nodes.
    pub(crate) fn all(&self) -> &[Arc<dyn Node>] {
        &self.0.nodes
    }

    /// The node that templates are to come from.
    pub(crate) fn chosen(&self) -> (usize, &dyn Node) {
        let index = *self.0.chosen.borrow();
        (index, &*self.0.nodes[index])
    }

    /// Returns when another node than this is chosen.
    pub(crate) async fn is_passed_over(&self, index: usize) {
        // The sender lives in `self`, so the wait can't fail.
        let _ = self.0.chosen.subscribe().wait_for(|chosen| *chosen != index).await;
    }

    /// Notes that a node gave no template; the next one is chosen until this one gives templates again.
    pub(crate) fn failed(&self, index: usize, error: &NodeError) {
        self.note_down(index, error.to_string());
    }

    /// Looks at every node, again and again. Never returns.
    pub(crate) async fn watch(&self) {
        join_all((0..self.0.nodes.len()).map(|index| self.watch_one(index))).await;
    }

    async fn watch_one(&self, index: usize) {
        loop {
            match timeout(self.0.patience.answer, self.look_at(index)).await {
                Ok(Ok(tip)) => self.note_up(index, tip.height),
                Ok(Err(error)) => self.note_down(index, error.to_string()),
                Err(_) => self.note_down(index, format!("no answer within {:?}", self.0.patience.answer)),
            }
            sleep(self.0.patience.probe).await;
        }
    }

    /// A node that was down must give a template again: one that only tells its tip may be syncing yet.
    async fn look_at(&self, index: usize) -> Result<Tip, NodeError> {
        let was_down = self.choice().nodes[index].error.is_some();
        if was_down {
            self.0.nodes[index].template(None).await?;
        }
        self.0.nodes[index].tip().await
    }

    fn note_up(&self, index: usize, height: u32) {
        let mut choice = self.choice();
        if choice.is_up(index, height, Instant::now()) {
            info!(node = self.0.nodes[index].name(), "node is back");
        }
        self.choose(&choice);
    }

    fn note_down(&self, index: usize, error: String) {
        let mut choice = self.choice();
        if choice.is_down(index, error.clone()) {
            error!(node = self.0.nodes[index].name(), error, "node is down");
        }
        self.choose(&choice);
    }

    fn choose(&self, choice: &Choice) {
        let best = choice.best(Instant::now());
        self.0.chosen.send_if_modified(|chosen| std::mem::replace(chosen, best) != best);
    }

    fn choice(&self) -> MutexGuard<'_, Choice> {
        self.0.choice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The chosen node, then the others.
    fn in_order(&self) -> impl Iterator<Item = &dyn Node> {
        let (chosen, first) = self.chosen();
        let others = self.0.nodes.iter().enumerate().filter(move |(index, _)| *index != chosen);
        std::iter::once(first).chain(others.map(|(_, node)| &**node))
    }

    /// The first answer; a refusal is an answer.
    async fn first<'a, T>(
        &'a self,
        ask: impl Fn(&'a dyn Node) -> BoxFuture<'a, Result<T, NodeError>>,
    ) -> Result<T, NodeError> {
        let mut last = NodeError::Config("no node".into());
        for node in self.in_order() {
            match ask(node).await {
                Err(error @ NodeError::Unreachable { .. }) => last = error,
                answer => return answer,
            }
        }
        Err(last)
    }

    /// What the first node knows of a block that knows it; `None` when every node was asked and none does.
    async fn first_known<'a, T>(
        &'a self,
        ask: impl Fn(&'a dyn Node) -> BoxFuture<'a, Result<Option<T>, NodeError>>,
    ) -> Result<Option<T>, NodeError> {
        let mut unreachable = None;
        for node in self.in_order() {
            match ask(node).await {
                Ok(None) => {}
                Err(error @ NodeError::Unreachable { .. }) => unreachable = Some(error),
                answer => return answer,
            }
        }
        unreachable.map_or(Ok(None), Err)
    }
}

#[async_trait]
impl Node for Nodes {
    fn name(&self) -> String {
        self.0.nodes.iter().map(|node| node.name()).collect::<Vec<_>>().join(", ")
    }

    async fn chain(&self) -> Result<String, NodeError> {
        self.first(|node| node.chain()).await
    }

    async fn template(&self, longpoll: Option<&str>) -> Result<BlockTemplate, NodeError> {
        self.first(|node| node.template(longpoll)).await
    }

    async fn submit_block(&self, block: &[u8]) -> Result<Submitted, NodeError> {
        self.first(|node| node.submit_block(block)).await
    }

    async fn prefer_block(&self, hash: &BlockHash) -> Result<(), NodeError> {
        self.first(|node| node.prefer_block(hash)).await
    }

    async fn tip(&self) -> Result<Tip, NodeError> {
        self.first(|node| node.tip()).await
    }

    async fn block_hash_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        self.first(|node| node.block_hash_at(height)).await
    }

    async fn header(&self, hash: &BlockHash) -> Result<Option<Header>, NodeError> {
        self.first_known(|node| node.header(hash)).await
    }

    async fn block(&self, hash: &BlockHash) -> Result<Option<ChainBlock>, NodeError> {
        self.first_known(|node| node.block(hash)).await
    }

    async fn raw_block(&self, hash: &BlockHash) -> Result<Option<Vec<u8>>, NodeError> {
        self.first_known(|node| node.raw_block(hash)).await
    }

    async fn mempool(&self) -> Result<Vec<BlockHash>, NodeError> {
        self.first(|node| node.mempool()).await
    }

    async fn mempool_transaction(&self, txid: &BlockHash) -> Result<Option<Vec<u8>>, NodeError> {
        self.first_known(|node| node.mempool_transaction(txid)).await
    }

    async fn broadcast(&self, transaction: &[u8]) -> Result<BlockHash, NodeError> {
        self.first(|node| node.broadcast(transaction)).await
    }

    async fn fee_estimate(&self, blocks: u16) -> Result<Option<Sats>, NodeError> {
        self.first(|node| node.fee_estimate(blocks)).await
    }
}
