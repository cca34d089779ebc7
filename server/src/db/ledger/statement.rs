//! What the book says of one contract, and the whole book, in order of time.

use audit_core::hash::{BlockHash, Hash32};
use sqlx::AnyPool;
use sqlx::any::AnyRow;

use super::Account;
use crate::db::DbError;
use crate::db::columns::{Columns, signed};

/// A change of what a contract is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    pub created_ms: u64,
    /// What happened, such as `settlement` or `payout`.
    pub kind: String,
    /// The one thing it happened to, such as the settlement's number.
    pub reference: String,
    pub log_index: u64,
    pub txid: Option<BlockHash>,
    /// What is owed more, or less when negative.
    pub owed_sats: i64,
}

/// A posting with its transaction, as it is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub created_ms: u64,
    pub transaction: String,
    pub kind: String,
    pub reference: String,
    pub log_index: Option<u64>,
    pub txid: Option<BlockHash>,
    pub line: u64,
    pub account: String,
    pub amount_sats: i64,
}

/// Where a page of [`lines`] goes on: after this transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct After {
    pub created_ms: u64,
    pub transaction: String,
}

/// What changed what a contract is owed from a time to before another, of what a log of size `published` shows. What only
/// went on its way is no change yet.
pub async fn movements(
    pool: &AnyPool,
    contract_id: Hash32,
    (from_ms, end_ms): (u64, u64),
    published: u64,
) -> Result<Vec<Movement>, DbError> {
    let sql = "SELECT t.id AS id, t.created_ms AS created_ms, t.kind AS kind, t.reference AS reference,
            t.log_index AS log_index, t.txid AS txid, CAST(-SUM(p.amount_sats) AS BIGINT) AS owed_sats
        FROM ledger_postings p JOIN ledger_transactions t ON t.id = p.transaction_id
        WHERE p.account IN ($1, $2) AND t.log_index < $3 AND t.created_ms >= $4 AND t.created_ms < $5
        GROUP BY t.id, t.created_ms, t.kind, t.reference, t.log_index, t.txid
        HAVING SUM(p.amount_sats) <> 0 ORDER BY t.created_ms, t.log_index";
    let rows = sqlx::query(sql)
        .bind(Account::Credits { contract_id }.to_string())
        .bind(Account::InFlight { contract_id }.to_string())
        .bind(signed(published))
        .bind(signed(from_ms))
        .bind(signed(end_ms))
        .fetch_all(pool)
        .await?;
    rows.iter().map(movement).collect()
}

/// At most `limit` transactions of the book with all their postings, oldest first, those after `after`.
pub async fn lines(pool: &AnyPool, after: &After, limit: u32) -> Result<Vec<Line>, DbError> {
    let sql = "SELECT t.id AS id, t.created_ms AS created_ms, t.kind AS kind, t.reference AS reference,
            t.log_index AS log_index, t.txid AS txid, p.line AS line, p.account AS account, p.amount_sats AS amount_sats
        FROM (SELECT * FROM ledger_transactions WHERE created_ms > $1 OR (created_ms = $1 AND id > $2)
            ORDER BY created_ms, id LIMIT $3) t
        JOIN ledger_postings p ON p.transaction_id = t.id ORDER BY t.created_ms, t.id, p.line";
    let rows = sqlx::query(sql)
        .bind(signed(after.created_ms))
        .bind(&after.transaction)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?;
    rows.iter().map(line).collect()
}

fn movement(row: &AnyRow) -> Result<Movement, DbError> {
    Ok(Movement {
        created_ms: row.unsigned("created_ms")?,
        kind: row.text("kind")?,
        reference: row.text("reference")?,
        log_index: row.unsigned("log_index")?,
        txid: txid(row)?,
        owed_sats: row.number("owed_sats")?,
    })
}

fn line(row: &AnyRow) -> Result<Line, DbError> {
    Ok(Line {
        created_ms: row.unsigned("created_ms")?,
        transaction: row.text("id")?,
        kind: row.text("kind")?,
        reference: row.text("reference")?,
        log_index: row.optional_unsigned("log_index")?,
        txid: txid(row)?,
        line: row.unsigned("line")?,
        account: row.text("account")?,
        amount_sats: row.number("amount_sats")?,
    })
}

fn txid(row: &AnyRow) -> Result<Option<BlockHash>, DbError> {
    Ok(row.optional_hash("txid")?.map(|hash| BlockHash(hash.0)))
}
