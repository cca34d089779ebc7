//! The check before anything is signed: what this log has said in public must still be what the database says.
//!
//! Refusing is the only safe answer to a restored backup: a log that goes on from an older state signs a second root for
//! sizes it has already signed, which is proof of fraud in every reader's hands.

use audit_core::checkpoint::Checkpoint;
use audit_core::merkle::{leaf_hash, root_over, verify_consistency};
use audit_core::tile::TILE_WIDTH;
use audit_core::tile_tree::{Edge, TileTree, TreeError, consistency_proof, read_tile};

use super::{Shared, TlogError, lock};
use crate::db::checkpoints::CheckpointRow;
use crate::db::{DbError, checkpoints, log_entries};

mod witnesses;

/// A checkpoint that left this server, and where that is recorded.
struct Claim {
    place: String,
    checkpoint: Checkpoint,
}

impl Shared {
    /// Compares every recorded claim with the tiles at the tree's edge, and the newest entries with both: O(log n) reads,
    /// however long the log is. [`super::check_log()`] looks at all of it.
    ///
    /// # Errors
    /// Any contradiction between entries, signed rows and published files.
    pub(super) async fn check_at_start(&self) -> Result<(), TlogError> {
        let pool = self.database.pool();
        let count = log_entries::count(&mut *pool.acquire().await.map_err(DbError::from)?).await?;
        let mut claims = self.published()?;
        let last = checkpoints::last(pool).await?;
        claims.extend(last.map(|row| self.claim("the newest row of table checkpoints".into(), row.note)).transpose()?);
        let Some(newest) = claims.iter().max_by_key(|claim| claim.checkpoint.size) else {
            return self.write_policy().await;
        };
        self.behind(newest, count)?;
        *lock(&self.edge) = match self.compare_tiles(&claims, newest) {
            Err(TlogError::Tree(TreeError::Missing(path))) => {
                tracing::warn!(path, "a file of the log is missing: writing again what is missing");
                // Compares every file with the entries on the way.
                self.write_tiles(Edge::new(), newest.checkpoint.size).await?;
                self.compare_tiles(&claims, newest)?
            }
            other => other?,
        };
        self.compare_entries(newest.checkpoint.size).await?;
        // Also when the table lost its newest rows: the files prove that this was signed.
        let (size, root) = (newest.checkpoint.size, newest.checkpoint.root);
        let kept = newest.place == kept_place(size);
        // Signed again, which gives the same signature: the file may have cosignatures behind it.
        let note = String::from_utf8_lossy(&newest.checkpoint.sign(&self.key)).into_owned();
        checkpoints::insert_or_get(pool, &CheckpointRow { size, root, note, kept }).await?;
        // A crash kept the last integration from it: partial files exist for sizes that were signed.
        let before = checkpoints::before(pool, size).await?;
        self.delete_superseded(before.map_or(0, |row| row.size)).await?;
        self.write_policy().await
    }

    /// The tiles' edge is what the newest claim signs, and every claim is of a beginning of that tree.
    fn compare_tiles(&self, claims: &[Claim], newest: &Claim) -> Result<Edge, TlogError> {
        let newest = &newest.checkpoint;
        let edge = Edge::load(&self.store, newest.size, &newest.root)?;
        for Claim { checkpoint: old, .. } in claims {
            let proof = consistency_proof(&self.store, old.size, newest.size)?;
            if verify_consistency(old.size, newest.size, &proof, &old.root, &newest.root).is_err() {
                let computed = root_over(0, old.size, &mut TileTree::new(&self.store, old.size))?;
                return Err(TlogError::Fork { size: old.size, signed: old.root, computed });
            }
        }
        Ok(edge)
    }

    /// The newest checkpoint and the largest kept one, as far as there are files.
    fn published(&self) -> Result<Vec<Claim>, TlogError> {
        let sizes = self.store.list("log/checkpoints")?;
        let largest = sizes.iter().filter_map(|name| name.parse::<u64>().ok()).max();
        let mut claims = Vec::new();
        for place in ["log/checkpoint".to_owned()].into_iter().chain(largest.map(kept_place)) {
            if let Some(note) = self.store.read(&place)? {
                claims.push(self.claim(place, String::from_utf8_lossy(&note).into_owned())?);
            }
        }
        Ok(claims)
    }

    fn claim(&self, place: String, note: String) -> Result<Claim, TlogError> {
        let vkey = self.key.vkey();
        match Checkpoint::from_note(note.as_bytes(), &vkey) {
            Ok(checkpoint) => Ok(Claim { place, checkpoint }),
            Err(error) => {
                Err(TlogError::ForeignCheckpoint { place, vkey: vkey.to_string(), reason: error.to_string() })
            }
        }
    }

    fn behind(&self, newest: &Claim, found: u64) -> Result<(), TlogError> {
        if newest.checkpoint.size <= found {
            return Ok(());
        }
        Err(TlogError::Behind { place: newest.place.clone(), published: newest.checkpoint.size, found })
    }

    /// The newest entries of the database, a tile of them at most, are those of the tree: what is appended next continues
    /// the published log. Older entries are never hashed again.
    async fn compare_entries(&self, size: u64) -> Result<(), TlogError> {
        let Some(index) = size.checked_sub(1).map(|last| last / TILE_WIDTH) else { return Ok(()) };
        let first = index * TILE_WIDTH;
        let tree = read_tile(&self.store, 0, index, size - first)?;
        let rows = log_entries::range(self.database.pool(), first, size).await?;
        for (leaf_index, hash) in (first..).zip(&tree) {
            let row = usize::try_from(leaf_index - first).ok().and_then(|offset| rows.get(offset));
            if row.is_none_or(|row| row.leaf_index != leaf_index) {
                return Err(TlogError::Gaps);
            }
            if row.is_none_or(|row| leaf_hash(&row.entry) != *hash) {
                return Err(TlogError::OtherEntry(leaf_index));
            }
        }
        Ok(())
    }
}

fn kept_place(size: u64) -> String {
    format!("log/{}", audit_core::tile::checkpoint_path(size))
}
