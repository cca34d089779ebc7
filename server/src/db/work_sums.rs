//! Sums of work, which exceeds the 64 bits of SQLite's integers, taken inside the database.
//!
//! Each decimal text is split before its last 12 digits; both parts are summed as 64 bits. That holds for a million rows
//! of up to 10^24 hashes, which is more than an hour of the whole Bitcoin network in each.

use audit_core::hash::Hash32;
use audit_core::work::Work;
use sqlx::AnyPool;
use sqlx::any::AnyRow;

use super::DbError;
use super::columns::{Columns, signed};

const LOW: u128 = 1_000_000_000_000;

/// The work that a contract got in the epochs whose close a log of size `published` shows.
pub async fn of_contract(pool: &AnyPool, contract: &Hash32, published: u64) -> Result<Work, DbError> {
    let row = sqlx::query(
        "SELECT CAST(COALESCE(SUM(CAST(SUBSTR('000000000000' || work, 1, LENGTH(work)) AS BIGINT)), 0) AS BIGINT) AS high,
         CAST(COALESCE(SUM(CAST(SUBSTR('000000000000' || work, LENGTH(work) + 1) AS BIGINT)), 0) AS BIGINT) AS low
         FROM contract_epochs WHERE contract_id = $1
         AND epoch IN (SELECT epoch FROM epochs WHERE close_index < $2)",
    )
    .bind(contract.0.to_vec())
    .bind(signed(published))
    .fetch_one(pool)
    .await?;
    total(&row)
}

/// The work of all closed epochs.
pub async fn of_all(pool: &AnyPool) -> Result<Work, DbError> {
    let row = sqlx::query(
        "SELECT CAST(COALESCE(SUM(CAST(SUBSTR('000000000000' || work, 1, LENGTH(work)) AS BIGINT)), 0) AS BIGINT) AS high,
         CAST(COALESCE(SUM(CAST(SUBSTR('000000000000' || work, LENGTH(work) + 1) AS BIGINT)), 0) AS BIGINT) AS low
         FROM epochs WHERE close_index IS NOT NULL",
    )
    .fetch_one(pool)
    .await?;
    total(&row)
}

fn total(row: &AnyRow) -> Result<Work, DbError> {
    Ok(Work::new(u128::from(row.unsigned("high")?) * LOW + u128::from(row.unsigned("low")?)))
}
