use audit_core::allocation::AllocationRoot;
use audit_core::entry::{BlockFate, ChainTip, Entry, EpochOpen};
use audit_core::hash::{BlockHash, Hash32};
use audit_core::work::Units;
use tempfile::TempDir;

use super::check::TestLog;
use super::*;

/// Some entry, different for each number.
fn entry(number: u64) -> Entry {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    Entry::BlockMatured(BlockFate { hash: BlockHash(hash) })
}

fn entries(count: u64) -> Vec<Entry> {
    (0..count).map(entry).collect()
}

/// An entry whose checkpoint is kept.
fn epoch_open(epoch: u64) -> Entry {
    let allocation = AllocationRoot { count: 1, total: Units::new(1).unwrap(), root: Hash32([3; 32]) };
    let chain = ChainTip { height: 1, hash: BlockHash([4; 32]) };
    Entry::EpochOpen(EpochOpen { epoch, start_ms: epoch, chain, allocation })
}

/// A copy of the database as it is now; nobody may have it open.
fn backup(folder: &TempDir) -> Vec<u8> {
    std::fs::read(folder.path().join("provenhash.sqlite")).unwrap()
}

fn restore(folder: &TempDir, backup: &[u8]) {
    for suffix in ["-wal", "-shm"] {
        let side_file = folder.path().join(format!("provenhash.sqlite{suffix}"));
        if side_file.exists() {
            std::fs::remove_file(side_file).unwrap();
        }
    }
    std::fs::write(folder.path().join("provenhash.sqlite"), backup).unwrap();
}

#[tokio::test]
async fn log_grows_over_tile_boundaries_and_verifies_at_each_size() {
    let log = TestLog::new().await;
    for count in [1, 1, 253, 1, 1, 255, 300] {
        log.append(&entries(count)).await;
    }
    assert_eq!(log.checkpoint().size, 812);
    let log = log.reopen().await;
    assert_eq!(log.sequencer.head().size, 812);
    log.check();
}

#[tokio::test]
async fn an_uncommitted_entry_is_not_in_the_log() {
    let log = TestLog::new().await;
    log.append(&entries(3)).await;
    let guard = log.sequencer.lock().await;
    let mut tx = log.database.begin().await.unwrap();
    assert_eq!(guard.append(&mut tx, &entries(2)).await.unwrap(), 3);
    tx.rollback().await.unwrap();
    assert_eq!(guard.integrate().await.unwrap().size, 3);
    drop(guard);
    assert_eq!(log.append(&entries(1)).await, 3);
}

#[tokio::test]
async fn integrating_twice_changes_nothing() {
    let log = TestLog::new().await;
    log.append(&entries(5)).await;
    let before = log.store.read("log/checkpoint").unwrap();
    log.sequencer.lock().await.integrate().await.unwrap();
    assert_eq!(log.store.read("log/checkpoint").unwrap(), before);
}

#[tokio::test]
async fn every_epoch_entry_keeps_the_checkpoint_of_its_own_size() {
    let log = TestLog::new().await;
    // Sequenced together, integrated at once: as when a crash came between.
    log.sequence(&[entry(0), epoch_open(1), entry(1), epoch_open(2), entry(2)]).await;
    log.sequencer.lock().await.integrate().await.unwrap();
    log.check();
    let mut kept = log.store.list("log/checkpoints").unwrap();
    kept.sort();
    assert_eq!(kept, ["2", "4"]);
    assert!(log.sequencer.root_at(2).await.unwrap().is_some());
    assert!(log.sequencer.root_at(3).await.unwrap().is_none());
}

