//! The newest numbers that the log has of the outside.

use anyhow::Result;
use audit_core::entry::{Entry, ExternalInput};
use sqlx::AnyConnection;

use crate::db::log_entries;

/// Logged inputs that are looked at together.
const PAGE: u64 = 20;

/// The newest input of a name, with its leaf index.
///
/// # Errors
/// The database.
pub(crate) async fn newest(connection: &mut AnyConnection, name: &str) -> Result<Option<(u64, ExternalInput)>> {
    let mut before = u64::MAX >> 1;
    loop {
        let rows = log_entries::of_kind_before(connection, "external_input", before, PAGE).await?;
        let Some(oldest) = rows.last() else { return Ok(None) };
        before = oldest.leaf_index;
        for row in &rows {
            if let Entry::ExternalInput(input) = Entry::from_bytes(&row.entry)?
                && input.name == name
            {
                return Ok(Some((row.leaf_index, input)));
            }
        }
    }
}
