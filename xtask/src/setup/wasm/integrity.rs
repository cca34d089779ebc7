//! What the page must find when it loads a module: `integrity.json`, beside the modules.

use std::fs;
use std::path::Path;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, json};
use sha2::{Digest, Sha256, Sha384};

use super::Variant;

/// Writes `{"simd":{"file","bytes","sha256","integrity"},"scalar":{…}}`: the SHA-256 is the one in the log's manifest,
/// `integrity` is what `fetch` takes (Subresource Integrity, SHA-384).
pub(super) fn write(folder: &Path) -> anyhow::Result<()> {
    let mut all = Map::new();
    for variant in Variant::ALL {
        let module = fs::read(folder.join(variant.module())).context("a module is missing")?;
        let integrity = format!("sha384-{}", STANDARD.encode(Sha384::digest(&module)));
        let entry = json!({
            "file": variant.module(),
            "bytes": module.len(),
            "sha256": sha256(&module),
            "integrity": integrity,
        });
        all.insert(variant.name().into(), entry);
    }
    let text = serde_json::to_string_pretty(&all)? + "\n";
    fs::write(folder.join("integrity.json"), text).context("can't write integrity.json")
}

/// SHA-256 in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
