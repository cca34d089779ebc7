//! The check before anything is signed: what this log has said in public must still be what the database says.
//!
//! Refusing is the only safe answer to a restored backup: a log that goes on from an older state signs a second root for
//! sizes it has already signed, which is proof of fraud in every reader's hands.

use audit_core::checkpoint::Checkpoint;
use audit_core::policy::Policy;

use super::{Shared, TlogError, lock};
use crate::db::checkpoints::CheckpointRow;
use crate::db::{DbError, checkpoints, log_entries};

/// A checkpoint that left this server, and where that is recorded.
struct Claim {
    place: String,
    note: String,
    checkpoint: Checkpoint,
}

impl Shared {
    /// Hashes all entries, compares them with every recorded claim, and restores what of the tiles is missing.
    ///
    /// # Errors
    /// Any contradiction between entries, signed rows and published files.
    pub(super) async fn check_at_start(&self) -> Result<(), TlogError> {
        let pool = self.database.pool();
        if !log_entries::is_dense(pool).await? {
            return Err(TlogError::Gaps);
        }
        let count = log_entries::count(&mut *pool.acquire().await.map_err(DbError::from)?).await?;
        let mut claims = self.published()?;
        let last = checkpoints::last(pool).await?;
        claims.extend(last.map(|row| self.claim("the newest row of table checkpoints".into(), row.note)).transpose()?);
        let Some(newest) = claims.iter().max_by_key(|claim| claim.checkpoint.size) else {
            return self.write_policy();
        };
        self.behind(newest, count)?;
        self.hash_entries(count).await?;
        for claim in &claims {
            self.compare(claim)?;
        }
        // Also when the table lost its newest rows: the files prove that this was signed.
        let (size, root) = (newest.checkpoint.size, newest.checkpoint.root);
        let kept = newest.place == kept_place(size);
        checkpoints::insert_or_get(pool, &CheckpointRow { size, root, note: newest.note.clone(), kept }).await?;
        // Compares every published tile with the entries, and restores tiles that a backup of the files lacks.
        self.write_tiles(0, size).await?;
        self.write_policy()
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
            Ok(checkpoint) => Ok(Claim { place, note, checkpoint }),
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

    fn compare(&self, claim: &Claim) -> Result<(), TlogError> {
        let (size, signed) = (claim.checkpoint.size, claim.checkpoint.root);
        let computed = lock(&self.hashes).root_at(size)?;
        if signed == computed { Ok(()) } else { Err(TlogError::Fork { size, signed, computed }) }
    }

    /// `/log/policy`: what a verifier needs to trust this log and nothing else. Witnesses will be listed here.
    fn write_policy(&self) -> Result<(), TlogError> {
        let policy = Policy::of_log(self.key.vkey()).to_string();
        Ok(self.store.replace("log/policy", policy.as_bytes())?)
    }
}

fn kept_place(size: u64) -> String {
    format!("log/{}", audit_core::tile::checkpoint_path(size))
}
