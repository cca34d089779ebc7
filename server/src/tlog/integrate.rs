//! From sequenced entries to a published checkpoint, in five steps of which each may be the last before a crash.

use std::sync::Arc;

use audit_core::checkpoint::Checkpoint;
use audit_core::tile_tree::{Edge, TileFile};

use super::kind::ends_a_kept_checkpoint;
use super::{Head, Shared, TlogError, lock};
use crate::db::checkpoints::CheckpointRow;
use crate::db::{checkpoints, log_entries};

/// Entries read from the database at once.
pub(super) const PAGE: u64 = 4_096;

impl Shared {
    /// The caller holds the turn. Repeating it after a failure or a crash at any step gives the same files and the same
    /// signatures, since all is derived from the entries and Ed25519 signatures are deterministic.
    pub(super) async fn integrate(self: &Arc<Self>) -> Result<Head, TlogError> {
        let last = checkpoints::last(self.database.pool()).await?;
        if let Some(row) = &last {
            // A crash between steps 2 and 3 left a signed checkpoint that no reader has seen.
            self.publish(row).await?;
        }
        let signed_size = last.map_or(0, |row| row.size);
        for (size, kept) in self.sizes_to_sign(signed_size).await? {
            let edge = lock(&self.edge).clone();
            let before = edge.size();
            // 1. Hash the entries into tiles and entry bundles and write those. A crash leaves files that no checkpoint
            //    covers yet; they are written again with the same bytes, because the entries below `size` are committed
            //    and never change.
            let edge = self.write_tiles(edge, size).await?;
            // 2. Sign and persist. A crash before leaves nothing signed, one after leaves the row, from which the next
            //    integration publishes. The signature leaves this process only in step 3.
            let row = self.sign(&edge, kept).await?;
            *lock(&self.edge) = edge;
            // 3. Publish, or with witnesses tell the task that does. A crash between the two files leaves the older
            //    checkpoint for readers; repeated next time.
            self.publish(&row).await?;
            // 4. Delete the partial files that full ones have replaced. A crash leaves some of them: the next start
            //    deletes them.
            self.delete_superseded(before).await?;
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

    /// Step 1: writes what a tree of `size` entries has and the one that ends at `edge` has not; gives its edge.
    pub(super) async fn write_tiles(&self, edge: Edge, size: u64) -> Result<Edge, TlogError> {
        let mut edge = edge;
        let before = edge.size();
        while edge.size() < size {
            let from = edge.size();
            let page = log_entries::range(self.database.pool(), from, size.min(from + PAGE)).await?;
            if page.is_empty() {
                return Err(TlogError::Gaps);
            }
            let mut full = Vec::new();
            for row in page {
                if row.leaf_index != edge.size() {
                    return Err(TlogError::Gaps);
                }
                full.extend(edge.push(&row.entry));
            }
            self.put(full).await?;
        }
        self.put(edge.partial_files(before)).await?;
        Ok(edge)
    }

    /// Step 2: signs the root of the entries so far, unless another root was signed for that size.
    pub(super) async fn sign(&self, edge: &Edge, kept: bool) -> Result<CheckpointRow, TlogError> {
        let (size, root) = (edge.size(), edge.root());
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

    /// Step 4: C2SP tlog-tiles lets partial files go once the full one is there; readers fall back to that.
    pub(super) async fn delete_superseded(&self, before: u64) -> Result<(), TlogError> {
        let paths = lock(&self.edge).superseded(before);
        let store = self.store.clone();
        let delete = move || paths.iter().try_for_each(|path| store.remove_folder(&format!("log/{path}.p")));
        Ok(tokio::task::spawn_blocking(delete).await??)
    }

    /// Writes immutable files below `/log/`.
    pub(super) async fn put(&self, files: Vec<TileFile>) -> Result<(), TlogError> {
        let store = self.store.clone();
        let put = move || files.iter().try_for_each(|file| store.put(&format!("log/{}", file.path), &file.bytes));
        Ok(tokio::task::spawn_blocking(put).await??)
    }
}
