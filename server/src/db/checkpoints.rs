//! Signed checkpoints. Insert-only: the first root signed for a size stays the only one.

use audit_core::hash::Hash32;
use sqlx::AnyPool;
use sqlx::any::AnyRow;

use super::DbError;
use super::columns::{Columns, signed};

/// A checkpoint that has been signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointRow {
    /// Entries in the tree.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash32,
    /// The signed note, complete.
    pub note: String,
    /// Whether it is published for ever as `/log/checkpoints/<size>`.
    pub kept: bool,
}

/// The largest checkpoint.
pub async fn last(pool: &AnyPool) -> Result<Option<CheckpointRow>, DbError> {
    let sql = "SELECT size, root, note, kept FROM checkpoints ORDER BY size DESC LIMIT 1";
    sqlx::query(sql).fetch_optional(pool).await?.as_ref().map(read).transpose()
}

/// The largest checkpoint below a size.
pub async fn before(pool: &AnyPool, size: u64) -> Result<Option<CheckpointRow>, DbError> {
    let sql = "SELECT size, root, note, kept FROM checkpoints WHERE size < $1 ORDER BY size DESC LIMIT 1";
    sqlx::query(sql).bind(signed(size)).fetch_optional(pool).await?.as_ref().map(read).transpose()
}

/// The checkpoints of sizes from `first` to before `end`, ascending.
pub async fn range(pool: &AnyPool, first: u64, end: u64) -> Result<Vec<CheckpointRow>, DbError> {
    let sql = "SELECT size, root, note, kept FROM checkpoints WHERE size >= $1 AND size < $2 ORDER BY size";
    let rows = sqlx::query(sql).bind(signed(first)).bind(signed(end)).fetch_all(pool).await?;
    rows.iter().map(read).collect()
}

/// The kept checkpoints of sizes above `above` up to `up_to`, ascending.
pub async fn kept_between(pool: &AnyPool, above: u64, up_to: u64) -> Result<Vec<CheckpointRow>, DbError> {
    let sql =
        "SELECT size, root, note, kept FROM checkpoints WHERE kept = 1 AND size > $1 AND size <= $2 ORDER BY size";
    let rows = sqlx::query(sql).bind(signed(above)).bind(signed(up_to)).fetch_all(pool).await?;
    rows.iter().map(read).collect()
}

/// The checkpoint of exactly this size.
pub async fn of_size(pool: &AnyPool, size: u64) -> Result<Option<CheckpointRow>, DbError> {
    let sql = "SELECT size, root, note, kept FROM checkpoints WHERE size = $1";
    sqlx::query(sql).bind(signed(size)).fetch_optional(pool).await?.as_ref().map(read).transpose()
}

/// Inserts the checkpoint unless its size has one; gives the one that the table holds now. The caller compares the
/// roots: this is the compare-and-swap that keeps the log from forking.
pub async fn insert_or_get(pool: &AnyPool, row: &CheckpointRow) -> Result<CheckpointRow, DbError> {
    sqlx::query(
        "INSERT INTO checkpoints (size, root, note, kept) VALUES ($1, $2, $3, $4) ON CONFLICT (size) DO NOTHING",
    )
    .bind(signed(row.size))
    .bind(row.root.0.to_vec())
    .bind(row.note.clone())
    .bind(i64::from(row.kept))
    .execute(pool)
    .await?;
    Ok(of_size(pool, row.size).await?.unwrap_or_else(|| row.clone()))
}

fn read(row: &AnyRow) -> Result<CheckpointRow, DbError> {
    Ok(CheckpointRow {
        size: row.unsigned("size")?,
        root: row.hash("root")?,
        note: row.text("note")?,
        kept: row.number("kept")? != 0,
    })
}
