//! The addresses that accounts may be paid to.

use sqlx::AnyPool;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{Columns, signed};
use super::{DbError, Tx};

/// An address as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAddress {
    pub account_id: Uuid,
    pub script: Vec<u8>,
    pub address: String,
    /// The customer's own word for it.
    pub label: String,
    pub added_ms: u64,
    /// From then on it may be used.
    pub usable_ms: u64,
    pub removed_ms: Option<u64>,
}

/// Holds an account until the transaction ends: what its list allows is decided by one at a time.
pub async fn lock(tx: &mut Tx, account_id: Uuid) -> Result<(), DbError> {
    sqlx::query("UPDATE accounts SET email = email WHERE id = $1")
        .bind(account_id.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Adds an address. `false` and no change when it is on the list.
pub async fn add(tx: &mut Tx, address: &ListedAddress) -> Result<bool, DbError> {
    let done = sqlx::query(
        "INSERT INTO account_addresses (account_id, script, address, label, added_ms, usable_ms)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(address.account_id.to_string())
    .bind(address.script.clone())
    .bind(&address.address)
    .bind(&address.label)
    .bind(signed(address.added_ms))
    .bind(signed(address.usable_ms))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes an address off the list. `false` and no change when it is not on it.
pub async fn remove(tx: &mut Tx, account_id: Uuid, address: &str, now_ms: u64) -> Result<bool, DbError> {
    let done = sqlx::query(
        "UPDATE account_addresses SET removed_ms = $3 WHERE account_id = $1 AND address = $2 AND removed_ms IS NULL",
    )
    .bind(account_id.to_string())
    .bind(address)
    .bind(signed(now_ms))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The listed address with this script.
pub async fn listed(tx: &mut Tx, account_id: Uuid, script: &[u8]) -> Result<Option<ListedAddress>, DbError> {
    let row =
        sqlx::query("SELECT * FROM account_addresses WHERE account_id = $1 AND script = $2 AND removed_ms IS NULL")
            .bind(account_id.to_string())
            .bind(script.to_vec())
            .fetch_optional(&mut **tx)
            .await?;
    row.as_ref().map(read).transpose()
}

/// How many addresses are on the list, and how many ever were.
pub async fn count(tx: &mut Tx, account_id: Uuid) -> Result<(u64, u64), DbError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS ever, COUNT(*) - COUNT(removed_ms) AS listed FROM account_addresses WHERE account_id = $1",
    )
    .bind(account_id.to_string())
    .fetch_one(&mut **tx)
    .await?;
    Ok((row.unsigned("listed")?, row.unsigned("ever")?))
}

/// Every address that was ever on the list, oldest first.
pub async fn trail(pool: &AnyPool, account_id: Uuid) -> Result<Vec<ListedAddress>, DbError> {
    let rows = sqlx::query("SELECT * FROM account_addresses WHERE account_id = $1 ORDER BY added_ms, address")
        .bind(account_id.to_string())
        .fetch_all(pool)
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<ListedAddress, DbError> {
    Ok(ListedAddress {
        account_id: row.uuid("account_id")?,
        script: row.bytes("script")?,
        address: row.text("address")?,
        label: row.text("label")?,
        added_ms: row.unsigned("added_ms")?,
        usable_ms: row.unsigned("usable_ms")?,
        removed_ms: row.optional_unsigned("removed_ms")?,
    })
}
