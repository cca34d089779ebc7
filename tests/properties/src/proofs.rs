//! Parsers of proofs, of what a witness is asked, and of what it answers.

use audit_core::{
    checkpoint::{Checkpoint, LogKey},
    cosignature::WitnessKey,
    fork::ForkProof,
    hash::Hash32,
    merkle::tree_root,
    policy::Policy,
    share_proof::{SHARES_MAX, ShareProof},
    tlog_proof::TlogProof,
    witness::AddCheckpoint,
};

/// A policy that asks one of two witnesses for the log of the corpora.
fn policy() -> Policy {
    let witness = |seed: u8| WitnessKey::new(&format!("witness.test/{seed}"), &[seed; 32]).vkey();
    let (log, first, second) = (key().vkey(), witness(8), witness(9));
    let text = format!("log {log}\nwitness a {first}\nwitness b {second}\ngroup either any a b\nquorum either\n");
    Policy::parse(text).expect("three keys make a policy")
}

fn key() -> LogKey {
    LogKey::new("log.test/provenhash/v1", &[7; 32])
}

/// A note that a policy believes is the log's, and starts with what is believed.
pub(crate) fn judged_note(bytes: &[u8]) {
    if let Ok(judged) = policy().judge(bytes) {
        assert!(bytes.starts_with(judged.checkpoint.body().as_bytes()));
        assert!(!judged.cosigned.is_empty(), "no quorum");
    }
}

/// A proof of an entry has one form; what it proves of a tree of one leaf is that leaf.
pub(crate) fn tlog_proof(bytes: &[u8]) {
    let Ok(read) = TlogProof::parse(bytes) else { return };
    assert_eq!(read.to_bytes(), bytes);
    let head = Checkpoint { origin: "log.test/provenhash/v1".into(), size: 1, root: tree_root(&[Hash32([1; 32])]) };
    assert!(read.verify(b"another leaf", &head).is_err());
}

/// A proof of shares has one form and a greatest length.
pub(crate) fn share_proof(bytes: &[u8]) {
    let Ok(read) = ShareProof::parse(bytes) else { return };
    assert_eq!(read.to_bytes(), bytes);
    assert!((1..=SHARES_MAX).contains(&(read.records.len() as u64)));
}

/// What a witness is asked has one form.
pub(crate) fn add_checkpoint(bytes: &[u8]) {
    let Ok(read) = AddCheckpoint::parse(bytes) else { return };
    assert_eq!(read.to_bytes(), bytes);
    let latest = |_: &str| Some(Checkpoint { origin: String::new(), size: 7, root: Hash32([3; 32]) });
    if let Ok(accepted) = read.judge(&[key().vkey()], latest) {
        assert!(accepted.checkpoint.size >= 7 && read.note.starts_with(&accepted.text));
    }
}

/// A proof of a fork has one form, and no bytes prove that an honest log forked.
pub(crate) fn fork_proof(bytes: &[u8]) {
    let Ok(read) = ForkProof::parse(bytes) else { return };
    assert_eq!(read.to_bytes(), bytes);
    assert!(read.check(&policy()).is_err());
}
