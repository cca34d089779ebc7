use audit_core::entry::{BlockFate, Entry, EpochClose, FORMAT, SharesRoot};
use audit_core::epoch::ChunkRow;
use audit_core::hash::{BlockHash, Hash32};
use audit_core::merkle::{leaf_hash, tree_root};
use audit_core::policy::Policy;
use audit_core::share::ShareRecord;
use audit_core::work::{Level, Work};

use super::*;
use crate::tlog::check::TestLog;

/// More than two chunks.
const SHARES: u64 = 9_000;

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

/// A log of 300 entries, then the close of epoch 1, then 10 more.
async fn log() -> (TestLog, SealedShares) {
    let log = TestLog::new().await;
    let other = |number: u8| Entry::BlockMatured(BlockFate { hash: BlockHash([number; 32]) });
    log.append(&(0..300).map(|number| other(number as u8)).collect::<Vec<_>>()).await;
    let shares: Vec<u8> = (0..SHARES).flat_map(record).collect();
    let leaves: Vec<Hash32> = shares.chunks(RECORD_LEN).map(leaf_hash).collect();
    let row = |leaves: &[Hash32]| {
        ChunkRow { root: tree_root(leaves), first: BlockHash([0; 32]), work: Work::ZERO }.to_bytes()
    };
    let chunks: Vec<u8> = leaves.chunks(CHUNK_RECORDS).flat_map(row).collect();
    log.store.put("epoch/1/shares", &shares).unwrap();
    log.store.put("epoch/1/chunks", &chunks).unwrap();
    let none = Hash32([0; 32]);
    let close = EpochClose {
        format: FORMAT,
        epoch: 1,
        shares: SharesRoot { count: SHARES, work: Work::ZERO, root: tree_root(&leaves) },
        levels: vec![Level::MIN],
        jobs: none,
        sessions: none,
        chunks: none,
        rejects: none,
        best_hash: None,
        end_ms: None,
    };
    log.append(&[Entry::EpochClose(close)]).await;
    log.append(&(0..10).map(other).collect::<Vec<_>>()).await;
    (log, SealedShares { epoch: 1, close_index: 300, count: SHARES })
}

#[tokio::test]
async fn every_entry_has_a_proof_under_the_newest_head_and_under_a_kept_one() {
    let (log, _) = log().await;
    let vkey = log.sequencer.vkey();
    let (prover, policy) = (Prover { store: &log.store, vkey: &vkey }, Policy::of_log(vkey.clone()));
    for (size, head_size) in [(None, 311), (Some(301), 301)] {
        let head = prover.head(size).unwrap().unwrap();
        assert_eq!(head.size(), head_size);
        for index in [0, 255, 256, 299, 300] {
            let bytes = prover.entry(index, &head).unwrap().to_bytes();
            let proof = TlogProof::parse(&bytes).unwrap();
            let judged = policy.judge(&proof.note).unwrap();
            assert_eq!(judged.checkpoint.size, head_size);
            proof.verify(proof.extra.as_ref().unwrap(), &judged.checkpoint).unwrap();
            assert_eq!(proof.index, index);
        }
    }
    assert!(prover.head(Some(302)).unwrap().is_none(), "only kept checkpoints are published");
}

#[tokio::test]
async fn shares_have_proofs_wherever_they_are_in_the_epoch() {
    let (log, sealed) = log().await;
    let vkey = log.sequencer.vkey();
    let prover = Prover { store: &log.store, vkey: &vkey };
    let head = prover.head(Some(301)).unwrap().unwrap();
    for (first, count) in [(0, 1), (0, 4_096), (4_095, 2), (5_000, 4_000), (SHARES - 1, 1), (8_191, 809)] {
        let bytes = prover.shares(&sealed, first, count, &head).unwrap().to_bytes();
        let (close, records) = ShareProof::parse(&bytes).unwrap().verify(&head.checkpoint).unwrap();
        assert_eq!((close.epoch, records.len() as u64), (1, count));
        assert_eq!(records[0].extranonce2, first.to_be_bytes());
    }
}

#[tokio::test]
async fn a_damaged_file_gives_an_error_and_no_proof() {
    let (log, sealed) = log().await;
    let vkey = log.sequencer.vkey();
    let prover = Prover { store: &log.store, vkey: &vkey };
    let head = prover.head(None).unwrap().unwrap();
    let damage = |path: &str, at: usize| {
        let mut bytes = log.store.read(path).unwrap().unwrap();
        bytes[at] ^= 1;
        log.store.replace(path, &bytes).unwrap();
    };
    damage("epoch/1/shares", 24 * 100);
    assert!(matches!(prover.shares(&sealed, 50, 1, &head), Err(ProverError::Shares(1, _))));
    prover.shares(&sealed, 4_096, 1, &head).unwrap();
    damage("log/tile/0/000", 32 * 9);
    assert!(matches!(prover.entry(5, &head), Err(ProverError::Entry(5, _))));
    damage("log/checkpoint", 3);
    assert!(matches!(prover.head(None), Err(ProverError::Checkpoint(_))));
}
