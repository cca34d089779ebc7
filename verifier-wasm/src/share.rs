//! One share rebuilt on its own, so that a page can show the recomputation step by step.

use audit_core::{
    hash::{BlockHash, Hash32, sha256d},
    header::Header,
    job::fold_branch,
    work::Nbits,
};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Share {
    version: Nbits,
    prevhash: BlockHash,
    coinbase: String,
    branch: Vec<Hash32>,
    ntime: u32,
    nbits: Nbits,
    nonce: u32,
}

#[derive(Serialize)]
struct Rebuilt {
    txid: BlockHash,
    header: String,
    hash: BlockHash,
    meets_network_target: bool,
}

/// From a share's parts as JSON to its txid, header and hash as JSON.
pub(crate) fn rebuild(json: &str) -> Result<String, String> {
    let share: Share = serde_json::from_str(json).map_err(|error| format!("share: {error}"))?;
    let coinbase = hex::decode(&share.coinbase).map_err(|error| format!("coinbase: {error}"))?;
    let txid = sha256d(&coinbase);
    let header = Header {
        version: share.version.get(),
        prevhash: share.prevhash,
        merkle_root: fold_branch(txid, &share.branch),
        ntime: share.ntime,
        nbits: share.nbits,
        nonce: share.nonce,
    };
    let hash = header.hash();
    let meets_network_target = share.nbits.target().is_some_and(|target| target.is_met_by(&hash));
    let rebuilt = Rebuilt { txid: BlockHash(txid), header: hex::encode(header.to_bytes()), hash, meets_network_target };
    serde_json::to_string(&rebuilt).map_err(|error| error.to_string())
}
