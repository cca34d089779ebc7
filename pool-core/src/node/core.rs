//! Bitcoin Core by JSON-RPC.

mod endpoint;
mod rpc;
mod template;

use async_trait::async_trait;
use audit_core::{hash::BlockHash, header::Header, work::Sats};
use serde_json::{Value, json};

pub use self::endpoint::CoreEndpoint;
use self::{
    rpc::{LONG_POLL, QUICK, Rpc},
    template::RawTemplate,
};
use super::{BlockTemplate, ChainBlock, Node, NodeError, Submitted, Tip};

/// RPC_INVALID_ADDRESS_OR_KEY: what `getblock`, `getblockheader` and
/// `getrawtransaction` say of what they don't know.
const RPC_UNKNOWN: i64 = -5;
/// RPC_INVALID_PARAMETER (Bitcoin Core `rpc/protocol.h`): what `getblockhash` says above the tip.
const RPC_INVALID_PARAMETER: i64 = -8;
/// RPC_VERIFY_ALREADY_IN_UTXO_SET: what `sendrawtransaction` says to a confirmed transaction.
const RPC_ALREADY_CONFIRMED: i64 = -27;

/// `submitblock`'s refusals (Bitcoin Core `validation.cpp`) that pass when the node catches up.
const PASSING: [&str; 2] = ["prev-blk-not-found", "time-too-new"];
/// RPC_DESERIALIZATION_ERROR: what `submitblock` says to bytes that are no block.
const RPC_NO_BLOCK: i64 = -22;

/// A Bitcoin Core node.
#[derive(Debug)]
pub struct CoreNode {
    rpc: Rpc,
}

impl CoreNode {
    /// Makes a client for `endpoint`; nothing is sent yet.
    ///
    /// # Errors
    /// [`NodeError::Config`] when there can be no HTTP client.
    pub fn new(endpoint: CoreEndpoint) -> Result<Self, NodeError> {
        Ok(Self { rpc: Rpc::new(endpoint)? })
    }

    async fn call(&self, method: &'static str, params: Value) -> Result<Value, NodeError> {
        self.rpc.call(method, &params, QUICK).await
    }

