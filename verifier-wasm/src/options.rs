//! What the page asks for.

use audit_core::{
    audit::{AuditRequest, Claims, ContractQuery, DEFAULT_SAMPLES, Depth},
    checkpoint::Checkpoint,
    contract::Receipt,
    entry::LogHead,
    hash::Hash32,
    policy::Policy,
};
use serde::Deserialize;

/// `{"policy":"<tlog-policy text>","receipt":{…}|null,"contract":"<id>"|null,"claims":{…}|null,"wasm_sha256":"…"|null,
/// "remembered":{"origin":"…","size":1,"root":"…"}|null,"depth":"exact"|"estimate"|"sampled"|null,"samples":300|null,
/// "seed":"<64 hex digits>"|null}`: what is missing is null. The depth is *exact* when it is missing; *sampled* needs a
/// seed, drawn by the page, and has 300 samples when their number is missing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    policy: String,
    receipt: Option<Receipt>,
    contract: Option<Hash32>,
    claims: Option<Claims>,
    wasm_sha256: Option<Hash32>,
    remembered: Option<LogHead>,
    depth: Option<DepthName>,
    samples: Option<u32>,
    seed: Option<Hash32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DepthName {
    Exact,
    Estimate,
    Sampled,
}

/// The request, or a sentence that says what is wrong.
pub(crate) fn parse(json: &str) -> Result<AuditRequest, String> {
    let options: Options = serde_json::from_str(json).map_err(|error| format!("options: {error}"))?;
    let mut request = AuditRequest::new(Policy::parse(&options.policy).map_err(|error| error.to_string())?);
    request.contract = match (options.receipt, options.contract) {
        (Some(receipt), _) => Some(ContractQuery::Receipt(receipt)),
        (None, contract) => contract.map(ContractQuery::Id),
    };
    request.claims = options.claims;
    request.wasm_sha256 = options.wasm_sha256;
    request.remembered = options.remembered.map(|LogHead { origin, size, root }| Checkpoint { origin, size, root });
    request.depth = match (options.depth, options.seed) {
        (None | Some(DepthName::Exact), _) => Depth::Exact,
        (Some(DepthName::Estimate), _) => Depth::Estimate,
        (Some(DepthName::Sampled), Some(seed)) => {
            Depth::Sampled { samples: options.samples.unwrap_or(DEFAULT_SAMPLES), seed }
        }
        (Some(DepthName::Sampled), None) => return Err("options: the depth sampled needs a seed".into()),
    };
    Ok(request)
}
