//! A chain of its own inside the process: for the demo and for fast tests.
//!
//! It validates what it is given: proof of work, previous hash, time, BIP 34 height, merkle root, witness commitment and
//! the coinbase's value. Its blocks hold a coinbase and nothing else; it knows neither reorganisations nor a mempool.
//! Trusted: whoever can change its file can change its history.

mod store;
mod validate;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use audit_core::{
    hash::{BlockHash, sha256d},
    header::Header,
    work::{Nbits, Sats},
};
use bitcoin::hashes::Hash;
use tokio::sync::watch;

use self::{
    store::BlockFile,
    validate::{Expected, check},
};
use super::{BlockTemplate, ChainBlock, Node, NodeError, Submitted, Tip, chain_block::without_witness};
use crate::clock::unix_seconds;

/// Blocks per halving, as on the main chain.
const HALVING: u32 = 210_000;
/// First subsidy: 50 bitcoin.
const SUBSIDY: u64 = 5_000_000_000;
/// Median time past looks at this many headers (Bitcoin Core `chain.h`).
const MEDIAN_SPAN: usize = 11;
/// Version-bits prefix 001 (BIP 9).
const VERSION: u32 = 0x2000_0000;

/// What is fixed about a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedConfig {
    /// The network target of every block.
    pub nbits: Nbits,
}

/// The chain. Every block is appended to one file and synced before [`Node::submit_block`] says so.
#[derive(Debug)]
pub struct EmbeddedChain {
    config: EmbeddedConfig,
    chain: Arc<Mutex<Chain>>,
    best: watch::Sender<BlockHash>,
}

#[derive(Debug)]
struct Chain {
    /// By height; a coinbase is all that a block holds.
    blocks: Vec<ChainBlock>,
    hashes: Vec<BlockHash>,
    file: BlockFile,
}

impl EmbeddedChain {
    /// Opens or starts the chain in `folder`. Reads the whole file: call it at start-up.
    ///
    /// # Errors
    /// The file can't be read or written, is damaged, or belongs to a chain with another target.
    pub fn open(folder: &Path, config: EmbeddedConfig) -> Result<Self, NodeError> {
        if config.nbits.target().is_none() {
            return Err(NodeError::Config(format!("nbits {} is no target", config.nbits)));
        }
        let (file, blocks) = BlockFile::open(folder, config.nbits)?;
        let genesis = genesis(config);
        let mut chain = Chain { hashes: vec![genesis.header.hash()], blocks: vec![genesis], file };
        for block in &blocks {
            chain.extend(ChainBlock::of_bytes(block).map_err(std::io::Error::other)?);
        }
        let best = watch::Sender::new(chain.tip().hash);
        Ok(Self { config, chain: Arc::new(Mutex::new(chain)), best })
    }

    fn make_template(&self) -> BlockTemplate {
        let chain = lock(&self.chain);
        let Tip { height, hash, .. } = chain.tip();
        let mintime = chain.median_time().saturating_add(1);
        BlockTemplate {
            version: VERSION,
            prevhash: hash,
            nbits: self.config.nbits,
            curtime: unix_seconds().max(mintime),
            mintime,
            height: height + 1,
            coinbase_value: subsidy(height + 1),
            // The coinbase stands for 32 zero bytes in the witness tree, and the reserved value is 32 zero bytes.
            witness_commitment: Some(sha256d(&[0; 64])),
            transactions: Vec::new(),
            longpoll_id: hash.to_string(),
        }
    }
}

#[async_trait]
impl Node for EmbeddedChain {
    fn name(&self) -> String {
        "embedded".into()
    }

    async fn chain(&self) -> Result<String, NodeError> {
        Ok("regtest".into())
    }

    async fn template(&self, longpoll: Option<&str>) -> Result<BlockTemplate, NodeError> {
        if let Some(id) = longpoll {
            // The sender lives in `self`, so the wait can't fail.
            let _ = self.best.subscribe().wait_for(|best| best.to_string() != id).await;
        }
        Ok(self.make_template())
    }

