//! `getblocktemplate`'s answer → [`BlockTemplate`].

use audit_core::{
    hash::BlockHash,
    work::{Nbits, Sats},
};
use serde::{Deserialize, Deserializer, de::Error};

use crate::node::{BlockTemplate, NodeError, TemplateTransactions};

/// Script of the commitment output up to its 32-byte hash (BIP 141).
const COMMITMENT_PREFIX: &str = "6a24aa21a9ed";

/// The fields of BIP 22, 23 and 145 that we use; the node may send more.
#[derive(Deserialize)]
pub(super) struct RawTemplate {
    version: u32,
    previousblockhash: BlockHash,
    bits: Nbits,
    curtime: u32,
    mintime: u32,
    height: u32,
    coinbasevalue: Sats,
    default_witness_commitment: Option<String>,
    transactions: RawTransactions,
    longpollid: String,
}

/// Read without a copy of the text and into two buffers: a full block has megabytes in thousands of pieces, and rigs wait.
struct RawTransactions(TemplateTransactions);

#[derive(Deserialize)]
struct RawTransaction<'a> {
    /// Hex digits, which need not be looked at twice: as text they would be checked to be UTF-8 first.
    data: &'a [u8],
    txid: BlockHash,
}

impl<'de> Deserialize<'de> for RawTransactions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Vec::<RawTransaction<'de>>::deserialize(deserializer)?;
        let mut data = vec![0; raw.iter().map(|transaction| transaction.data.len() / 2).sum()];
        let mut rest = &mut data[..];
        for RawTransaction { data, .. } in &raw {
            let (bytes, behind) = std::mem::take(&mut rest).split_at_mut(data.len() / 2);
            hex::decode_to_slice(data, bytes).map_err(|error| D::Error::custom(format!("transaction: {error}")))?;
            rest = behind;
        }
        let txids = raw.iter().map(|transaction| transaction.txid).collect();
        Ok(Self(TemplateTransactions { txids, data }))
    }
}

impl RawTemplate {
    /// # Errors
    /// A field is of the right type but not what it should be.
    pub(super) fn read(self) -> Result<BlockTemplate, NodeError> {
        Ok(BlockTemplate {
            version: self.version,
            prevhash: self.previousblockhash,
            nbits: self.bits,
            curtime: self.curtime,
            mintime: self.mintime,
            height: self.height,
            coinbase_value: self.coinbasevalue,
            witness_commitment: self.default_witness_commitment.as_deref().map(commitment).transpose()?,
            transactions: self.transactions.0,
            longpoll_id: self.longpollid,
        })
    }
}

fn commitment(script: &str) -> Result<[u8; 32], NodeError> {
    let mut hash = [0; 32];
    let digits = script.strip_prefix(COMMITMENT_PREFIX).unwrap_or_default();
    hex::decode_to_slice(digits, &mut hash).map_err(|error| malformed(format!("witness commitment: {error}")))?;
    Ok(hash)
}

fn malformed(reason: String) -> NodeError {
    NodeError::Malformed { method: "getblocktemplate", reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn answer() -> Value {
        json!({
            "version": 536870912, "previousblockhash": "00".repeat(32), "bits": "1e0377ae", "curtime": 1_700_000_000,
            "mintime": 1_600_000_000, "height": 5, "coinbasevalue": 5_000_000_000u64, "longpollid": "x5",
            "default_witness_commitment": format!("{COMMITMENT_PREFIX}{}", "ab".repeat(32)),
            "transactions": [{"data": "0200", "txid": "11".repeat(32), "fee": 1}], "capabilities": ["proposal"],
        })
    }

    fn read(answer: Value) -> Result<BlockTemplate, String> {
        let raw: RawTemplate = serde_json::from_str(&answer.to_string()).map_err(|error| error.to_string())?;
        raw.read().map_err(|error| error.to_string())
    }

    #[test]
    fn template_is_read_from_the_nodes_answer() {
        let template = read(answer()).unwrap();
        assert_eq!(template.witness_commitment, Some([0xab; 32]));
        assert_eq!(
            template.transactions,
            TemplateTransactions { txids: vec![BlockHash([0x11; 32])], data: vec![2, 0] }
        );
        assert_eq!(template.nbits.get(), 0x1e03_77ae);
    }

    #[test]
    fn broken_templates_are_refused() {
        for (field, value) in [
            ("default_witness_commitment", json!("6a24aa21a9edff")),
            ("default_witness_commitment", json!("51")),
            ("coinbasevalue", json!(-1)),
            ("bits", json!("xyz")),
            ("transactions", json!([{"data": "0", "txid": "11".repeat(32)}])),
            ("transactions", json!([{"data": "0x02", "txid": "11".repeat(32)}])),
        ] {
            let mut broken = answer();
            broken[field] = value;
            assert!(read(broken).is_err(), "{field}");
        }
    }
}
