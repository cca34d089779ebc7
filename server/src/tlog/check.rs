//! A log for tests that re-verifies itself: every entry, tile and checkpoint, with `audit-core`'s hashing and not the
//! tree that wrote them.

use std::path::Path;

use audit_core::checkpoint::Checkpoint;
use audit_core::entry::Entry;
use audit_core::hash::Hash32;
use audit_core::merkle::{
    consistency_proof, inclusion_proof, leaf_hash, tree_root, verify_consistency, verify_inclusion,
};
use audit_core::tile::{TILE_WIDTH, bundles, checkpoint_path, entries_path, split_bundle, tile_path};
use audit_core::tile_tree::Edge;
use tempfile::TempDir;

use super::{Sequencer, TlogError, load_or_create_key, lock};
use crate::db::Database;
use crate::evidence::EvidenceStore;

mod postgres;

pub(crate) use postgres::on_each_database;

pub(crate) const ORIGIN: &str = "log.example/pool/v1";

/// A log in a folder of its own.
pub(crate) struct TestLog {
    pub(crate) folder: TempDir,
    pub(crate) database: Database,
    pub(crate) store: EvidenceStore,
    pub(crate) sequencer: Sequencer,
}

impl TestLog {
    pub(crate) async fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap()).await.unwrap()
    }

    /// What a start of the program does with the folder.
    pub(crate) async fn open(folder: TempDir) -> Result<Self, TlogError> {
        let database = Database::open(&postgres::url(&folder).await.unwrap_or_else(|| database_url(&folder))).await?;
        let store = EvidenceStore::new(folder.path());
        let key = load_or_create_key(&folder.path().join("log.key"), ORIGIN, true).unwrap();
        let sequencer = match Sequencer::open(database.clone(), store.clone(), key).await {
            Ok(sequencer) => sequencer,
            Err(error) => {
                database.close().await;
                return Err(error);
            }
        };
        Ok(Self { folder, database, store, sequencer })
    }

    /// Everything in memory is gone, as after kill −9.
    pub(crate) async fn reopen(self) -> Self {
        Self::open(self.stop().await).await.unwrap()
    }

    /// Lets go of the database; the folder stays.
    pub(crate) async fn stop(self) -> TempDir {
        self.database.close().await;
        self.folder
    }

    /// A copy of the folder as a stop would leave it; this log goes on.
    pub(crate) async fn stop_copy(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        let file = copy.path().join("provenhash.sqlite");
        self.database.execute(&format!("VACUUM INTO '{}'", file.display())).await;
        copy_folder(self.folder.path(), copy.path());
        copy
    }

    /// What step 1 of an integration does.
    pub(crate) async fn write_tiles(&self, size: u64) -> Edge {
        let shared = &self.sequencer.shared;
        let edge = lock(&shared.edge).clone();
        shared.write_tiles(edge, size).await.unwrap()
    }

    /// Sequences entries and nothing more: what a crash right after the commit leaves.
    pub(crate) async fn sequence(&self, entries: &[Entry]) -> u64 {
        let guard = self.sequencer.lock().await;
        let mut tx = self.database.begin().await.unwrap();
        let first = guard.append(&mut tx, entries).await.unwrap();
        tx.commit().await.unwrap();
        first
    }

    /// Sequences, integrates, publishes, and checks the whole log.
    pub(crate) async fn append(&self, entries: &[Entry]) -> u64 {
        let first = self.sequence(entries).await;
        self.sequencer.lock().await.integrate().await.unwrap();
        self.check();
        first
    }

    /// The published checkpoint.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        self.checkpoint_at("log/checkpoint")
    }

    /// The published entries.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let entries = entry_bytes(&self.store, self.checkpoint().size);
        entries.iter().map(|bytes| Entry::from_bytes(bytes).unwrap()).collect()
    }

    /// Verifies all that is published.
    ///
    /// # Panics
    /// On the first thing that is wrong or missing.
    pub(crate) fn check(&self) {
        let checkpoint = self.checkpoint();
        let entries = entry_bytes(&self.store, checkpoint.size);
        let leaves: Vec<Hash32> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        assert_eq!(tree_root(&leaves), checkpoint.root, "root over all entries");
        assert_eq!(self.sequencer.head().size, checkpoint.size);
        self.check_tiles(&leaves);
        self.check_kept(&entries, &leaves, &checkpoint);
        for index in [0, leaves.len() / 2, leaves.len().saturating_sub(1)] {
            if let Some(leaf) = leaves.get(index) {
                let proof = inclusion_proof(index, &leaves).unwrap();
                verify_inclusion(leaf, index as u64, checkpoint.size, &proof, &checkpoint.root).unwrap();
            }
        }
    }

    /// Tile n of level l holds the roots over 256^l leaves each (C2SP tlog-tiles).
    fn check_tiles(&self, leaves: &[Hash32]) {
        let mut hashes = leaves.to_vec();
        for level in 0u8.. {
            for (index, tile) in (0u64..).zip(hashes.chunks(256)) {
                let path = format!("log/{}", tile_path(level, index, tile.len() as u64));
                let expected: Vec<u8> = tile.iter().flat_map(|hash| hash.0).collect();
                assert!(self.read(&path) == expected, "{path}");
            }
            hashes = hashes.chunks_exact(256).map(tree_root).collect();
            if hashes.is_empty() {
                return;
            }
        }
    }

    /// Every kept checkpoint is of this log, and every epoch_open and epoch_close has one.
    fn check_kept(&self, entries: &[Vec<u8>], leaves: &[Hash32], newest: &Checkpoint) {
        for name in self.store.list("log/checkpoints").unwrap() {
            let kept = self.checkpoint_at(&format!("log/checkpoints/{name}"));
            assert_eq!(kept.size.to_string(), name);
            let size = usize::try_from(kept.size).unwrap();
            let proof = consistency_proof(size, leaves).unwrap();
            verify_consistency(kept.size, newest.size, &proof, &kept.root, &newest.root).unwrap();
        }
        for (size, entry) in (1u64..).zip(entries) {
            if matches!(Entry::from_bytes(entry).unwrap(), Entry::EpochOpen(_) | Entry::EpochClose(_)) {
                self.checkpoint_at(&format!("log/{}", checkpoint_path(size)));
            }
        }
    }

    fn checkpoint_at(&self, path: &str) -> Checkpoint {
        Checkpoint::from_note(&self.read(path), &self.sequencer.vkey()).unwrap()
    }

    fn read(&self, path: &str) -> Vec<u8> {
        self.store.read(path).unwrap().unwrap_or_else(|| panic!("{path} is missing"))
    }
}

pub(crate) fn database_url(folder: &TempDir) -> String {
    format!("sqlite://{}?mode=rwc", folder.path().join("provenhash.sqlite").display())
}

/// The log and its key.
fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else if !entry.file_name().to_string_lossy().starts_with("provenhash.sqlite") {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn entry_bytes(store: &EvidenceStore, size: u64) -> Vec<Vec<u8>> {
    assert_eq!(TILE_WIDTH, 256);
    let mut entries = Vec::new();
    for (index, width) in bundles(size) {
        let path = format!("log/{}", entries_path(index, width));
        let bundle = store.read(&path).unwrap().unwrap_or_else(|| panic!("{path} is missing"));
        entries.extend(split_bundle(&bundle, width).unwrap().into_iter().map(<[u8]>::to_vec));
    }
    entries
}
