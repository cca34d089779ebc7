//! The node: where templates come from and blocks go to.
//!
//! Two implementations, [`CoreNode`] (Bitcoin Core by RPC) and [`EmbeddedChain`] (in-process); [`Nodes`] makes one of
//! several. Trusted: a node can withhold tips or feed templates that are no valid blocks; it cannot fake work.

mod chain_block;
mod choice;
mod core;
mod embedded;
mod nodes;

use std::fmt;

use async_trait::async_trait;
use audit_core::{
    hash::BlockHash,
    header::Header,
    work::{Nbits, Sats},
};
use thiserror::Error;

pub use self::{
    chain_block::ChainBlock,
    core::{CoreEndpoint, CoreNode},
    embedded::{EmbeddedChain, EmbeddedConfig},
    nodes::{NodeStatus, Nodes, Patience},
};

/// What the pool asks of a node. Every call may be dropped half-way: none leaves state behind.
#[async_trait]
pub trait Node: Send + Sync + fmt::Debug {
    /// What the operator knows it by: its address, without credentials.
    fn name(&self) -> String;

    /// The chain's name as Bitcoin Core writes it: `main`, `test`, `testnet4`, `signet` or `regtest`.
    async fn chain(&self) -> Result<String, NodeError>;

    /// A template for the next block. With the id of an earlier template it returns when there is something newer
    /// (BIP 22 long poll), which may take as long as the network needs for a block.
    async fn template(&self, longpoll: Option<&str>) -> Result<BlockTemplate, NodeError>;

    /// Hands in a whole block (BIP 144 serialisation). Handing in the same block again is [`Submitted::Accepted`].
    async fn submit_block(&self, block: &[u8]) -> Result<Submitted, NodeError>;

    /// Asks the node to build on this block rather than on others of the same height that it knew before
    /// (`preciousblock`). A node that knows one chain only has nothing to prefer.
    async fn prefer_block(&self, _hash: &BlockHash) -> Result<(), NodeError> {
        Ok(())
    }

    /// The best block.
    async fn tip(&self) -> Result<Tip, NodeError>;

    /// Hash of the block at `height` on the best chain; `None` above the tip.
    async fn block_hash_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError>;

    /// The header of a block that the node knows, on the best chain or not; `None` when it knows no such block.
    async fn header(&self, hash: &BlockHash) -> Result<Option<Header>, NodeError>;

    /// The block's header, coinbase and branch; `None` when the node knows no such block. Of blocks off the best chain a
    /// node may have the header only, which is an error here.
    async fn block(&self, hash: &BlockHash) -> Result<Option<ChainBlock>, NodeError>;

    /// A whole block (BIP 144 serialisation); `None` when the node does not know it.
    async fn raw_block(&self, _hash: &BlockHash) -> Result<Option<Vec<u8>>, NodeError> {
        Err(NodeError::Unsupported("this node gives no whole blocks"))
    }

    /// Txids of the transactions that wait for a block.
    async fn mempool(&self) -> Result<Vec<BlockHash>, NodeError> {
        Err(NodeError::Unsupported("this node tells nothing of its mempool"))
    }

    /// A transaction that waits for a block, with its witness; `None` when it does not wait (any more).
    async fn mempool_transaction(&self, _txid: &BlockHash) -> Result<Option<Vec<u8>>, NodeError> {
        Err(NodeError::Unsupported("this node tells nothing of its mempool"))
    }

    /// Hands a raw transaction to the network, returns its txid. A transaction that the node has already, waiting or
    /// confirmed, is handed in with success.
    async fn broadcast(&self, transaction: &[u8]) -> Result<BlockHash, NodeError>;

    /// Fee rate in sats per 1,000 virtual bytes for confirmation within `blocks`; `None` when the node can't tell.
    async fn fee_estimate(&self, blocks: u16) -> Result<Option<Sats>, NodeError>;
}

/// What a block is to be made of (`getblocktemplate`, BIP 22/23/145).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockTemplate {
    /// Header version.
    pub version: u32,
    /// Previous block.
    pub prevhash: BlockHash,
    /// Network target.
    pub nbits: Nbits,
    /// The node's time, seconds since 1970.
    pub curtime: u32,
    /// Earliest time the block may carry.
    pub mintime: u32,
    /// Height of the block.
    pub height: u32,
    /// Subsidy and fees.
    pub coinbase_value: Sats,
    /// BIP 141 commitment hash of the default commitment output.
    pub witness_commitment: Option<[u8; 32]>,
    /// The transactions behind the coinbase, in order.
    pub transactions: TemplateTransactions,
    /// What to ask the next template with.
    pub longpoll_id: String,
}

/// The transactions of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateTransactions {
    /// Their txids.
    pub txids: Vec<BlockHash>,
    /// Their serialisations with witness, one behind the other as a block has them.
    pub data: Vec<u8>,
}

/// The best block of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Height; the genesis block has 0.
    pub height: u32,
    /// Header hash.
    pub hash: BlockHash,
    /// Header time, seconds since 1970.
    pub time: u32,
}

/// What a node says to a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// Taken, now or before.
    Accepted,
    /// Refused for good; the reason as BIP 22 names it.
    Rejected(String),
    /// Refused for now: the node lacks the block before it, or its clock is behind. Worth another try.
    NotYet(String),
}

/// Why a node gave no answer to go on with.
#[derive(Debug, Error)]
pub enum NodeError {
    /// No connection, a time-out, or an HTTP error.
    #[error("node {node} can't be reached: {reason}")]
    Unreachable {
        /// Which node, without credentials.
        node: String,
        /// What went wrong.
        reason: String,
    },
    /// The node refused the call.
    #[error("node refused {method}: {message} (code {code})")]
    Refused {
        /// RPC method.
        method: &'static str,
        /// Bitcoin Core's error code.
        code: i64,
        /// Its text.
        message: String,
    },
    /// The answer is not what the method promises.
    #[error("node answered {method} with something else: {reason}")]
    Malformed {
        /// RPC method.
        method: &'static str,
        /// What was expected.
        reason: String,
    },
    /// This node can't do that.
    #[error("{0}")]
    Unsupported(&'static str),
    /// The embedded chain's own file.
    #[error("block file of the embedded chain: {0}")]
    Storage(#[from] std::io::Error),
    /// The configuration makes no node.
    #[error("node configuration: {0}")]
    Config(String),
}
