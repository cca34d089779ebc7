//! Settled groups of epochs and the credits that they gave.

use audit_core::hash::Hash32;
use audit_core::work::Sats;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AnyPool};

use super::columns::{Columns, signed};
use super::{DbError, Tx};

/// One settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementRow {
    /// Number, from 1; names `/settlement/<number>.json`.
    pub settlement: u64,
    /// Leaf index of its entry.
    pub entry_index: u64,
    /// First epoch whose work counts for what is pooled.
    pub first_epoch: u64,
    /// Last epoch it covers: the one whose blocks it divides.
    pub last_epoch: u64,
    /// What the matured blocks of the group paid.
    pub reward: Sats,
    /// What of it was drawn for solo contracts.
    pub solo: Sats,
    /// What the operator keeps by the terms.
    pub fee: Sats,
    /// What the contracts pay for running the machines.
    pub maintenance: Sats,
    /// What the settlement before left over.
    pub carry_in: Sats,
    /// What this one leaves over.
    pub carry_out: Sats,
    /// When it was posted, Unix ms.
    pub settled_ms: u64,
}

/// What a contract got from a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditRow {
    /// The settlement's number.
    pub settlement: u64,
    /// Satoshis credited.
    pub credit: Sats,
}

const COLUMNS: &str = "settlement, entry_index, first_epoch, last_epoch, reward_sats, solo_sats, fee_sats,
    maintenance_sats, carry_in_sats, carry_out_sats, settled_ms";

/// The newest settlement.
pub async fn last(connection: &mut AnyConnection) -> Result<Option<SettlementRow>, DbError> {
    let sql = select("ORDER BY settlement DESC LIMIT 1");
    sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// How many there are.
pub async fn count(pool: &AnyPool) -> Result<u64, DbError> {
    sqlx::query("SELECT COUNT(*) AS settlements FROM settlements").fetch_one(pool).await?.unsigned("settlements")
}

/// At most `limit` settlements with numbers below `before`, newest first.
pub async fn page(pool: &AnyPool, before: Option<u64>, limit: u64) -> Result<Vec<SettlementRow>, DbError> {
    let sql = select("WHERE settlement < $1 ORDER BY settlement DESC LIMIT $2");
    let before = before.map_or(i64::MAX, signed);
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(before).bind(signed(limit)).fetch_all(pool).await?;
    rows.iter().map(read).collect()
}

/// Inserts a settlement; a number that is taken is an error, so no group is settled twice.
pub async fn insert(tx: &mut Tx, row: &SettlementRow) -> Result<(), DbError> {
    let sql = format!("INSERT INTO settlements ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(signed(row.settlement))
        .bind(signed(row.entry_index))
        .bind(signed(row.first_epoch))
        .bind(signed(row.last_epoch))
        .bind(signed(row.reward.get()))
        .bind(signed(row.solo.get()))
        .bind(signed(row.fee.get()))
        .bind(signed(row.maintenance.get()))
        .bind(signed(row.carry_in.get()))
        .bind(signed(row.carry_out.get()))
        .bind(signed(row.settled_ms))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Inserts a contract's credit.
pub async fn insert_credit(tx: &mut Tx, contract: &Hash32, row: &CreditRow) -> Result<(), DbError> {
    sqlx::query("INSERT INTO credits (contract_id, settlement, credit_sats) VALUES ($1, $2, $3)")
        .bind(contract.0.to_vec())
        .bind(signed(row.settlement))
        .bind(signed(row.credit.get()))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// All that a contract was credited in the settlements that a log of size `published` shows.
pub async fn credited(pool: &AnyPool, contract: &Hash32, published: u64) -> Result<Sats, DbError> {
    let sql = "SELECT CAST(COALESCE(SUM(c.credit_sats), 0) AS BIGINT) AS credited_sats FROM credits c
        JOIN settlements s ON s.settlement = c.settlement WHERE c.contract_id = $1 AND s.entry_index < $2";
    let row = sqlx::query(sql).bind(contract.0.to_vec()).bind(signed(published)).fetch_one(pool).await?;
    row.sats("credited_sats")
}

/// Every opened contract with the leaf index of its terms.
pub async fn terms_of_contracts(pool: &AnyPool) -> Result<Vec<(Hash32, u64)>, DbError> {
    let sql = "SELECT contract_id, terms_index FROM contracts WHERE contract_id IS NOT NULL";
    let rows = sqlx::query(sql).fetch_all(pool).await?;
    rows.iter().map(|row| Ok((row.hash("contract_id")?, row.unsigned("terms_index")?))).collect()
}

fn select(rest: &str) -> String {
    format!("SELECT {COLUMNS} FROM settlements {rest}")
}

fn read(row: &AnyRow) -> Result<SettlementRow, DbError> {
    Ok(SettlementRow {
        settlement: row.unsigned("settlement")?,
        entry_index: row.unsigned("entry_index")?,
        first_epoch: row.unsigned("first_epoch")?,
        last_epoch: row.unsigned("last_epoch")?,
        reward: row.sats("reward_sats")?,
        solo: row.sats("solo_sats")?,
        fee: row.sats("fee_sats")?,
        maintenance: row.sats("maintenance_sats")?,
        carry_in: row.sats("carry_in_sats")?,
        carry_out: row.sats("carry_out_sats")?,
        settled_ms: row.unsigned("settled_ms")?,
    })
}
