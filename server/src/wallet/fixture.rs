//! A node whose chain and mempool the test decides. It checks nothing.

use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use audit_core::hash::BlockHash;
use audit_core::header::Header;
use audit_core::work::Sats;
use bitcoin::absolute::LockTime;
use bitcoin::block::{Header as BlockHeader, Version};
use bitcoin::consensus::{deserialize, serialize};
use bitcoin::hashes::Hash as _;
use bitcoin::{
    Amount, Block, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode, TxOut, Txid, Witness,
    transaction,
};
use pool_core::node::{BlockTemplate, ChainBlock, Node, NodeError, Submitted, Tip};

/// A chain to pay on.
#[derive(Debug)]
pub(crate) struct TestChain(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    blocks: Vec<Block>,
    mempool: Vec<Transaction>,
    /// Makes every block and every coin another.
    salt: u32,
}

impl TestChain {
    pub(crate) fn new() -> Self {
        let genesis = bitcoin::constants::genesis_block(bitcoin::Network::Regtest);
        Self(Mutex::new(Inner { blocks: vec![genesis], mempool: Vec::new(), salt: 0 }))
    }

    /// A payment from nowhere that waits.
    pub(crate) fn pay(&self, script: &ScriptBuf, sats: u64) -> Transaction {
        let input = self.fresh_input();
        let payment = payment(input, script, sats);
        self.lock().mempool.push(payment.clone());
        payment
    }

    /// Another transaction that spends the same, in the place of one that waits.
    pub(crate) fn replace(&self, replaced: &Transaction, script: &ScriptBuf, sats: u64) -> Transaction {
        let replacement = payment(replaced.input[0].previous_output, script, sats);
        let mut chain = self.lock();
        chain.mempool.retain(|waiting| waiting != replaced);
        chain.mempool.push(replacement.clone());
        replacement
    }

    /// Forgets all that waits.
    pub(crate) fn drop_mempool(&self) {
        self.lock().mempool.clear();
    }

    pub(crate) fn add_waiting(&self, transaction: Transaction) {
        self.lock().mempool.push(transaction);
    }

    /// A block with all that waits, and empty ones on it.
    pub(crate) fn mine(&self, count: usize) {
        let mut chain = self.lock();
        for _ in 0..count {
            chain.mine();
        }
    }

    /// Replaces the newest blocks by one more than there were; their transactions wait again.
    pub(crate) fn reorganise(&self, depth: usize) {
        let mut chain = self.lock();
        let waiting = chain.cut(depth);
        for _ in 0..=depth {
            chain.mine();
        }
        chain.mempool = waiting;
    }

    /// Takes the newest blocks away; their transactions wait again.
    pub(crate) fn shorten(&self, depth: usize) {
        let mut chain = self.lock();
        chain.mempool = chain.cut(depth);
    }

    /// What a script has received: output, amount, confirmations.
    pub(crate) fn received(&self, script: &ScriptBuf) -> Vec<(OutPoint, u64, u32)> {
        let chain = self.lock();
        let mined = chain
            .blocks
            .iter()
            .rev()
            .zip(1..)
            .flat_map(|(block, depth)| block.txdata.iter().map(move |transaction| (transaction, depth)));
        let all = chain.mempool.iter().map(|transaction| (transaction, 0)).chain(mined);
        let outputs = all.flat_map(|(transaction, confirmations)| {
            (0..).zip(&transaction.output).map(move |(vout, output)| (transaction, vout, output, confirmations))
        });
        let paid = outputs.filter(|(_, _, output, _)| output.script_pubkey == *script);
        let told = paid.map(|(transaction, vout, output, confirmations)| {
            (OutPoint { txid: transaction.compute_txid(), vout }, output.value.to_sat(), confirmations)
        });
        told.collect()
    }

    pub(crate) fn height(&self) -> u32 {
        self.lock().tip().height
    }

    fn fresh_input(&self) -> OutPoint {
        let mut chain = self.lock();
        chain.salt += 1;
        OutPoint { txid: Txid::hash(&chain.salt.to_be_bytes()), vout: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no test panicked here")
    }
}

impl Inner {
    fn tip(&self) -> Tip {
        let last = self.blocks.last().expect("there is a genesis block");
        let hash = BlockHash(last.block_hash().to_byte_array());
        Tip { height: u32::try_from(self.blocks.len()).expect("few blocks") - 1, hash, time: last.header.time }
    }

