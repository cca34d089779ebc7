//! From sequenced entries to a published checkpoint, in four steps that may each be the last before a crash.

use std::sync::Arc;

use audit_core::checkpoint::Checkpoint;
use audit_core::tile::{TILE_WIDTH, checkpoint_path, entries_path, tile_path, to_bundle};
use tlog_tiles::Tile;

use super::kind::ends_a_kept_checkpoint;
use super::{Head, Shared, TlogError, lock};
use crate::db::checkpoints::CheckpointRow;
use crate::db::{checkpoints, log_entries};

/// log₂ of [`TILE_WIDTH`] (C2SP tlog-tiles).
const TILE_HEIGHT: u8 = 8;
/// Entries read from the database at once.
const PAGE: u64 = 4_096;

impl Shared {
    /// The caller holds the turn. Repeating it after a failure or a crash at any step gives the same files and the same
    /// signatures, since all is derived from the entries and Ed25519 signatures are deterministic.
    pub(super) async fn integrate(self: &Arc<Self>) -> Result<Head, TlogError> {
        let last = checkpoints::last(self.database.pool()).await?;
        if let Some(row) = &last {
            // A crash between steps 3 and 4 left a signed checkpoint that no reader has seen.
            self.publish(row).await?;
        }
        let signed_size = last.map_or(0, |row| row.size);
        for (size, kept) in self.sizes_to_sign(signed_size).await? {
            // 1. Hash the entries. A crash leaves nothing: hashes live in memory.
            self.hash_entries(size).await?;
            // 2. Write tiles and entry bundles. A crash leaves files that no checkpoint covers yet; they are written again
            //    with the same bytes, because the entries below `size` are committed and never change.
            self.write_tiles(signed_size, size).await?;
            // 3. Sign and persist. A crash before leaves nothing signed, one after leaves the row, from which the next
            //    integration publishes. The signature leaves this process only in step 4.
            let row = self.sign(size, kept).await?;
            // 4. Publish. A crash between the two files leaves the older checkpoint for readers; repeated next time.
            self.publish(&row).await?;
        }
        Ok(*lock(&self.head))
    }

    /// Sizes above `signed` that get a checkpoint, with whether it is kept: one after each epoch_open and epoch_close,
    /// even when a crash kept it from being signed before more entries came, and one over everything.
    pub(super) async fn sizes_to_sign(&self, signed: u64) -> Result<Vec<(u64, bool)>, TlogError> {
        let pool = self.database.pool();
        let count = log_entries::count(&mut *pool.acquire().await.map_err(crate::db::DbError::from)?).await?;
        let mut sizes = Vec::new();
        let mut from = signed;
        while from < count {
            let page = log_entries::range(pool, from, count.min(from + PAGE)).await?;
            let kept = page.iter().filter(|row| ends_a_kept_checkpoint(&row.kind));
            sizes.extend(kept.map(|row| (row.leaf_index + 1, true)));
            from += PAGE;
        }
        if count > signed && sizes.last().is_none_or(|(size, _)| *size < count) {
            sizes.push((count, false));
        }
        Ok(sizes)
    }

    /// Step 1: brings the hashes up to `size`.
    pub(super) async fn hash_entries(&self, size: u64) -> Result<(), TlogError> {
        loop {
            let from = lock(&self.hashes).size();
            if from >= size {
                return Ok(());
            }
            let page = log_entries::range(self.database.pool(), from, size.min(from + PAGE)).await?;
            if page.first().is_none_or(|row| row.leaf_index != from) {
                return Err(TlogError::Gaps);
            }
            let mut hashes = lock(&self.hashes);
            for row in page {
                hashes.push(&row.entry)?;
            }
        }
    }

    /// Step 2: writes what a tree of `new` entries has that one of `old` had not.
    pub(super) async fn write_tiles(&self, old: u64, new: u64) -> Result<(), TlogError> {
        for tile in Tile::new_tiles(TILE_HEIGHT, old, new) {
            let (index, width) = (tile.level_index(), u64::from(tile.width()));
            let bytes = lock(&self.hashes).tile(&tile)?;
            self.put(tile_path(tile.level(), index, width), bytes).await?;
            if tile.level() == 0 {
                let first = index * TILE_WIDTH;
                let rows = log_entries::range(self.database.pool(), first, first + width).await?;
                let bundle = to_bundle(rows.iter().map(|row| row.entry.as_slice()));
                self.put(entries_path(index, width), bundle).await?;
            }
        }
        Ok(())
    }

    /// Step 3: signs the root of the first `size` entries, unless another root was signed for that size.
    pub(super) async fn sign(&self, size: u64, kept: bool) -> Result<CheckpointRow, TlogError> {
        let root = lock(&self.hashes).root_at(size)?;
        if let Some(row) = checkpoints::of_size(self.database.pool(), size).await?
            && row.root != root
        {
            return Err(TlogError::Fork { size, signed: row.root, computed: root });
        }
        let note = Checkpoint { origin: self.key.origin().into(), size, root }.sign(&self.key);
        let note = String::from_utf8_lossy(&note).into_owned();
        let row = CheckpointRow { size, root, note, kept };
        // Insert-only: whoever came first is right, and a second process signs nothing else than the first.
        let stored = checkpoints::insert_or_get(self.database.pool(), &row).await?;
        if stored.root == root {
            Ok(stored)
        } else {
            Err(TlogError::Fork { size, signed: stored.root, computed: root })
        }
    }

    /// Step 4: the kept file first, so that it exists when the newest checkpoint covers it.
    pub(super) async fn publish(&self, row: &CheckpointRow) -> Result<(), TlogError> {
        if lock(&self.head).size >= row.size {
            return Ok(());
        }
        let note = row.note.clone().into_bytes();
        if row.kept {
            self.put(checkpoint_path(row.size), note.clone()).await?;
        }
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || store.replace("log/checkpoint", &note)).await??;
        *lock(&self.head) = Head { size: row.size, root: row.root };
        Ok(())
    }

    /// Writes an immutable file below `/log/`.
    async fn put(&self, path: String, bytes: Vec<u8>) -> Result<(), TlogError> {
        let store = self.store.clone();
        Ok(tokio::task::spawn_blocking(move || store.put(&format!("log/{path}"), &bytes)).await??)
    }
}
