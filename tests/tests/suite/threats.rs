//! Every lie of the vectors, shown to the command line: it must fail the same check there.

use std::fs;
use std::path::Path;

use audit_core::bundle::Files;
use audit_core::checkpoint::Checkpoint;
use audit_core::entry::LogHead;
use audit_core::json::to_canonical;
use serde_json::json;
use tests::auditor::Audit;
use tests::operator::cases::{Vector, vectors};
use tests::{bundle, figure};

/// What the command line can't be told: it is no page's WASM.
fn concerns_the_page(vector: &Vector) -> bool {
    vector.fails.as_deref() == Some("verifier.self")
}

/// The checks that fail when `provenhash-audit verify` is asked what the vector asks.
fn failed(vector: &Vector, folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut files = Files::new();
    for (path, content) in &vector.files {
        files.insert(path.clone(), hex::decode(content)?);
    }
    bundle::resum(&mut files);
    let evidence = folder.join("evidence");
    bundle::write(&files, &evidence)?;
    let keep = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).map(|()| folder.join(name));
    let mut audit = Audit::of(&evidence)?.policy(&keep("policy", vector.policy.as_bytes())?);
    if let Some(receipt) = &vector.receipt {
        audit = audit.receipt(&keep("receipt.json", &to_canonical(receipt))?);
    }
    if let Some(claims) = &vector.claims {
        audit = audit.claims(&keep("claims.json", &to_canonical(claims))?);
    }
    if let Some(LogHead { origin, size, root }) = vector.remembered.clone() {
        audit = audit.seen(&keep("seen", Checkpoint { origin, size, root }.body().as_bytes())?);
    }
    let verdict = audit.run()?;
    anyhow::ensure!(verdict.report.is_some(), "{}", verdict.message);
    Ok(verdict.failures().iter().map(|check| check.id.clone()).collect())
}

#[test]
fn every_lie_fails_the_same_check_on_the_command_line() -> anyhow::Result<()> {
    let mut caught = 0;
    for (name, vector) in vectors().into_iter().filter(|(_, vector)| !concerns_the_page(vector)) {
        let folder = tempfile::tempdir()?;
        let expected: Vec<String> = vector.fails.iter().cloned().collect();
        assert_eq!(failed(&vector, folder.path())?, expected, "{name}");
        caught += expected.len();
    }
    figure::print("threats", json!({ "caught_by_cli": caught }));
    Ok(())
}
