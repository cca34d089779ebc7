//! The start's question to the witnesses: what they remember of this log must be of the history that is here.

use audit_core::checkpoint::Checkpoint;
use audit_core::hash::Hash32;
use audit_core::merkle::root_over;
use audit_core::tile_tree::TileTree;

use super::super::integrate::PAGE;
use super::{Shared, TlogError, lock};
use crate::db::{DbError, log_entries};

impl Shared {
    /// Compares what each witness cosigned last with the entries here, before anything is signed. A database restored
    /// together with its data folder contradicts nothing but the witnesses.
    ///
    /// # Errors
    /// A witness knows more entries, or other ones.
    pub(in crate::tlog) async fn check_against_witnesses(&self) -> Result<(), TlogError> {
        let Some(cosigner) = self.publication.cosigner() else { return Ok(()) };
        let pool = self.database.pool();
        let found = log_entries::count(&mut *pool.acquire().await.map_err(DbError::from)?).await?;
        for (name, Checkpoint { size, root: signed, .. }) in cosigner.latest_known(&self.key.vkey()).await {
            if size > found {
                return Err(TlogError::Behind { place: format!("the witness {name}"), published: size, found });
            }
            let computed = self.root_of(size).await?;
            if computed != signed {
                return Err(TlogError::Fork { size, signed, computed });
            }
        }
        Ok(())
    }

    /// The root over the first `size` entries, whether they are in tiles yet or not.
    async fn root_of(&self, size: u64) -> Result<Hash32, TlogError> {
        let mut edge = lock(&self.edge).clone();
        if size <= edge.size() {
            return Ok(root_over(0, size, &mut TileTree::new(&self.store, edge.size()))?);
        }
        while edge.size() < size {
            let from = edge.size();
            for row in log_entries::range(self.database.pool(), from, size.min(from + PAGE)).await? {
                edge.push(&row.entry);
            }
            if edge.size() == from {
                return Err(TlogError::Gaps);
            }
        }
        Ok(edge.root())
    }
}
