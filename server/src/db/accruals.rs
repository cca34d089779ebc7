//! Accruals and the credits that they gave.

use audit_core::entry::Accrual;
use audit_core::hash::Hash32;
use audit_core::settlement::Credit;
use audit_core::work::Sats;
use sqlx::AnyPool;
use sqlx::any::AnyRow;

use super::columns::{Columns, signed};
use super::{DbError, Tx};

/// One accrual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccrualRow {
    /// Number; names `/accrual/<number>.json`.
    pub accrual: u64,
    /// Leaf index of its entry.
    pub entry_index: u64,
    /// First epoch of its period.
    pub from_epoch: u64,
    /// Last epoch of its period.
    pub to_epoch: u64,
    /// What all work was worth.
    pub gross: Sats,
    /// What the operator keeps by the terms.
    pub fee: Sats,
    /// What the contracts pay for running the machines.
    pub maintenance: Sats,
}

const COLUMNS: &str = "accrual, entry_index, from_epoch, to_epoch, gross_sats, fee_sats, maintenance_sats";

/// The newest accrual.
pub async fn last(pool: &AnyPool) -> Result<Option<AccrualRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM accruals ORDER BY accrual DESC LIMIT 1");
    sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_optional(pool).await?.as_ref().map(read).transpose()
}

/// How many there are.
pub async fn count(pool: &AnyPool) -> Result<u64, DbError> {
    sqlx::query("SELECT COUNT(*) AS accruals FROM accruals").fetch_one(pool).await?.unsigned("accruals")
}

/// The first epoch after `epoch` in which a contract of these terms had work.
pub async fn first_epoch_of_terms(pool: &AnyPool, terms: &[u64], epoch: u64) -> Result<Option<u64>, DbError> {
    let sql = "SELECT MIN(p.epoch) AS epoch FROM contract_epochs p JOIN contracts c ON c.contract_id = p.contract_id
        WHERE c.terms_index = $1 AND p.epoch > $2 AND p.work <> '0'";
    let mut first = None;
    for index in terms {
        let row = sqlx::query(sql).bind(signed(*index)).bind(signed(epoch)).fetch_one(pool).await?;
        first = [first, row.optional_unsigned("epoch")?].into_iter().flatten().min();
    }
    Ok(first)
}

/// Inserts an accrual; a number that is taken is an error, so no period is accrued twice.
pub async fn insert(tx: &mut Tx, entry: &Accrual, entry_index: u64) -> Result<(), DbError> {
    let sql = format!("INSERT INTO accruals ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)");
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(signed(entry.accrual))
        .bind(signed(entry_index))
        .bind(signed(entry.from_epoch))
        .bind(signed(entry.to_epoch))
        .bind(signed(entry.gross_sats.get()))
        .bind(signed(entry.fee_sats.get()))
        .bind(signed(entry.maintenance_sats.get()))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Inserts a contract's credit.
pub async fn insert_credit(tx: &mut Tx, accrual: u64, credit: &Credit) -> Result<(), DbError> {
    sqlx::query("INSERT INTO accrual_credits (contract_id, accrual, credit_sats) VALUES ($1, $2, $3)")
        .bind(credit.id.0.to_vec())
        .bind(signed(accrual))
        .bind(signed(credit.sats.get()))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// All that a contract was credited in the accruals that a log of size `published` shows.
pub async fn credited(pool: &AnyPool, contract: &Hash32, published: u64) -> Result<Sats, DbError> {
    let sql = "SELECT CAST(COALESCE(SUM(c.credit_sats), 0) AS BIGINT) AS credited_sats FROM accrual_credits c
        JOIN accruals a ON a.accrual = c.accrual WHERE c.contract_id = $1 AND a.entry_index < $2";
    let row = sqlx::query(sql).bind(contract.0.to_vec()).bind(signed(published)).fetch_one(pool).await?;
    row.sats("credited_sats")
}

fn read(row: &AnyRow) -> Result<AccrualRow, DbError> {
    Ok(AccrualRow {
        accrual: row.unsigned("accrual")?,
        entry_index: row.unsigned("entry_index")?,
        from_epoch: row.unsigned("from_epoch")?,
        to_epoch: row.unsigned("to_epoch")?,
        gross: row.sats("gross_sats")?,
        fee: row.sats("fee_sats")?,
        maintenance: row.sats("maintenance_sats")?,
    })
}
