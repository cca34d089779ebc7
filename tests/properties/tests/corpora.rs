//! Every input that fuzzing found worth keeping, and every file of the audit vectors, against its parser's property.

use std::fs;
use std::path::{Path, PathBuf};

use properties::{TARGETS, property};
use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("properties is a folder of tests").join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.sort();
    files
}

#[test]
fn every_kept_input_keeps_its_property() {
    for (target, property) in TARGETS {
        let inputs = files(&folder("corpora").join(target));
        assert!(!inputs.is_empty(), "{target} has no corpus");
        for input in inputs {
            println!("{}", input.display());
            property(&fs::read(&input).expect("a readable file"));
        }
    }
}

#[test]
fn every_corpus_has_its_target() {
    for corpus in files(&folder("corpora")) {
        property(&corpus.file_name().expect("a folder").to_string_lossy());
    }
}

#[test]
fn every_file_of_every_vector_keeps_its_property() {
    let mut tried = 0;
    for vector in files(&folder("vectors/audit")) {
        println!("{}", vector.display());
        let vector: Value = serde_json::from_slice(&fs::read(&vector).expect("a readable file")).expect("JSON");
        for (path, content) in vector["files"].as_object().expect("files by path") {
            let Some(target) = target_of(path) else { continue };
            property(target)(&bytes(content));
            tried += 1;
        }
    }
    assert!(tried > 0);
}

/// The parser that reads a file of the evidence; none for those that are lists of entries or hashes.
fn target_of(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next()?;
    match path.split('/').next()? {
        "log" if path.starts_with("log/checkpoint") => Some("note"),
        "log" if name == "policy" => Some("policy"),
        "allocation" => Some("allocation"),
        "accrual" => Some("accrual"),
        "conclusion" => Some("conclusion"),
        "settlement" => Some("settlement"),
        "liabilities" => Some("liabilities"),
        "payout" => Some("payout"),
        "chain" if path.starts_with("chain/side/") => Some("side_headers"),
        "chain" if name == "coinbases" => Some("coinbase_row"),
        "epoch" => match name {
            "jobs.json" => Some("jobs"),
            "sessions.json" => Some("sessions"),
            "rejects.json" => Some("rejects"),
            "shares" => Some("record"),
            _ => None,
        },
        _ => None,
    }
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().expect("hex").as_bytes();
    let digit = |digit: u8| (digit as char).to_digit(16).expect("hex") as u8;
    hex.as_chunks::<2>().0.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)).collect()
}
