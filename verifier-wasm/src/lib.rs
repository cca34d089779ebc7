//! The verifier in the browser: a wasm-bindgen face of `audit_core::audit`, with no rule of its own.
//!
//! In scope: options from JSON, fetching and counting through the page's functions, progress and report as JSON.
//! Out of scope: every rule (`audit-core`); workers, caching and display (`frontend`).

mod hash_shares;
mod host;
mod options;
mod share;

use audit_core::audit::{CountError, CountTask, audit as run_audit, count as run_count};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use host::{Host, Page};

/// Audits a log.
///
/// `host` is one object: `fetch(path, limit)` and `fetchRange(path, start, length)` give promises of a `Uint8Array` and
/// reject with an `Error` (its `name` is `NotFound` for a missing file); `count(taskJson)` gives a promise of what
/// [`count`] gives for the task, from this or another instance of this module; `lanes` is how many counts are worth
/// having under way; `progress(json)` is called as the audit goes on. `options_json` is described at
/// [`options::Options`]. Gives the report as JSON.
///
/// # Errors
/// Options that can't be understood.
#[wasm_bindgen]
pub async fn audit(host: Host, options_json: String) -> Result<String, JsValue> {
    let request = options::parse(&options_json).map_err(|error| JsValue::from_str(&error))?;
    let page = Page(host);
    let mut progress = |step| page.tell(&serde_json::to_string(&step).unwrap_or_default());
    let report = run_audit(&page, &page, &request, &mut progress).await;
    serde_json::to_string(&report).map_err(|error| JsValue::from_str(&error.to_string()))
}

/// Recounts the chunks of one task that [`audit`] asked its host for: what a worker does. Of `host` only `fetch` and
/// `fetchRange` are used. Gives the result as JSON.
///
/// # Errors
/// A task that can't be understood.
#[wasm_bindgen]
pub async fn count(host: Host, task_json: String) -> Result<String, JsValue> {
    let failed = |error: CountError| JsValue::from_str(&error.to_string());
    let task = CountTask::from_json(&task_json).map_err(failed)?;
    Ok(run_count(&Page(host), &task).await.map_err(failed)?.to_json())
}

/// The contract id of a receipt (its JSON), so that a page can show which contract it is.
///
/// # Errors
/// Not a receipt.
#[wasm_bindgen(js_name = contractId)]
pub fn contract_id(receipt_json: &str) -> Result<String, JsValue> {
    let receipt = audit_core::contract::Receipt::from_bytes(receipt_json.as_bytes());
    let receipt = receipt.map_err(|error| JsValue::from_str(&error.to_string()))?;
    Ok(receipt.contract_id().to_string())
}

/// Why a policy can't be used; nothing when it can.
#[wasm_bindgen(js_name = policyProblem)]
pub fn policy_problem(text: &str) -> Option<String> {
    audit_core::policy::Policy::parse(text).err().map(|error| error.to_string())
}

/// Rebuilds one share from its parts (JSON: version, prevhash, coinbase, branch, ntime, nbits, nonce) and gives txid,
/// header, hash and whether it meets the network target, as JSON.
///
/// # Errors
/// Parts that can't be understood.
#[wasm_bindgen(js_name = rebuildShare)]
pub fn rebuild_share(share_json: &str) -> Result<String, JsValue> {
    share::rebuild(share_json).map_err(|error| JsValue::from_str(&error))
}

/// The header hashes of many shares of one job (JSON, fields of `jobs.json`: coinbase, branch, prevhash, nbits) at the
/// verifier's full speed. `shares` has 56 bytes each: extranonces 12 ‖ anchor hash 32 ‖ version, ntime, nonce u32
/// big-endian. Gives 32 bytes each, as SHA-256d gives them.
///
/// # Errors
/// A job that can't be understood, or shares of another length.
#[wasm_bindgen(js_name = hashShares)]
pub fn hash_shares(job_json: &str, shares: &[u8]) -> Result<Vec<u8>, JsValue> {
    hash_shares::hash_shares(job_json, shares).map_err(|error| JsValue::from_str(&error))
}
