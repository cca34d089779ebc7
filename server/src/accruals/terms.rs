//! Which terms are paid by time.

use anyhow::Result;
use audit_core::entry::{Entry, Scheme};
use sqlx::AnyConnection;

use crate::db::log_entries;

/// The leaf indices of terms whose contracts are paid by time.
pub(super) async fn by_time(connection: &mut AnyConnection) -> Result<Vec<u64>> {
    with_scheme(connection, Scheme::is_by_time).await
}

/// Whether anything is sold that the chain's fees pay for.
pub(super) async fn has_fpps(connection: &mut AnyConnection) -> Result<bool> {
    Ok(!with_scheme(connection, |scheme| scheme == Scheme::Fpps).await?.is_empty())
}

async fn with_scheme(connection: &mut AnyConnection, is_meant: fn(Scheme) -> bool) -> Result<Vec<u64>> {
    let mut indices = Vec::new();
    for row in log_entries::all_of_kind(connection, "terms").await? {
        if let Entry::Terms(terms) = Entry::from_bytes(&row.entry)?
            && is_meant(terms.scheme)
        {
            indices.push(row.leaf_index);
        }
    }
    Ok(indices)
}
