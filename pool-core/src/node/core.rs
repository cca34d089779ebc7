//! Bitcoin Core by JSON-RPC, one or several nodes.
//!
//! Templates come from the first node that answers; a block goes to all of them at once.

mod endpoint;
mod rpc;
mod template;

use async_trait::async_trait;
use audit_core::{hash::BlockHash, header::Header, work::Sats};
use futures_util::future::join_all;
use serde_json::{Value, json};

pub use self::endpoint::CoreEndpoint;
use self::{
    rpc::{LONG_POLL, QUICK, Rpc},
    template::RawTemplate,
};
use super::{BlockTemplate, ChainBlock, Node, NodeError, Submitted, Tip};

/// RPC_INVALID_ADDRESS_OR_KEY: what `getblock` and `getblockheader` say of a block they don't know.
const RPC_UNKNOWN_BLOCK: i64 = -5;
/// RPC_INVALID_PARAMETER (Bitcoin Core `rpc/protocol.h`): what `getblockhash` says above the tip.
const RPC_INVALID_PARAMETER: i64 = -8;
/// RPC_VERIFY_ALREADY_IN_UTXO_SET: what `sendrawtransaction` says to a confirmed transaction.
const RPC_ALREADY_CONFIRMED: i64 = -27;

/// One or several Bitcoin Core nodes of one network.
#[derive(Debug)]
pub struct CoreNode {
    nodes: Vec<Rpc>,
}

impl CoreNode {
    /// Makes clients for `endpoints`; nothing is sent yet.
    ///
    /// # Errors
    /// [`NodeError::Config`] when there is no endpoint.
    pub fn new(endpoints: Vec<CoreEndpoint>) -> Result<Self, NodeError> {
        if endpoints.is_empty() {
            return Err(NodeError::Config("name at least one node, as http://user:password@host:port".into()));
        }
        let nodes = endpoints.into_iter().map(Rpc::new).collect::<Result<_, _>>()?;
        Ok(Self { nodes })
    }

    /// The first answer of the nodes, in their order; a refusal is an answer.
    async fn first(&self, method: &'static str, params: Value, limit: std::time::Duration) -> Result<Value, NodeError> {
        let mut last = NodeError::Config("no node".into());
        for node in &self.nodes {
            match node.call(method, &params, limit).await {
                Err(error @ NodeError::Unreachable { .. }) => last = error,
                answer => return answer,
            }
        }
        Err(last)
    }

    /// The answer of the first node that knows the block; `None` when every node was asked and none does.
    async fn of_block(&self, method: &'static str, params: Value) -> Result<Option<Vec<u8>>, NodeError> {
        let mut unreachable = None;
        for node in &self.nodes {
            match node.call(method, &params, QUICK).await {
                Ok(answer) => return bytes(method, &answer).map(Some),
                Err(NodeError::Refused { code: RPC_UNKNOWN_BLOCK, .. }) => {}
                Err(error @ NodeError::Unreachable { .. }) => unreachable = Some(error),
                Err(error) => return Err(error),
            }
        }
        unreachable.map_or(Ok(None), Err)
    }
}

#[async_trait]
impl Node for CoreNode {
    async fn chain(&self) -> Result<String, NodeError> {
        let info = self.first("getblockchaininfo", json!([]), QUICK).await?;
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
        let answer = self.first("getblocktemplate", json!([request]), limit).await?;
        RawTemplate::parse(answer)
    }

    async fn submit_block(&self, block: &[u8]) -> Result<Submitted, NodeError> {
        let params = json!([hex::encode(block)]);
        let answers = join_all(self.nodes.iter().map(|node| node.call("submitblock", &params, QUICK))).await;
        let mut verdict = Err(NodeError::Config("no node".into()));
        for answer in answers {
            match answer.map(|answer| submitted(&answer)) {
                Ok(Submitted::Accepted) => return Ok(Submitted::Accepted),
                Ok(rejected) => verdict = Ok(rejected),
                Err(error) if verdict.is_err() => verdict = Err(error),
                Err(_) => {}
            }
        }
        verdict
    }

    async fn tip(&self) -> Result<Tip, NodeError> {
        let best = self.first("getbestblockhash", json!([]), QUICK).await?;
        let header = self.first("getblockheader", json!([best]), QUICK).await?;
        Ok(Tip {
            height: number("getblockheader", &header["height"])?,
            hash: hash("getblockheader", &header["hash"])?,
            time: number("getblockheader", &header["time"])?,
        })
    }

    async fn block_hash_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        match self.first("getblockhash", json!([height]), QUICK).await {
            Ok(answer) => hash("getblockhash", &answer).map(Some),
            Err(NodeError::Refused { code: RPC_INVALID_PARAMETER, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn header(&self, hash: &BlockHash) -> Result<Option<Header>, NodeError> {
        let method = "getblockheader";
        let Some(bytes) = self.of_block(method, json!([hash, false])).await? else { return Ok(None) };
        let bytes: Result<[u8; 80], _> = bytes.try_into();
        let bytes = bytes.map_err(|_| NodeError::Malformed { method, reason: "expected 80 bytes".into() })?;
        Ok(Some(Header::from_bytes(&bytes)))
    }

    async fn block(&self, hash: &BlockHash) -> Result<Option<ChainBlock>, NodeError> {
        let method = "getblock";
        let Some(bytes) = self.of_block(method, json!([hash, 0])).await? else { return Ok(None) };
        // Megabytes are taken apart and hashed: not on a thread that rigs wait for.
        let parsed = tokio::task::spawn_blocking(move || ChainBlock::of_bytes(&bytes)).await;
        let parsed = parsed.unwrap_or_else(|error| Err(error.to_string()));
        parsed.map(Some).map_err(|reason| NodeError::Malformed { method, reason })
    }

    async fn broadcast(&self, transaction: &[u8]) -> Result<BlockHash, NodeError> {
        let params = json!([hex::encode(transaction)]);
        match self.first("sendrawtransaction", params.clone(), QUICK).await {
            Err(NodeError::Refused { code: RPC_ALREADY_CONFIRMED, .. }) => {
                let decoded = self.first("decoderawtransaction", params, QUICK).await?;
                hash("decoderawtransaction", &decoded["txid"])
            }
            answer => hash("sendrawtransaction", &answer?),
        }
    }

    async fn fee_estimate(&self, blocks: u16) -> Result<Option<Sats>, NodeError> {
        let answer = self.first("estimatesmartfee", json!([blocks]), QUICK).await?;
        let Some(rate) = answer["feerate"].as_f64() else { return Ok(None) };
        // BTC per 1,000 virtual bytes, at most eight decimals.
        Ok(Sats::new((rate * 1e8).round() as u64))
    }
}

/// `null`, or a reason. A block that is known, or good but not on the best chain, is in the node's hands.
fn submitted(answer: &Value) -> Submitted {
    match answer.as_str() {
        None | Some("duplicate" | "inconclusive" | "duplicate-inconclusive") => Submitted::Accepted,
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
        assert_eq!(submitted(&json!("bad-prevblk")), Submitted::Rejected("bad-prevblk".into()));
    }

    #[tokio::test]
    async fn unreachable_node_is_named_without_its_password() {
        let endpoint = CoreEndpoint::parse("http://alice:secret@127.0.0.1:1").unwrap();
        let error = CoreNode::new(vec![endpoint]).unwrap().tip().await.unwrap_err().to_string();
        assert!(error.contains("127.0.0.1:1"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