    fn cut(&mut self, depth: usize) -> Vec<Transaction> {
        let gone = self.blocks.split_off(self.blocks.len() - depth);
        gone.into_iter().flat_map(|block| block.txdata.into_iter().skip(1)).chain(self.mempool.drain(..)).collect()
    }

    fn mine(&mut self) {
        self.salt += 1;
        let coinbase_input = TxIn { script_sig: self.salt.to_be_bytes().to_vec().into(), ..TxIn::default() };
        let output = TxOut { value: Amount::from_sat(5_000_000_000), script_pubkey: vec![0x51].into() };
        let coinbase = Transaction { input: vec![coinbase_input], output: vec![output], ..empty() };
        let last = self.blocks.last().expect("there is a genesis block");
        let header = BlockHeader {
            version: Version::TWO,
            prev_blockhash: last.block_hash(),
            merkle_root: TxMerkleNode::all_zeros(),
            time: last.header.time + 600,
            bits: CompactTarget::from_consensus(0x207f_ffff),
            nonce: self.salt,
        };
        let txdata = std::iter::once(coinbase).chain(self.mempool.drain(..)).collect();
        let mut block = Block { header, txdata };
        block.header.merkle_root = block.compute_merkle_root().expect("there is a coinbase");
        self.blocks.push(block);
    }

    fn block(&self, hash: &BlockHash) -> Option<&Block> {
        self.blocks.iter().find(|block| block.block_hash().to_byte_array() == hash.0)
    }
}

fn empty() -> Transaction {
    Transaction { version: transaction::Version::TWO, lock_time: LockTime::ZERO, input: Vec::new(), output: Vec::new() }
}

fn payment(input: OutPoint, script: &ScriptBuf, sats: u64) -> Transaction {
    let sequence = Sequence::ENABLE_RBF_NO_LOCKTIME;
    let input = TxIn { previous_output: input, sequence, script_sig: ScriptBuf::new(), witness: Witness::new() };
    let output = TxOut { value: Amount::from_sat(sats), script_pubkey: script.clone() };
    Transaction { input: vec![input], output: vec![output], ..empty() }
}

#[async_trait]
impl Node for TestChain {
    fn name(&self) -> String {
        "test chain".into()
    }

    async fn chain(&self) -> Result<String, NodeError> {
        Ok("regtest".into())
    }

    async fn template(&self, _: Option<&str>) -> Result<BlockTemplate, NodeError> {
        Err(NodeError::Unsupported("template"))
    }

    async fn submit_block(&self, _: &[u8]) -> Result<Submitted, NodeError> {
        Err(NodeError::Unsupported("submit_block"))
    }

    async fn tip(&self) -> Result<Tip, NodeError> {
        Ok(self.lock().tip())
    }

    async fn block_hash_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        let chain = self.lock();
        Ok(chain.blocks.get(height as usize).map(|block| BlockHash(block.block_hash().to_byte_array())))
    }

    async fn header(&self, _: &BlockHash) -> Result<Option<Header>, NodeError> {
        Err(NodeError::Unsupported("header"))
    }

    async fn block(&self, _: &BlockHash) -> Result<Option<ChainBlock>, NodeError> {
        Err(NodeError::Unsupported("block"))
    }

    async fn raw_block(&self, hash: &BlockHash) -> Result<Option<Vec<u8>>, NodeError> {
        Ok(self.lock().block(hash).map(serialize))
    }

    async fn mempool(&self) -> Result<Vec<BlockHash>, NodeError> {
        Ok(self.lock().mempool.iter().map(|waiting| BlockHash(waiting.compute_txid().to_byte_array())).collect())
    }

    async fn mempool_transaction(&self, txid: &BlockHash) -> Result<Option<Vec<u8>>, NodeError> {
        let chain = self.lock();
        let found = chain.mempool.iter().find(|waiting| waiting.compute_txid().to_byte_array() == txid.0);
        Ok(found.map(serialize))
    }

    async fn broadcast(&self, transaction: &[u8]) -> Result<BlockHash, NodeError> {
        let transaction: Transaction =
            deserialize(transaction).map_err(|_| NodeError::Unsupported("bytes that are no transaction"))?;
        let txid = BlockHash(transaction.compute_txid().to_byte_array());
        self.add_waiting(transaction);
        Ok(txid)
    }

    async fn fee_estimate(&self, _: u16) -> Result<Option<Sats>, NodeError> {
        Ok(None)
    }
}
