//! The JSON vectors that `tests/wasm` runs in WASM too.

use std::{collections::BTreeSet, fs, path::PathBuf};

use audit_core::{
    audit::Outcome,
    bundle::Files,
    hash::{BlockHash, Hash32, sha256d},
    header::Header,
    job::fold_branch,
    work::Nbits,
};
use serde::Deserialize;
use tests::operator::cases::{Vector, vectors};

use crate::cheats::run;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

#[test]
fn audit_vectors_are_the_generators_and_fail_only_their_check() {
    let mut names = BTreeSet::new();
    for (name, made) in vectors() {
        let stored = fs::read(folder().join(format!("audit/{name}.json"))).unwrap();
        let stored: Vector = serde_json::from_slice(&stored).unwrap();
        assert!(stored == made, "{name}: run `cargo run -p tests --bin make_vectors` and read the difference");
        judge(&stored);
        names.insert(format!("{name}.json"));
    }
    let found = fs::read_dir(folder().join("audit")).unwrap();
    let found: BTreeSet<_> = found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, names);
}

fn judge(vector: &Vector) {
    let files: Files =
        vector.files.iter().map(|(path, hex)| (path.clone(), hex::decode(hex).expect("vectors are hex"))).collect();
    let report = run(&files, &vector.request());
    let failed = report.checks.iter().filter(|check| check.outcome == Outcome::Failed);
    let failed: Vec<&str> = failed.map(|check| check.id.id()).collect();
    assert_eq!(failed, vector.fails.as_deref().into_iter().collect::<Vec<_>>(), "{}", vector.name);
    assert_eq!(report.held, vector.fails.is_none());
    if let Some(work) = vector.work {
        assert_eq!(report.totals.work, work);
        assert_eq!(report.contract.map(|contract| contract.credited_sats), vector.credited_sats);
    }
}

#[derive(Deserialize)]
struct Block {
    name: String,
    hash: BlockHash,
    share: Share,
}

#[derive(Deserialize)]
struct Share {
    version: Nbits,
    prevhash: BlockHash,
    coinbase: String,
    branch: Vec<Hash32>,
    ntime: u32,
    nbits: Nbits,
    nonce: u32,
}

#[test]
fn real_bitcoin_blocks_are_shares_of_their_network_target() {
    let blocks: Vec<Block> = serde_json::from_slice(&fs::read(folder().join("blocks.json")).unwrap()).unwrap();
    assert!(blocks.len() >= 2);
    for Block { name, hash, share } in blocks {
        let txid = sha256d(&hex::decode(share.coinbase).unwrap());
        let header = Header {
            version: share.version.get(),
            prevhash: share.prevhash,
            merkle_root: fold_branch(txid, &share.branch),
            ntime: share.ntime,
            nbits: share.nbits,
            nonce: share.nonce,
        };
        assert_eq!(header.hash(), hash, "{name}");
        assert!(share.nbits.target().unwrap().is_met_by(&hash), "{name}");
    }
}