    /// `None` when the node does not know the block or transaction.
    async fn of_hash(&self, method: &'static str, params: Value) -> Result<Option<Vec<u8>>, NodeError> {
        match self.call(method, params).await {
            Ok(answer) => bytes(method, &answer).map(Some),
            Err(NodeError::Refused { code: RPC_UNKNOWN, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Node for CoreNode {
    fn name(&self) -> String {
        self.rpc.url().to_owned()
    }

    async fn chain(&self) -> Result<String, NodeError> {
        let info = self.call("getblockchaininfo", json!([])).await?;
        text("getblockchaininfo", &info["chain"]).map(str::to_owned)
    }

    async fn template(&self, longpoll: Option<&str>) -> Result<BlockTemplate, NodeError> {
        // `signet` is demanded on signet and without meaning elsewhere (Bitcoin Core `rpc/mining.cpp`).
        let mut request = json!({"rules": ["segwit", "signet"]});
        let mut limit = QUICK;
        if let Some(id) = longpoll {
            request["longpollid"] = id.into();
            limit = LONG_POLL;
        }
        self.rpc.call_for::<RawTemplate>("getblocktemplate", &json!([request]), limit).await?.read()
    }

    async fn submit_block(&self, block: &[u8]) -> Result<Submitted, NodeError> {
        match self.call("submitblock", json!([hex::encode(block)])).await {
            Ok(answer) => Ok(submitted(&answer)),
            Err(NodeError::Refused { code: RPC_NO_BLOCK, message, .. }) => Ok(Submitted::Rejected(message)),
            Err(error) => Err(error),
        }
    }

    async fn prefer_block(&self, hash: &BlockHash) -> Result<(), NodeError> {
        self.call("preciousblock", json!([hash])).await.map(drop)
    }

    async fn tip(&self) -> Result<Tip, NodeError> {
        let best = self.call("getbestblockhash", json!([])).await?;
        let header = self.call("getblockheader", json!([best])).await?;
        Ok(Tip {
            height: number("getblockheader", &header["height"])?,
            hash: hash("getblockheader", &header["hash"])?,
            time: number("getblockheader", &header["time"])?,
        })
    }

    async fn block_hash_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        match self.call("getblockhash", json!([height])).await {
            Ok(answer) => hash("getblockhash", &answer).map(Some),
            Err(NodeError::Refused { code: RPC_INVALID_PARAMETER, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn header(&self, hash: &BlockHash) -> Result<Option<Header>, NodeError> {
        let method = "getblockheader";
        let Some(bytes) = self.of_hash(method, json!([hash, false])).await? else { return Ok(None) };
        let bytes: Result<[u8; 80], _> = bytes.try_into();
        let bytes = bytes.map_err(|_| NodeError::Malformed { method, reason: "expected 80 bytes".into() })?;
        Ok(Some(Header::from_bytes(&bytes)))
    }

    async fn block(&self, hash: &BlockHash) -> Result<Option<ChainBlock>, NodeError> {
        let method = "getblock";
        let Some(bytes) = self.of_hash(method, json!([hash, 0])).await? else { return Ok(None) };
        // Megabytes are taken apart and hashed: not on a thread that rigs wait for.
        let parsed = tokio::task::spawn_blocking(move || ChainBlock::of_bytes(&bytes)).await;
        let parsed = parsed.unwrap_or_else(|error| Err(error.to_string()));
        parsed.map(Some).map_err(|reason| NodeError::Malformed { method, reason })
    }

    async fn raw_block(&self, hash: &BlockHash) -> Result<Option<Vec<u8>>, NodeError> {
        self.of_hash("getblock", json!([hash, 0])).await
    }

    async fn mempool(&self) -> Result<Vec<BlockHash>, NodeError> {
        self.rpc.call_for("getrawmempool", &json!([]), QUICK).await
    }

    async fn mempool_transaction(&self, txid: &BlockHash) -> Result<Option<Vec<u8>>, NodeError> {
        // Without a block's hash the node looks in the mempool, and in the whole chain only if it keeps an index of it.
        self.of_hash("getrawtransaction", json!([txid, false])).await
    }

    async fn broadcast(&self, transaction: &[u8]) -> Result<BlockHash, NodeError> {
        let params = json!([hex::encode(transaction)]);
        match self.call("sendrawtransaction", params.clone()).await {
            Err(NodeError::Refused { code: RPC_ALREADY_CONFIRMED, .. }) => {
                let decoded = self.call("decoderawtransaction", params).await?;
                hash("decoderawtransaction", &decoded["txid"])
            }
            answer => hash("sendrawtransaction", &answer?),
        }
    }

    async fn fee_estimate(&self, blocks: u16) -> Result<Option<Sats>, NodeError> {
        let answer = self.call("estimatesmartfee", json!([blocks])).await?;
        let Some(rate) = answer["feerate"].as_f64() else { return Ok(None) };
        // BTC per 1,000 virtual bytes, at most eight decimals.
        Ok(Sats::new((rate * 1e8).round() as u64))
    }
}

/// `null`, or a reason. A block that is known, or good but not on the best chain, is in the node's hands.
fn submitted(answer: &Value) -> Submitted {
    match answer.as_str() {
        None | Some("duplicate" | "inconclusive" | "duplicate-inconclusive") => Submitted::Accepted,
        Some(reason) if PASSING.contains(&reason) => Submitted::NotYet(reason.to_owned()),
        Some(reason) => Submitted::Rejected(reason.to_owned()),
    }
}

fn text<'a>(method: &'static str, value: &'a Value) -> Result<&'a str, NodeError> {
    value.as_str().ok_or_else(|| NodeError::Malformed { method, reason: "expected a text".into() })
}

fn bytes(method: &'static str, value: &Value) -> Result<Vec<u8>, NodeError> {
    let decoded = hex::decode(text(method, value)?);
    decoded.map_err(|error| NodeError::Malformed { method, reason: format!("hex: {error}") })
}

fn number(method: &'static str, value: &Value) -> Result<u32, NodeError> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| NodeError::Malformed { method, reason: "expected a number below 2^32".into() })
}

fn hash(method: &'static str, value: &Value) -> Result<BlockHash, NodeError> {
    let parsed = text(method, value)?.parse();
    parsed.map_err(|error| NodeError::Malformed { method, reason: format!("block hash: {error}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_side_blocks_count_as_taken() {
        assert_eq!(submitted(&Value::Null), Submitted::Accepted);
        assert_eq!(submitted(&json!("duplicate")), Submitted::Accepted);
        assert_eq!(submitted(&json!("inconclusive")), Submitted::Accepted);
    }

    #[test]
    fn only_what_catching_up_can_heal_is_tried_again() {
        assert_eq!(submitted(&json!("bad-prevblk")), Submitted::Rejected("bad-prevblk".into()));
        assert_eq!(submitted(&json!("duplicate-invalid")), Submitted::Rejected("duplicate-invalid".into()));
        assert_eq!(submitted(&json!("prev-blk-not-found")), Submitted::NotYet("prev-blk-not-found".into()));
        assert_eq!(submitted(&json!("time-too-new")), Submitted::NotYet("time-too-new".into()));
    }

    #[tokio::test]
    async fn unreachable_node_is_named_without_its_password() {
        let endpoint = CoreEndpoint::parse("http://alice:secret@127.0.0.1:1").unwrap();
        let error = CoreNode::new(endpoint).unwrap().tip().await.unwrap_err().to_string();
        assert!(error.contains("127.0.0.1:1"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
