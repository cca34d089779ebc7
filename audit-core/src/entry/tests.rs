use std::{string::ToString, vec};

use super::*;

#[test]
fn type_comes_first_and_options_are_null() {
    let manifest = Entry::Manifest(Manifest {
        format: FORMAT,
        network: "regtest".into(),
        coin: "BTC".into(),
        proof_of_work: "sha256d".into(),
        payout_scripts: vec![HexBytes(vec![0x51])],
        coinbase_tag: b"/ph/".to_vec(),
        epoch_ms: 300_000,
        grace_ms: 120_000,
        accrual_epochs: 288,
        verifier_wasm_sha256: Vec::new(),
        software_version: "0.1.0".into(),
        predecessor: None,
        retention: Retention::All,
    });
    let text = String::from_utf8(manifest.to_bytes()).unwrap();
    assert!(text.starts_with(r#"{"type":"manifest","format":1,"network":"regtest""#), "{text}");
    assert!(text.contains(r#""payout_scripts":["51"],"coinbase_tag":"2f70682f""#), "{text}");
    assert!(
        text.ends_with(r#""verifier_wasm_sha256":[],"software_version":"0.1.0","predecessor":null,"retention":"all"}"#)
    );
    assert_eq!(Entry::from_bytes(text.as_bytes()), Ok(manifest));
}

#[test]
fn unknown_types_formats_and_fields_are_told_apart() {
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = Entry::from_bytes(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    check(r#"{"type":"prophecy"}"#, r#"entry type "prophecy": this verifier is too old"#);
    let hash = "00".repeat(32);
    check(&std::format!(r#"{{"type":"block_matured","hash":"{hash}","x":1}}"#), "unknown field");
    check(&std::format!(r#"{{"hash":"{hash}","type":"block_matured"}}"#), "not canonical");
    check(&std::format!(r#"{{"type":"block_matured","hash":"{hash}"}} "#), "not canonical");
    check("", "line 1");
    let close = std::format!(
        r#"{{"type":"epoch_close","format":2,"epoch":1,"shares":{{"count":0,"work":"0","root":"{hash}"}},"levels":[],"jobs":"{hash}","sessions":"{hash}","chunks":"{hash}","rejects":"{hash}","best_hash":null,"end_ms":null}}"#
    );
    check(&close, "format 2: this verifier is too old");
    assert!(Entry::from_bytes(close.replace("format\":2", "format\":1").as_bytes()).is_ok());
}