#[tokio::test]
async fn integration_resumes_after_a_crash_behind_each_step() {
    for last_step in 0..=4 {
        let log = TestLog::new().await;
        log.append(&entries(254)).await;
        log.sequence(&[entry(254), entry(255), epoch_open(1)]).await;
        let shared = &log.sequencer.shared;
        let [(size, kept)] = shared.sizes_to_sign(254).await.unwrap()[..] else { panic!("one size") };
        if last_step >= 1 {
            shared.hash_entries(size).await.unwrap();
        }
        if last_step >= 2 {
            shared.write_tiles(254, size).await.unwrap();
        }
        if last_step >= 3 {
            let row = shared.sign(size, kept).await.unwrap();
            if last_step >= 4 {
                shared.publish(&row).await.unwrap();
            }
        }
        // More entries may be committed by whoever had the turn before the crash was noticed.
        log.sequence(&[entry(256)]).await;
        let log = log.reopen().await;
        assert_eq!(log.sequencer.head().size, 258, "crash behind step {last_step}");
        log.check();
        assert!(log.sequencer.root_at(257).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_signed_but_unpublished_checkpoint_is_published_at_the_next_start() {
    let log = TestLog::new().await;
    log.append(&entries(2)).await;
    log.sequence(&[epoch_open(1)]).await;
    let shared = &log.sequencer.shared;
    shared.hash_entries(3).await.unwrap();
    shared.write_tiles(2, 3).await.unwrap();
    let row = shared.sign(3, true).await.unwrap();
    assert_eq!(log.checkpoint().size, 2);
    let log = log.reopen().await;
    log.check();
    assert_eq!(log.store.read("log/checkpoint").unwrap().unwrap(), row.note.into_bytes());
}

#[tokio::test]
async fn a_second_root_for_a_size_is_never_signed() {
    let log = TestLog::new().await;
    log.append(&entries(2)).await;
    let shared = &log.sequencer.shared;
    {
        let mut hashes = lock(&shared.hashes);
        *hashes = Hashes::default();
        hashes.push(b"another").unwrap();
        hashes.push(b"history").unwrap();
    }
    let refused = shared.sign(2, false).await.unwrap_err();
    assert!(matches!(refused, TlogError::Fork { size: 2, .. }));
}

#[tokio::test]
async fn a_restored_backup_that_is_older_than_the_published_log_is_refused() {
    let log = TestLog::new().await;
    log.append(&entries(3)).await;
    let folder = log.stop().await;
    let old = backup(&folder);
    let log = TestLog::open(folder).await.unwrap();
    log.append(&entries(2)).await;
    let folder = log.stop().await;
    restore(&folder, &old);
    let path = folder.path().to_owned();
    let before = std::fs::read(path.join("log/checkpoint")).unwrap();
    let key = load_or_create_key(&path.join("log.key"), check::ORIGIN, false).unwrap();
    let database = Database::open(&check::database_url(&folder)).await.unwrap();
    let refused = Sequencer::open(database, EvidenceStore::new(&path), key).await.err().unwrap();
    assert!(matches!(refused, TlogError::Behind { published: 5, found: 3, .. }));
    assert!(refused.to_string().contains("Restore a database with at least 5 entries"));
    assert_eq!(std::fs::read(path.join("log/checkpoint")).unwrap(), before);
}

#[tokio::test]
async fn a_database_with_another_history_is_refused() {
    let other = TestLog::new().await;
    other.sequence(&[entry(7), entry(8), entry(9), entry(10)]).await;
    let other_history = backup(&other.stop().await);
    let log = TestLog::new().await;
    log.append(&entries(3)).await;
    let folder = log.stop().await;
    restore(&folder, &other_history);
    let refused = TestLog::open(folder).await.err().unwrap();
    assert!(matches!(refused, TlogError::Fork { size: 3, .. }), "{refused}");
}

#[tokio::test]
async fn a_backup_from_between_sequencing_and_signing_goes_on() {
    let log = TestLog::new().await;
    log.append(&entries(3)).await;
    log.sequence(&[epoch_open(1)]).await;
    let folder = log.stop().await;
    let unsigned = backup(&folder);
    let folder = TestLog::open(folder).await.unwrap().stop().await;
    restore(&folder, &unsigned);
    let log = TestLog::open(folder).await.unwrap();
    log.check();
    assert!(log.sequencer.root_at(4).await.unwrap().is_some(), "the published checkpoint is known again");
    log.append(&entries(1)).await;
}

#[tokio::test]
async fn another_key_or_origin_is_refused() {
    let log = TestLog::new().await;
    log.append(&entries(1)).await;
    let folder = log.stop().await;
    for (origin, seed) in [("log.example/other", None), (check::ORIGIN, Some([9; 32]))] {
        let mut key = load_or_create_key(&folder.path().join("log.key"), origin, false).unwrap();
        if let Some(seed) = seed {
            key = LogKey::new(origin, &seed);
        }
        let database = Database::open(&check::database_url(&folder)).await.unwrap();
        let refused = Sequencer::open(database, EvidenceStore::new(folder.path()), key).await.err().unwrap();
        assert!(matches!(refused, TlogError::ForeignCheckpoint { .. }), "{refused}");
    }
}

#[tokio::test]
async fn missing_tiles_are_restored_and_changed_ones_refused() {
    let log = TestLog::new().await;
    log.append(&entries(300)).await;
    let folder = log.stop().await;
    let tile = folder.path().join("log/tile/0/000");
    std::fs::remove_file(&tile).unwrap();
    let log = TestLog::open(folder).await.unwrap();
    log.check();
    let folder = log.stop().await;
    std::fs::write(&tile, [0; 8192]).unwrap();
    let refused = TestLog::open(folder).await.err().unwrap();
    assert!(matches!(refused, TlogError::Evidence(EvidenceError::Changed(_))));
}

#[tokio::test]
async fn the_policy_names_this_log() {
    let log = TestLog::new().await;
    let policy = String::from_utf8(log.store.read("log/policy").unwrap().unwrap()).unwrap();
    assert_eq!(policy, format!("log {}\nquorum none\n", log.sequencer.vkey()));
}

#[test]
fn kinds_are_the_types_of_the_entries() {
    for entry in [entry(1), epoch_open(1)] {
        let json: serde_json::Value = serde_json::from_slice(&entry.to_bytes()).unwrap();
        assert_eq!(json["type"], kind(&entry));
    }
}
