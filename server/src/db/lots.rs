//! Lots: whose rigs are served.

use audit_core::hash::Hash32;
use sqlx::AnyPool;
use sqlx::any::AnyRow;

use super::DbError;
use super::columns::{Columns, signed};

/// A lot as stored. Its secret is with whoever configured the rigs.
#[derive(Clone, Debug)]
pub struct Lot {
    pub name: String,
    pub secret_hash: Hash32,
    pub created_ms: u64,
    pub closed_ms: Option<u64>,
}

/// Stores a new lot. `false` and no change when the name is taken, also by a closed one.
pub async fn create(pool: &AnyPool, lot: &Lot) -> Result<bool, DbError> {
    let done = sqlx::query(
        "INSERT INTO lots (name, secret_hash, created_ms) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
    )
    .bind(&lot.name)
    .bind(lot.secret_hash.0.to_vec())
    .bind(signed(lot.created_ms))
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Closes a lot, or leaves it closed when it was; `None` when there is none of that name.
pub async fn close(pool: &AnyPool, name: &str, now_ms: u64) -> Result<Option<Lot>, DbError> {
    // A clock that was set back must not break the row's own check.
    let row = sqlx::query(
        "UPDATE lots SET closed_ms = CASE WHEN closed_ms IS NOT NULL THEN closed_ms WHEN created_ms > $2 THEN created_ms
         ELSE $2 END WHERE name = $1 RETURNING *",
    )
    .bind(name)
    .bind(signed(now_ms))
    .fetch_optional(pool)
    .await?;
    row.as_ref().map(lot).transpose()
}

/// By name, those after `after`.
pub async fn list(pool: &AnyPool, after: &str, limit: u32) -> Result<Vec<Lot>, DbError> {
    let rows = sqlx::query("SELECT * FROM lots WHERE name > $1 ORDER BY name LIMIT $2")
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?;
    rows.iter().map(lot).collect()
}

/// Every lot.
pub async fn all(pool: &AnyPool) -> Result<Vec<Lot>, DbError> {
    let rows = sqlx::query("SELECT * FROM lots ORDER BY name").fetch_all(pool).await?;
    rows.iter().map(lot).collect()
}

fn lot(row: &AnyRow) -> Result<Lot, DbError> {
    Ok(Lot {
        name: row.text("name")?,
        secret_hash: row.hash("secret_hash")?,
        created_ms: row.unsigned("created_ms")?,
        closed_ms: row.optional_unsigned("closed_ms")?,
    })
}
