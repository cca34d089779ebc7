//! What the page does for the verifier: it fetches evidence, and has tasks counted elsewhere.

use audit_core::audit::{CountError, CountTask, Counted, Counters, Evidence, FetchError};
use js_sys::{Error, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// One JavaScript object, as `audit` and `count` describe it.
    pub type Host;

    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Host, path: &str, limit: f64) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch, js_name = fetchRange)]
    fn fetch_range(this: &Host, path: &str, start: f64, length: f64) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn count(this: &Host, task_json: &str) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, getter)]
    fn lanes(this: &Host) -> f64;

    #[wasm_bindgen(method, catch)]
    fn progress(this: &Host, step_json: &str) -> Result<(), JsValue>;
}

/// The host as the verifier sees it.
pub(crate) struct Page(pub(crate) Host);

impl Page {
    /// A page whose progress function throws still gets its report.
    pub(crate) fn tell(&self, step_json: &str) {
        let _ = self.0.progress(step_json);
    }
}

// Files are far shorter than 2^53 bytes, up to where JavaScript's numbers are exact.
impl Evidence for Page {
    async fn fetch(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        bytes(self.0.fetch(path, limit as f64), limit).await
    }

    async fn fetch_range(&self, path: &str, start: u64, length: u64) -> Result<Vec<u8>, FetchError> {
        bytes(self.0.fetch_range(path, start as f64, length as f64), length).await
    }
}

impl Counters for Page {
    fn lanes(&self) -> usize {
        self.0.lanes() as usize
    }

    async fn count(&self, task: CountTask) -> Result<Counted, CountError> {
        let failed = |error: JsValue| CountError(message(&error));
        let promise = self.0.count(&task.to_json()).map_err(failed)?;
        let json = JsFuture::from(promise).await.map_err(failed)?;
        let json = json.as_string().ok_or_else(|| CountError("the page's count gave no text".into()))?;
        Counted::from_json(&json)
    }
}

async fn bytes(promise: Result<Promise, JsValue>, limit: u64) -> Result<Vec<u8>, FetchError> {
    let bytes = match promise {
        Ok(promise) => JsFuture::from(promise).await,
        Err(error) => Err(error),
    };
    let bytes = bytes.map_err(|error| fetch_error(&error))?.dyn_into::<Uint8Array>();
    let bytes = bytes.map_err(|_| FetchError::Unreadable("the page's fetch gave no bytes".into()))?;
    if u64::from(bytes.length()) > limit { Err(FetchError::TooLong(limit)) } else { Ok(bytes.to_vec()) }
}

fn fetch_error(error: &JsValue) -> FetchError {
    match error.dyn_ref::<Error>() {
        Some(error) if error.name() == "NotFound" => FetchError::NotFound,
        _ => FetchError::Unreadable(message(error)),
    }
}

fn message(error: &JsValue) -> String {
    error.dyn_ref::<Error>().map_or("the page's function failed".into(), |error| error.message().into())
}
