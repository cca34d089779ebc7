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
    for last_step in 0..=3 {
        let log = TestLog::new().await;
        log.append(&entries(254)).await;
        log.sequence(&[entry(254), entry(255), epoch_open(1)]).await;
        let shared = &log.sequencer.shared;
        let [(size, kept)] = shared.sizes_to_sign(254).await.unwrap()[..] else { panic!("one size") };
        if last_step >= 1 {
            let edge = log.write_tiles(size).await;
            if last_step >= 2 {
                let row = shared.sign(&edge, kept).await.unwrap();
                if last_step >= 3 {
                    shared.publish(&row).await.unwrap();
                }
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
    let row = shared.sign(&log.write_tiles(3).await, true).await.unwrap();
    assert_eq!(log.checkpoint().size, 2);
    let log = log.reopen().await;
    log.check();
    assert_eq!(log.store.read("log/checkpoint").unwrap().unwrap(), row.note.into_bytes());
}

#[tokio::test]
async fn a_second_root_for_a_size_is_never_signed() {
    let log = TestLog::new().await;
    log.append(&entries(2)).await;
    let mut other = Edge::new();
    other.push(b"another");
    other.push(b"history");
    let refused = log.sequencer.shared.sign(&other, false).await.unwrap_err();
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
    assert!(matches!(refused, TlogError::OtherEntry(0)), "{refused}");
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
async fn missing_files_at_the_edge_are_restored_and_changed_ones_refused() {
    let log = TestLog::new().await;
    log.append(&entries(300)).await;
    for path in ["log/tile/0/001.p/44", "log/tile/entries/001.p/44", "log/tile/1/000.p/1"] {
        let folder = log.stop_copy().await;
        let file = folder.path().join(path);
        let bytes = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        let restored = TestLog::open(folder).await.unwrap();
        restored.check();
        assert_eq!(restored.store.read(path).unwrap(), Some(bytes.clone()));
        let folder = restored.stop().await;
        let changed = bytes.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>();
        std::fs::write(folder.path().join(path), changed).unwrap();
        let refused = TestLog::open(folder).await.err().unwrap();
        assert!(matches!(refused, TlogError::Tree(_)), "{refused}");
        assert!(refused.to_string().contains("check-log"), "{refused}");
    }
}

#[tokio::test]
async fn a_start_reads_a_few_files_however_long_the_log_is() {
    let log = TestLog::new().await;
    log.append(&entries(3_000)).await;
    let folder = log.stop().await;
    // All that a start may need of the full tiles and bundles: none is at the edge of this tree.
    for index in 0..11 {
        std::fs::remove_file(folder.path().join(format!("log/tile/entries/{index:03}"))).unwrap();
        std::fs::remove_file(folder.path().join(format!("log/tile/0/{index:03}"))).unwrap();
    }
    let log = TestLog::open(folder).await.unwrap();
    assert_eq!(log.sequencer.head().size, 3_000);
    log.sequence(&entries(10)).await;
    log.sequencer.lock().await.integrate().await.unwrap();
    assert_eq!(log.checkpoint().size, 3_010);
}

#[tokio::test]
async fn partial_files_are_deleted_once_full_ones_replace_them() {
    let log = TestLog::new().await;
    for count in [200, 50, 5] {
        log.append(&entries(count)).await;
    }
    assert_eq!(log.store.list("log/tile/0/000.p").unwrap().len(), 3);
    log.append(&entries(2)).await;
    for folder in ["log/tile/0/000.p", "log/tile/entries/000.p"] {
        assert_eq!(log.store.list(folder).unwrap(), Vec::<String>::new(), "{folder}");
    }
    assert_eq!(log.store.list("log/tile/0/001.p").unwrap(), ["1"]);
    // What a crash between publishing and deleting leaves.
    log.store.put("log/tile/0/000.p/255", b"left over").unwrap();
    let log = log.reopen().await;
    assert_eq!(log.store.list("log/tile/0/000.p").unwrap(), Vec::<String>::new());
    log.check();
}

#[tokio::test]
async fn the_tiles_are_those_of_the_tlog_tiles_crate() {
    use tlog_tiles::{HashReader, Tile, TileHashReader, TileReader, prove_record};
    struct Reader<'a>(&'a EvidenceStore);
    impl TileReader for Reader<'_> {
        fn height(&self) -> u8 {
            8
        }
        fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
            let path = |tile: &Tile| format!("log/{}", tile.path().replacen("tile/8/", "tile/", 1));
            Ok(tiles.iter().map(|tile| self.0.read(&path(tile)).unwrap().unwrap()).collect())
        }
        fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
    }
    let log = TestLog::new().await;
    log.append(&entries(700)).await;
    let (checkpoint, reader) = (log.checkpoint(), Reader(&log.store));
    // Checks every tile that it reads against the root.
    let reader = TileHashReader::new(checkpoint.size, tlog_tiles::Hash(checkpoint.root.0), &reader);
    assert_eq!(reader.read_hashes(&(0..1_000).collect::<Vec<_>>()).unwrap().len(), 1_000);
    for index in [0, 255, 256, 699] {
        let proof = prove_record(700, index, &reader).unwrap();
        let proof: Vec<Hash32> = proof.iter().map(|hash| Hash32(hash.0)).collect();
        assert_eq!(audit_core::tile_tree::inclusion_proof(&log.store, index, 700).unwrap(), proof);
    }
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

async fn whole_log_check(log: &TestLog, restore: bool) -> LogCheck {
    let mut progress = Vec::new();
    let mut note = |done, all| progress.push((done, all));
    let check = check_log(&log.database, &log.store, &log.sequencer.vkey(), restore, &mut note).await.unwrap();
    if check.fault_count == 0 {
        assert_eq!(progress.last(), Some(&(check.size, check.size)));
    }
    check
}

/// What a check of the whole log says after `damage`, as `place: what` lines.
async fn faults_after(damage: impl AsyncFnOnce(&TestLog)) -> Vec<String> {
    let log = TestLog::new().await;
    log.append(&entries(300)).await;
    log.append(&[epoch_open(1)]).await;
    log.append(&entries(5)).await;
    assert_eq!(whole_log_check(&log, false).await.fault_count, 0);
    damage(&log).await;
    whole_log_check(&log, false).await.faults.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_check_of_the_whole_log_says_which_file_is_wrong() {
    for path in [
        "log/tile/0/000",
        "log/tile/entries/000",
        "log/tile/0/001.p/50",
        "log/tile/entries/001.p/50",
        "log/tile/1/000.p/1",
        "log/checkpoints/301",
        "log/checkpoint",
    ] {
        let changed = async |log: &TestLog| {
            let mut bytes = log.store.read(path).unwrap().unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            log.store.replace(path, &bytes).unwrap();
        };
        let faults = faults_after(changed).await;
        assert!(matches!(&faults[..], [fault] if fault.starts_with(&format!("{path}: "))), "{faults:?}");
        let missing = async |log: &TestLog| std::fs::remove_file(log.folder.path().join(path)).unwrap();
        assert_eq!(faults_after(missing).await, [format!("{path}: missing")]);
    }
}

#[tokio::test]
async fn a_check_of_the_whole_log_says_which_row_is_wrong() {
    let execute = |sql: &'static str| {
        async move |log: &TestLog| {
            log.database.execute(sql).await;
        }
    };
    let faults = faults_after(execute("DELETE FROM log_entries WHERE leaf_index = 7")).await;
    assert_eq!(faults, ["table log_entries, leaf index 7: the row is missing"]);
    let faults = faults_after(execute("DELETE FROM log_entries WHERE leaf_index > 299")).await;
    assert_eq!(faults, ["table log_entries, leaf index 300: the row is missing"]);
    let faults = faults_after(execute("UPDATE log_entries SET kind = 'terms' WHERE leaf_index = 7")).await;
    assert_eq!(faults, ["table log_entries, leaf index 7: its kind is terms, the entry's is block_matured"]);
    let faults = faults_after(execute("DELETE FROM checkpoints WHERE size > 300")).await;
    assert_eq!(faults, ["table checkpoints: the newest row has size 300, but 306 is published: rows were deleted"]);
    let other_entry =
        "UPDATE log_entries SET entry = (SELECT entry FROM log_entries WHERE leaf_index = 8) WHERE leaf_index = 7";
    let faults = faults_after(execute(other_entry)).await;
    assert!(faults[0].starts_with("log/tile/entries/000: other bytes"), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.starts_with("log/checkpoint: root")), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.starts_with("table checkpoints, size 300: root")), "{faults:?}");
}

#[tokio::test]
async fn a_check_of_the_whole_log_restores_what_is_missing_when_asked() {
    let log = TestLog::new().await;
    log.append(&entries(600)).await;
    let paths = ["log/tile/entries/001", "log/tile/0/001", "log/tile/1/000.p/2"];
    for path in paths {
        std::fs::remove_file(log.folder.path().join(path)).unwrap();
    }
    assert_eq!(whole_log_check(&log, true).await.restored, paths);
    assert_eq!(whole_log_check(&log, false).await.fault_count, 0);
    log.check();
}
