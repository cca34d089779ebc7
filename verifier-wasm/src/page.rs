//! Evidence through the page's fetch function.

use audit_core::audit::{Evidence, FetchError};
use js_sys::{Error, Function, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

pub(crate) struct Page {
    fetch_file: Function,
}

impl Page {
    pub(crate) fn new(fetch_file: Function) -> Self {
        Self { fetch_file }
    }

    async fn call(&self, path: &str, limit: u64) -> Result<JsValue, JsValue> {
        // Files are far shorter than 2^53 bytes, up to where JavaScript's numbers are exact.
        let limit = JsValue::from_f64(limit as f64);
        let promise = self.fetch_file.call2(&JsValue::NULL, &JsValue::from_str(path), &limit)?;
        JsFuture::from(promise.dyn_into::<Promise>()?).await
    }
}

impl Evidence for Page {
    async fn fetch(&self, path: &str, limit: u64) -> Result<Vec<u8>, FetchError> {
        let bytes = self.call(path, limit).await.map_err(|error| fetch_error(&error))?;
        let bytes = bytes.dyn_into::<Uint8Array>();
        let bytes = bytes.map_err(|_| FetchError::Unreadable("the page's fetch gave no bytes".into()))?;
        if u64::from(bytes.length()) > limit { Err(FetchError::TooLong(limit)) } else { Ok(bytes.to_vec()) }
    }
}

fn fetch_error(error: &JsValue) -> FetchError {
    let Some(error) = error.dyn_ref::<Error>() else {
        return FetchError::Unreadable("the page's fetch failed".into());
    };
    if error.name() == "NotFound" { FetchError::NotFound } else { FetchError::Unreadable(error.message().into()) }
}
