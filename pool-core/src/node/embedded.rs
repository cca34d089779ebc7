//! A chain of its own inside the process: for the demo and for fast tests.
//!
//! It validates what it is given: of blocks proof of work, previous hash, time, BIP 34 height, merkle root, witness
//! commitment and the coinbase's value; of transactions that their inputs are there, mature, unspent and signed
//! ([`transaction`]). It knows no reorganisations and does not count signature operations.
//! Trusted: whoever can change its files can change its history.

mod coins;
mod mempool;
mod store;
mod transaction;
mod validate;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use audit_core::{
    chain::Network,
    hash::{BlockHash, sha256d},
    header::Header,
    work::{Nbits, Sats},
};
use bitcoin::{
    Amount, Block, OutPoint, ScriptBuf, Transaction, TxOut, Txid, Wtxid,
    consensus::encode::{deserialize, serialize},
    hashes::Hash,
    merkle_tree,
    secp256k1::{Secp256k1, VerifyOnly},
};
use tokio::sync::watch;

use self::{
    coins::{Coin, Coins},
    mempool::Mempool,
    store::{BlockFile, MempoolFile},
    transaction::Place,
    validate::{Expected, check},
};
use super::{
    BlockTemplate, ChainBlock, Node, NodeError, Submitted, TemplateTransactions, Tip, chain_block::without_witness,
};
use crate::clock::unix_seconds;

/// Median time past looks at this many headers (Bitcoin Core `chain.h`).
const MEDIAN_SPAN: usize = 11;
/// Version-bits prefix 001 (BIP 9).
const VERSION: u32 = 0x2000_0000;

/// What the coin of [`EmbeddedConfig::endowment`] is worth: 100 bitcoin.
const ENDOWMENT: Amount = Amount::from_sat(10_000_000_000);
/// Its txid is the double SHA-256 of this; its output is number 0.
const ENDOWMENT_NAME: &[u8] = b"provenhash embedded chain endowment";
/// RPC_VERIFY_REJECTED (Bitcoin Core `rpc/protocol.h`): what `sendrawtransaction` says to what breaks a rule.
const RPC_REJECTED: i64 = -26;
/// RPC_DESERIALIZATION_ERROR: what it says to bytes that are no transaction.
const RPC_NO_TRANSACTION: i64 = -22;

/// What is fixed about a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedConfig {
    /// The network target of every block.
    pub nbits: Nbits,
    /// Script of a coin of 100 bitcoin that is there from the start and in no block, so that somebody can pay before a
    /// block has matured. Its outpoint is double SHA-256("provenhash embedded chain endowment"):0.
    pub endowment: Option<Vec<u8>>,
}

/// The chain. Every block is appended to one file and synced before [`Node::submit_block`] says so, and so is every
/// transaction before [`Node::broadcast`] does.
#[derive(Debug)]
pub struct EmbeddedChain {
    nbits: Nbits,
    chain: Arc<Mutex<Chain>>,
    /// What templates are made of: the best block, and how often the mempool has changed.
    newest: watch::Sender<(BlockHash, u64)>,
}

#[derive(Debug)]
struct Chain {
    /// By height.
    blocks: Vec<Stored>,
    hashes: Vec<BlockHash>,
    coins: Coins,
    mempool: Mempool,
    /// How often the mempool has changed since the start.
    mempool_changes: u64,
    file: BlockFile,
    mempool_file: MempoolFile,
    secp: Secp256k1<VerifyOnly>,
}

#[derive(Debug)]
struct Stored {
    chain_block: ChainBlock,
    raw: Vec<u8>,
}

impl EmbeddedChain {
    /// Opens or starts the chain in `folder`. Reads all files: call it at start-up.
    ///
    /// # Errors
    /// A file can't be read or written, is damaged, or belongs to a chain with another target.
    pub fn open(folder: &Path, config: EmbeddedConfig) -> Result<Self, NodeError> {
        let nbits = config.nbits;
        if nbits.target().is_none() {
            return Err(NodeError::Config(format!("nbits {nbits} is no target")));
        }
        let (file, blocks) = BlockFile::open(folder, nbits)?;
        let (mempool_file, waiting) = MempoolFile::open(folder)?;
        let mut chain = Chain {
            hashes: Vec::new(),
            blocks: Vec::new(),
            coins: endowed(config.endowment),
            mempool: Mempool::default(),
            mempool_changes: 0,
            file,
            mempool_file,
            secp: Secp256k1::verification_only(),
        };
        chain.push_genesis(nbits);
        for raw in blocks {
            let block = deserialize(&raw).map_err(std::io::Error::other)?;
            chain.extend(&block, raw)?;
        }
        for raw in waiting {
            // A block that came later may have confirmed it or what it conflicts with.
            if let Ok(transaction) = deserialize(&raw) {
                let _ = chain.wait(transaction);
            }
        }
        let newest = watch::Sender::new(chain.newest());
        Ok(Self { nbits, chain: Arc::new(Mutex::new(chain)), newest })
    }

