use core::convert::Infallible;
use std::{string::String, vec};

use super::*;
use crate::{
    checkpoint::LogKey,
    entry::{FORMAT, SharesRoot},
    epoch::{CHUNK_RECORDS, ChunkRow},
    hash::BlockHash,
    merkle::{inclusion_proof, prove_range, tree_root},
    work::{Level, Work},
};
use proptest::prelude::*;

fn key() -> LogKey {
    LogKey::new("log.example/pool/v1", &[7; 32])
}

fn record(number: u64) -> [u8; RECORD_LEN] {
    let share = ShareRecord {
        job: 0,
        level: Level::MIN,
        session: 0,
        extranonce2: number.to_be_bytes(),
        ntime_offset: 0,
        version_bits: 0,
        nonce: 0,
        seconds: 0,
    };
    share.to_bytes()
}

/// The files `shares` and `chunks`.
fn files(count: u64) -> (Vec<u8>, Vec<u8>) {
    let shares: Vec<u8> = (0..count).flat_map(record).collect();
    let chunks = shares.chunks(CHUNK_RECORDS * RECORD_LEN).flat_map(|chunk| {
        let leaves: Vec<Hash32> = chunk.chunks(RECORD_LEN).map(leaf_hash).collect();
        ChunkRow { root: tree_root(&leaves), first: BlockHash([0; 32]), work: Work::ZERO }.to_bytes()
    });
    let chunks = chunks.collect();
    (shares, chunks)
}

fn close(shares: &[u8]) -> EpochClose {
    let leaves: Vec<Hash32> = shares.chunks(RECORD_LEN).map(leaf_hash).collect();
    let none = Hash32([0; 32]);
    EpochClose {
        format: FORMAT,
        epoch: 7,
        shares: SharesRoot { count: leaves.len() as u64, work: Work::ZERO, root: tree_root(&leaves) },
        levels: vec![Level::MIN],
        jobs: none,
        sessions: none,
        chunks: none,
        rejects: none,
        best_hash: Some(BlockHash([0; 32])),
        end_ms: None,
    }
}

fn range(shares: &[u8], chunks: &[u8], first: u64, count: u64) -> Vec<Hash32> {
    let read = |chunk: u64| {
        let start = chunk as usize * CHUNK_RECORDS * RECORD_LEN;
        Ok::<_, Infallible>(shares[start..shares.len().min(start + CHUNK_RECORDS * RECORD_LEN)].to_vec())
    };
    let total = (shares.len() / RECORD_LEN) as u64;
    let Ok(hashes) = prove_range(first, first + count, total, &mut ShareTree::new(chunks, read));
    hashes
}

/// A proof out of a log of three entries whose second closes epoch 7.
fn proof(total: u64, first: u64, count: u64) -> ShareProof {
    let (shares, chunks) = files(total);
    let entry = Entry::EpochClose(close(&shares)).to_bytes();
    let leaves = [leaf_hash(b"before"), leaf_hash(&entry), leaf_hash(b"behind")];
    let head = Checkpoint { origin: key().origin().into(), size: 3, root: tree_root(&leaves) };
    let hashes = inclusion_proof(1, &leaves).unwrap();
    ShareProof {
        epoch: 7,
        first,
        records: (first..first + count).map(record).collect(),
        hashes: range(&shares, &chunks, first, count),
        close: TlogProof { extra: Some(entry), index: 1, hashes, note: head.sign(&key()) },
    }
}

fn verify(proof: &ShareProof) -> Result<Vec<ShareRecord>, ShareProofError> {
    let head = Checkpoint::from_note(&proof.close.note, &key().vkey()).unwrap();
    proof.verify(&head).map(|(_, records)| records)
}

fn verifies(bytes: &[u8]) -> bool {
    let Ok(proof) = ShareProof::parse(bytes) else { return false };
    let Ok(head) = Checkpoint::from_note(&proof.close.note, &key().vkey()) else { return false };
    proof.verify(&head).is_ok()
}

#[test]
fn any_range_of_any_epoch_verifies() {
    for total in [1, 2, 11, 4_096, 4_097, 10_000, 12_288] {
        for (first, count) in [(0, 1), (total - 1, 1), (0, total), (total / 2, total - total / 2), (total / 3, 1)] {
            let proof = proof(total, first, count.min(SHARES_MAX));
            let records = verify(&proof).unwrap();
            assert_eq!(records[0].extranonce2, first.to_be_bytes(), "{total}: {first} {count}");
            assert_eq!(ShareProof::parse(&proof.to_bytes()), Ok(proof));
        }
    }
}

