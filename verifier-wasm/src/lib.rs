//! The verifier in the browser: a wasm-bindgen face of `audit_core::audit`, with no rule of its own.
//!
//! In scope: options from JSON, fetching through the page's function, progress and report as JSON.
//! Out of scope: every rule (`audit-core`); workers, caching and display (`frontend`).

mod options;
mod page;
mod share;

use audit_core::audit::audit as run_audit;
use js_sys::Function;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use page::Page;

/// Audits the log at the page's own origin.
///
/// `fetch_file(path, limit)` gives a promise of a `Uint8Array` and rejects with an `Error` (its `name` is `NotFound` for
/// a missing file). `options_json` is described at [`options::Options`]. `on_progress(json)` is called as the audit goes
/// on. Gives the report as JSON.
///
/// # Errors
/// Options that can't be understood.
#[wasm_bindgen]
pub async fn audit(fetch_file: Function, options_json: String, on_progress: Function) -> Result<String, JsValue> {
    let request = options::parse(&options_json).map_err(|error| JsValue::from_str(&error))?;
    let mut progress = |step| {
        let step = serde_json::to_string(&step).unwrap_or_default();
        // A page whose progress function throws still gets its report.
        let _ = on_progress.call1(&JsValue::NULL, &JsValue::from_str(&step));
    };
    let report = run_audit(&Page::new(fetch_file), &request, &mut progress).await;
    serde_json::to_string(&report).map_err(|error| JsValue::from_str(&error.to_string()))
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

/// Rebuilds one share from its parts (JSON: version, prevhash, coinbase, branch, ntime, nbits, nonce) and gives txid,
/// header, hash and whether it meets the network target, as JSON.
///
/// # Errors
/// Parts that can't be understood.
#[wasm_bindgen(js_name = rebuildShare)]
pub fn rebuild_share(share_json: &str) -> Result<String, JsValue> {
    share::rebuild(share_json).map_err(|error| JsValue::from_str(&error))
}