    /// Changes the chain on a thread that may block, then tells those who wait for something newer.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Chain) -> Result<T, NodeError> + Send + 'static,
    ) -> Result<T, NodeError> {
        let chain = self.chain.clone();
        let changed = tokio::task::spawn_blocking(move || change(&mut lock(&chain))).await;
        let changed = changed.map_err(std::io::Error::other)?;
        let newest = lock(&self.chain).newest();
        self.newest.send_if_modified(|known| std::mem::replace(known, newest) != newest);
        changed
    }

    fn make_template(&self) -> BlockTemplate {
        let chain = lock(&self.chain);
        let Tip { height, hash, .. } = chain.tip();
        let mintime = chain.median_time().saturating_add(1);
        BlockTemplate {
            version: VERSION,
            prevhash: hash,
            nbits: self.nbits,
            curtime: unix_seconds().max(mintime),
            mintime,
            height: height + 1,
            coinbase_value: subsidy(height + 1).checked_add(chain.fees()).unwrap_or_default(),
            witness_commitment: Some(chain.witness_commitment()),
            transactions: chain.template_transactions(),
            longpoll_id: longpoll_id(&chain.newest()),
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
            let _ = self.newest.subscribe().wait_for(|newest| longpoll_id(newest) != id).await;
        }
        Ok(self.make_template())
    }

    async fn submit_block(&self, block: &[u8]) -> Result<Submitted, NodeError> {
        let (nbits, block) = (self.nbits, block.to_vec());
        self.change(move |chain| chain.accept(nbits, block)).await
    }

    async fn tip(&self) -> Result<Tip, NodeError> {
        Ok(lock(&self.chain).tip())
    }

    async fn block_hash_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        Ok(lock(&self.chain).hashes.get(height as usize).copied())
    }

    async fn header(&self, hash: &BlockHash) -> Result<Option<Header>, NodeError> {
        Ok(lock(&self.chain).block(hash).map(|block| block.chain_block.header))
    }

    async fn block(&self, hash: &BlockHash) -> Result<Option<ChainBlock>, NodeError> {
        Ok(lock(&self.chain).block(hash).map(|block| block.chain_block.clone()))
    }

    async fn raw_block(&self, hash: &BlockHash) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(lock(&self.chain).block(hash).map(|block| block.raw.clone()))
    }

    async fn mempool(&self) -> Result<Vec<BlockHash>, NodeError> {
        Ok(lock(&self.chain).mempool.iter().map(|waiting| BlockHash(waiting.txid.to_byte_array())).collect())
    }

    async fn mempool_transaction(&self, txid: &BlockHash) -> Result<Option<Vec<u8>>, NodeError> {
        let chain = lock(&self.chain);
        Ok(chain.mempool.get(&Txid::from_byte_array(txid.0)).map(|waiting| serialize(&waiting.transaction)))
    }

    async fn broadcast(&self, transaction: &[u8]) -> Result<BlockHash, NodeError> {
        let decoded: Result<Transaction, _> = deserialize(transaction);
        let transaction = decoded.map_err(|error| refused(RPC_NO_TRANSACTION, &error.to_string()))?;
        self.change(move |chain| chain.broadcast(transaction)).await
    }

    async fn fee_estimate(&self, _blocks: u16) -> Result<Option<Sats>, NodeError> {
        Ok(None)
    }
}

impl Chain {
    fn tip(&self) -> Tip {
        let last = self.blocks.len() - 1;
        Tip { height: last as u32, hash: self.hashes[last], time: self.blocks[last].chain_block.header.ntime }
    }

    fn newest(&self) -> (BlockHash, u64) {
        (self.tip().hash, self.mempool_changes)
    }

    fn block(&self, hash: &BlockHash) -> Option<&Stored> {
        let height = self.hashes.iter().rposition(|known| known == hash)?;
        self.blocks.get(height)
    }

    /// Bitcoin's median time past: the middle of the last 11 header times.
    fn median_time(&self) -> u32 {
        let last = self.blocks.iter().rev().take(MEDIAN_SPAN);
        let mut times: Vec<u32> = last.map(|block| block.chain_block.header.ntime).collect();
        times.sort_unstable();
        times[times.len() / 2]
    }

    /// Where the next block's transactions stand.
    fn place(&self) -> Place {
        Place { height: self.tip().height + 1, median_time: self.median_time() }
    }

    fn fees(&self) -> Sats {
        Sats::new(self.mempool.fees().to_sat()).unwrap_or_default()
    }

    fn template_transactions(&self) -> TemplateTransactions {
        let mut transactions = TemplateTransactions::default();
        for waiting in self.mempool.iter() {
            transactions.txids.push(BlockHash(waiting.txid.to_byte_array()));
            transactions.data.extend(serialize(&waiting.transaction));
        }
        transactions
    }