#[test]
fn no_bit_of_a_proof_can_change() {
    for (total, first, count) in [(11, 4, 3), (1, 0, 1)] {
        let bytes = proof(total, first, count).to_bytes();
        assert!(verifies(&bytes));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(!verifies(&changed), "byte {at}, bit {bit}");
            }
            assert!(!verifies(&bytes[..at]), "cut at {at}");
        }
    }
}

#[test]
fn a_proof_of_something_else_is_refused() {
    let honest = proof(11, 4, 3);
    assert!(verify(&honest).is_ok());
    let check = |expected: ShareProofError, cheat: &dyn Fn(&mut ShareProof)| {
        let mut proof = honest.clone();
        cheat(&mut proof);
        assert_eq!(verify(&proof).unwrap_err(), expected);
    };
    check(ShareProofError::OtherEntry(8), &|proof| proof.epoch = 8);
    check(ShareProofError::NoEntry, &|proof| proof.close.extra = None);
    check(ShareProofError::Shares(ProofError::Length), &|proof| proof.hashes.truncate(1));
    check(ShareProofError::Shares(ProofError::Range), &|proof| proof.first = 9);
    check(ShareProofError::Close(ProofError::Range), &|proof| proof.close.index = 3);
    for cheat in [
        &(|proof: &mut ShareProof| proof.records.swap(0, 1)) as &dyn Fn(&mut ShareProof),
        &|proof| proof.records[2] = record(11),
        &|proof| proof.records.truncate(2),
        &|proof| proof.hashes.swap(1, 2),
    ] {
        let mut proof = honest.clone();
        cheat(&mut proof);
        assert!(matches!(verify(&proof), Err(ShareProofError::Shares(ProofError::Root { .. }))));
    }
    let mut other = honest.clone();
    other.close.extra = Some(Entry::EpochClose(close(&files(12).0)).to_bytes());
    assert!(matches!(verify(&other), Err(ShareProofError::Close(ProofError::Root { .. }))));
}

#[test]
fn every_other_text_of_a_proof_is_refused_with_its_line() {
    let text = String::from_utf8(proof(11, 4, 3).to_bytes()).unwrap();
    #[track_caller]
    fn check(text: &str, line: usize) {
        assert_eq!(ShareProof::parse(text.as_bytes()).map_err(|error| error.line), Err(line), "{text}");
    }
    check(&text.replace("@v1\nepoch", "@v2\nepoch"), 1);
    check(&text.replace("epoch 7", "epoch 07"), 2);
    check(&text.replace("first 4", "first -4"), 3);
    check(&text.replace("count 3", "count 0"), 4);
    check(&text.replace("count 3", "count 4097"), 4);
    check(&text.replace("count 3", "count 2"), 8);
    check(&text.replace("count 3", "count 4"), 8);
    check(&text.replace("count 3\n", "count 3\nAAAA\n"), 5);
    check(&text.replace("c2sp.org", "C2SP.org"), text[..text.find("c2sp.org").unwrap()].lines().count() + 1);
}

#[test]
fn the_longest_proof_fits_its_limit() {
    let mut longest = proof(1, 0, 1);
    longest.records = vec![record(0); SHARES_MAX as usize];
    longest.hashes = vec![Hash32([7; 32]); HASHES_MAX];
    assert!(longest.to_bytes().len() <= SHARE_PROOF_MAX);
    assert_eq!(ShareProof::parse(&longest.to_bytes()), Ok(longest));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_ranges_verify_at_their_place_only(total in 1u64..9_000, at: u64, count in 1u64..5_000, shift in 1u64..50) {
        let first = at % total;
        let count = count.min(SHARES_MAX).min(total - first);
        let mut proof = proof(total, first, count);
        prop_assert!(verify(&proof).is_ok());
        proof.first = first.wrapping_add(shift);
        prop_assert!(verify(&proof).is_err());
        proof.first = first.wrapping_sub(shift);
        prop_assert!(verify(&proof).is_err());
    }

    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(proof) = ShareProof::parse(&bytes) {
            prop_assert_eq!(proof.to_bytes(), bytes);
        }
    }
}
