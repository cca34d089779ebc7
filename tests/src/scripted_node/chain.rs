//! The scripted node's blocks and templates.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use audit_core::hash::sha256d;
use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::constants::genesis_block;
use bitcoin::transaction::Version as TransactionVersion;
use bitcoin::{Amount, Block, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};
use serde_json::{Value, json};

/// Bitcoin's target in 2024: no share of a benchmark is a block.
const TEMPLATE_BITS: &str = "17031abe";
/// RPC_INVALID_ADDRESS_OR_KEY and RPC_INVALID_PARAMETER (Bitcoin Core `rpc/protocol.h`).
const UNKNOWN_BLOCK: i64 = -5;
const ABOVE_TIP: i64 = -8;
const UNKNOWN_METHOD: i64 = -32601;
/// Bytes of a small payment with its witness.
const TRANSACTION_LEN: usize = 222;

pub(super) struct Chain {
    blocks: Vec<Block>,
    /// Of every template, as JSON.
    transactions: String,
    /// The answer to `getblocktemplate`, as JSON: making it while it is waited for would be measured as the pool's slowness.
    template: Arc<str>,
}

impl Chain {
    pub(super) fn new(transactions: usize) -> Chain {
        let blocks = vec![genesis_block(Network::Regtest)];
        let mut chain = Chain { blocks, transactions: payments(transactions).to_string(), template: "".into() };
        chain.template = chain.next_template().into();
        chain
    }

    /// Adds a block; its height.
    pub(super) fn grow(&mut self) -> u32 {
        let (height, before) = (self.blocks.len() as u32, &self.tip().header);
        let coinbase = coinbase(height);
        let mut header = Header {
            version: Version::from_consensus(0x2000_0000),
            prev_blockhash: before.block_hash(),
            merkle_root: coinbase.compute_txid().to_raw_hash().into(),
            time: unix_seconds().max(before.time + 1),
            bits: before.bits,
            nonce: 0,
        };
        while header.validate_pow(header.target()).is_err() {
            header.nonce += 1;
        }
        self.blocks.push(Block { header, txdata: vec![coinbase] });
        self.template = self.next_template().into();
        height
    }

    /// The answer to `getblocktemplate`, as JSON.
    pub(super) fn template(&self) -> Arc<str> {
        self.template.clone()
    }

    fn next_template(&self) -> String {
        let (height, tip) = (self.blocks.len(), &self.tip().header);
        let fields = json!({
            "version": 0x2000_0000,
            "previousblockhash": tip.block_hash().to_string(),
            "bits": TEMPLATE_BITS,
            "curtime": unix_seconds().max(tip.time + 1),
            "mintime": tip.time + 1,
            "height": height,
            "coinbasevalue": 312_500_000,
            "default_witness_commitment": format!("6a24aa21a9ed{}", "5a".repeat(32)),
            "longpollid": (height - 1).to_string(),
        });
        let fields = fields.to_string();
        format!("{},\"transactions\":{}}}", &fields[..fields.len() - 1], self.transactions)
    }

    pub(super) fn answer(&self, method: &str, params: &Value) -> Result<Value, (i64, String)> {
        match method {
            "getblockchaininfo" => Ok(json!({ "chain": "regtest", "blocks": self.blocks.len() - 1 })),
            "getblockcount" => Ok(json!(self.blocks.len() - 1)),
            "getbestblockhash" => Ok(json!(self.tip().block_hash().to_string())),
            "getblockhash" => {
                let block = params[0].as_u64().and_then(|height| self.blocks.get(height as usize));
                let block = block.ok_or_else(|| (ABOVE_TIP, "Block height out of range".to_owned()))?;
                Ok(json!(block.block_hash().to_string()))
            }
            "getblockheader" => {
                let (height, block) = self.find(params)?;
                if params[1] == json!(false) {
                    return Ok(json!(serialize_hex(&block.header)));
                }
                let (hash, time) = (block.block_hash().to_string(), block.header.time);
                Ok(json!({ "hash": hash, "height": height, "time": time }))
            }
            "getblock" => Ok(json!(serialize_hex(self.find(params)?.1))),
            _ => Err((UNKNOWN_METHOD, format!("Method not found: {method}"))),
        }
    }

    fn find(&self, params: &Value) -> Result<(usize, &Block), (i64, String)> {
        let wanted = params[0].as_str().unwrap_or_default();
        let mut blocks = self.blocks.iter().enumerate().rev();
        let found = blocks.find(|(_, block)| block.block_hash().to_string() == wanted);
        found.ok_or_else(|| (UNKNOWN_BLOCK, "Block not found".to_owned()))
    }

    fn tip(&self) -> &Block {
        self.blocks.last().expect("there is a genesis block")
    }
}

/// Somebody's coinbase.
fn coinbase(height: u32) -> Transaction {
    let script_sig = bitcoin::script::Builder::new().push_int(height.into()).push_slice(*b"other").into_script();
    Transaction {
        version: TransactionVersion::ONE,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::null(),
            script_sig,
            sequence: Sequence::MAX,
            witness: Witness::new(),
        }],
        output: vec![TxOut { value: Amount::from_sat(312_500_000), script_pubkey: ScriptBuf::from_bytes(vec![0x51]) }],
    }
}

/// Transactions that only have to be as long and as many as real ones: the pool takes them as they are.
fn payments(count: usize) -> Value {
    let payment = |index: usize| {
        let id = hex::encode(sha256d(&index.to_le_bytes()));
        json!({ "data": hex::encode([index as u8; TRANSACTION_LEN]), "txid": id, "hash": id, "fee": 1_000 })
    };
    (0..count).map(payment).collect()
}

fn unix_seconds() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32)
}