    /// The coinbase stands for 32 zero bytes in the witness tree, and the reserved value is 32 zero bytes.
    fn witness_commitment(&self) -> [u8; 32] {
        let others = self.mempool.iter().map(|waiting| waiting.transaction.compute_wtxid());
        let root = merkle_tree::calculate_root(std::iter::once(Wtxid::all_zeros()).chain(others));
        let root = root.map_or([0; 32], |root| root.to_byte_array());
        sha256d(&[root, [0; 32]].concat())
    }

    fn accept(&mut self, nbits: Nbits, raw: Vec<u8>) -> Result<Submitted, NodeError> {
        if let Some(header) = raw.first_chunk::<80>() {
            if self.hashes.contains(&BlockHash::of(header)) {
                return Ok(Submitted::Accepted);
            }
            if !self.hashes.contains(&Header::from_bytes(header).prevhash) {
                return Ok(Submitted::NotYet("prev-blk-not-found".into()));
            }
        }
        match check(&raw, &self.expected(nbits), &self.coins, &self.secp) {
            Err(reason) => Ok(Submitted::Rejected(reason.into())),
            Ok(block) => {
                self.file.append(&raw)?;
                self.extend(&block, raw)?;
                self.mempool.block_connected(&block.txdata);
                if block.txdata.len() > 1 {
                    self.save_mempool()?;
                }
                Ok(Submitted::Accepted)
            }
        }
    }

    fn expected(&self, nbits: Nbits) -> Expected {
        let tip = self.tip();
        Expected {
            prevhash: tip.hash,
            height: tip.height + 1,
            nbits,
            after: self.median_time(),
            now: unix_seconds(),
            subsidy: subsidy(tip.height + 1),
        }
    }

    fn broadcast(&mut self, transaction: Transaction) -> Result<BlockHash, NodeError> {
        let txid = BlockHash(transaction.compute_txid().to_byte_array());
        if self.coins.has_output_of(&transaction) {
            return Ok(txid);
        }
        let is_new = self.wait(transaction).map_err(|reason| refused(RPC_REJECTED, reason))?;
        if is_new {
            self.save_mempool()?;
        }
        Ok(txid)
    }

    fn wait(&mut self, transaction: Transaction) -> Result<bool, &'static str> {
        let place = self.place();
        self.mempool.accept(transaction, &self.coins, place, &self.secp)
    }

    fn save_mempool(&mut self) -> Result<(), NodeError> {
        self.mempool_changes += 1;
        self.mempool_file.replace(self.mempool.iter().map(|waiting| serialize(&waiting.transaction)))?;
        Ok(())
    }

    fn extend(&mut self, block: &Block, raw: Vec<u8>) -> Result<(), NodeError> {
        let height = self.blocks.len() as u32;
        let chain_block = ChainBlock::of_bytes(&raw).map_err(std::io::Error::other)?;
        block.txdata.iter().for_each(|transaction| self.coins.apply(transaction, height));
        self.hashes.push(chain_block.header.hash());
        self.blocks.push(Stored { chain_block, raw });
        Ok(())
    }

    /// Its coinbase can't be spent, as on every Bitcoin network.
    fn push_genesis(&mut self, nbits: Nbits) {
        let block = genesis_block(nbits);
        let chain_block = genesis(&block);
        self.hashes.push(chain_block.header.hash());
        self.blocks.push(Stored { chain_block, raw: serialize(&block) });
    }
}

/// The coins that are there before the first block.
fn endowed(script: Option<Vec<u8>>) -> Coins {
    let mut coins = Coins::default();
    if let Some(script) = script {
        let outpoint = OutPoint { txid: Txid::from_byte_array(sha256d(ENDOWMENT_NAME)), vout: 0 };
        let output = TxOut { value: ENDOWMENT, script_pubkey: ScriptBuf::from_bytes(script) };
        coins.insert(outpoint, Coin { output, height: 0, is_coinbase: false });
    }
    coins
}

fn longpoll_id((tip, mempool_changes): &(BlockHash, u64)) -> String {
    format!("{tip}{mempool_changes}")
}

fn refused(code: i64, reason: &str) -> NodeError {
    NodeError::Refused { method: "sendrawtransaction", code, message: reason.to_owned() }
}

fn lock(chain: &Mutex<Chain>) -> MutexGuard<'_, Chain> {
    chain.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As on every regtest chain.
fn subsidy(height: u32) -> Sats {
    Network::Regtest.subsidy(height)
}

/// Regtest's genesis block with the chain's own target: nobody mined it.
fn genesis_block(nbits: Nbits) -> Block {
    let mut block = bitcoin::constants::genesis_block(bitcoin::Network::Regtest);
    block.header.bits = bitcoin::CompactTarget::from_consensus(nbits.get());
    block
}

fn genesis(block: &Block) -> ChainBlock {
    let header: [u8; 80] = serialize(&block.header).try_into().unwrap_or([0; 80]);
    ChainBlock { header: Header::from_bytes(&header), coinbase: without_witness(&block.txdata[0]), branch: Vec::new() }
}

#[cfg(test)]
mod tests;