    async fn submit_block(&self, block: &[u8]) -> Result<Submitted, NodeError> {
        let (chain, config, block) = (self.chain.clone(), self.config, block.to_vec());
        let append = move || lock(&chain).accept(config, &block);
        let submitted = tokio::task::spawn_blocking(append).await.map_err(std::io::Error::other)??;
        let tip = lock(&self.chain).tip().hash;
        self.best.send_if_modified(|best| std::mem::replace(best, tip) != tip);
        Ok(submitted)
    }

    async fn tip(&self) -> Result<Tip, NodeError> {
        Ok(lock(&self.chain).tip())
    }

    async fn block_hash_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        Ok(lock(&self.chain).hashes.get(height as usize).copied())
    }

    async fn header(&self, hash: &BlockHash) -> Result<Option<Header>, NodeError> {
        Ok(lock(&self.chain).block(hash).map(|block| block.header))
    }

    async fn block(&self, hash: &BlockHash) -> Result<Option<ChainBlock>, NodeError> {
        Ok(lock(&self.chain).block(hash).cloned())
    }

    async fn broadcast(&self, _transaction: &[u8]) -> Result<BlockHash, NodeError> {
        Err(NodeError::Unsupported("the embedded chain carries no transactions but coinbases"))
    }

    async fn fee_estimate(&self, _blocks: u16) -> Result<Option<Sats>, NodeError> {
        Ok(None)
    }
}

impl Chain {
    fn tip(&self) -> Tip {
        let last = self.blocks.len() - 1;
        Tip { height: last as u32, hash: self.hashes[last], time: self.blocks[last].header.ntime }
    }

    fn block(&self, hash: &BlockHash) -> Option<&ChainBlock> {
        let height = self.hashes.iter().rposition(|known| known == hash)?;
        self.blocks.get(height)
    }

    /// Bitcoin's median time past: the middle of the last 11 header times.
    fn median_time(&self) -> u32 {
        let mut times: Vec<u32> = self.blocks.iter().rev().take(MEDIAN_SPAN).map(|block| block.header.ntime).collect();
        times.sort_unstable();
        times[times.len() / 2]
    }

    fn accept(&mut self, config: EmbeddedConfig, block: &[u8]) -> Result<Submitted, NodeError> {
        let tip = self.tip();
        if let Some(header) = block.first_chunk::<80>() {
            if self.hashes.contains(&BlockHash::of(header)) {
                return Ok(Submitted::Accepted);
            }
            if !self.hashes.contains(&Header::from_bytes(header).prevhash) {
                return Ok(Submitted::NotYet("prev-blk-not-found".into()));
            }
        }
        let expected = Expected {
            prevhash: tip.hash,
            height: tip.height + 1,
            nbits: config.nbits,
            after: self.median_time(),
            now: unix_seconds(),
            value: subsidy(tip.height + 1),
        };
        match check(block, &expected) {
            Err(reason) => Ok(Submitted::Rejected(reason.into())),
            Ok(accepted) => {
                self.file.append(block)?;
                self.extend(accepted);
                Ok(Submitted::Accepted)
            }
        }
    }

    fn extend(&mut self, block: ChainBlock) {
        self.hashes.push(block.header.hash());
        self.blocks.push(block);
    }
}

fn lock(chain: &Mutex<Chain>) -> MutexGuard<'_, Chain> {
    chain.lock().unwrap_or_else(PoisonError::into_inner)
}

fn subsidy(height: u32) -> Sats {
    Sats::new(SUBSIDY.checked_shr(height / HALVING).unwrap_or(0)).unwrap_or_default()
}

/// Regtest's genesis block with the chain's own target: nobody mined it.
fn genesis(config: EmbeddedConfig) -> ChainBlock {
    let genesis = bitcoin::constants::genesis_block(bitcoin::Network::Regtest);
    let header = Header {
        version: 1,
        prevhash: BlockHash::default(),
        merkle_root: genesis.header.merkle_root.to_byte_array(),
        ntime: genesis.header.time,
        nbits: config.nbits,
        nonce: genesis.header.nonce,
    };
    ChainBlock { header, coinbase: without_witness(&genesis.txdata[0]), branch: Vec::new() }
}

#[cfg(test)]
mod tests;
