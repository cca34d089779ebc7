//! The registered lots, from the database to the pool.

use std::sync::Arc;

use anyhow::Result;
use pool_core::Lots;

use crate::db::{Database, lots};

/// All lots as they are stored. With `required`, logins for others are refused.
pub(super) async fn load(database: &Database, required: bool) -> Result<Arc<Lots>> {
    let registry = Lots::new(required);
    for lot in lots::all(database.pool()).await? {
        registry.open(&lot.name, lot.secret_hash);
        if lot.closed_ms.is_some() {
            registry.close(&lot.name);
        }
    }
    Ok(Arc::new(registry))
}
