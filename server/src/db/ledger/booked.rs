//! The book read back: what is booked under which entry of the log.

use sqlx::AnyPool;
use sqlx::any::AnyRow;

use crate::db::DbError;
use crate::db::columns::{Columns, signed};

/// A booked transaction; `log_index` is 0 for one that names no entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    pub kind: String,
    pub reference: String,
    pub log_index: u64,
    /// Account and amount, sorted.
    pub postings: Vec<(String, i64)>,
}

/// What is booked for the entries from leaf `from` to before leaf `end`, by leaf index.
pub async fn of_entries(pool: &AnyPool, from: u64, end: u64) -> Result<Vec<Booked>, DbError> {
    let sql = "SELECT t.id AS id, t.kind AS kind, t.reference AS reference, t.log_index AS log_index,
            p.account AS account, p.amount_sats AS amount_sats
        FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
        WHERE t.log_index >= $1 AND t.log_index < $2 ORDER BY t.log_index, t.id, p.account, p.amount_sats";
    grouped(&sqlx::query(sql).bind(signed(from)).bind(signed(end)).fetch_all(pool).await?)
}

/// Postings in order of their transactions, as transactions.
fn grouped(rows: &[AnyRow]) -> Result<Vec<Booked>, DbError> {
    let mut booked = Vec::<(String, Booked)>::new();
    for row in rows {
        let id = row.text("id")?;
        if booked.last().is_none_or(|(last, _)| *last != id) {
            booked.push((id, transaction(row)?));
        }
        if let Some((_, transaction)) = booked.last_mut() {
            transaction.postings.push((row.text("account")?, row.number("amount_sats")?));
        }
    }
    Ok(booked.into_iter().map(|(_, transaction)| transaction).collect())
}

impl Booked {
    /// The sum of its debits.
    pub fn debits(&self) -> u64 {
        self.postings.iter().filter_map(|(_, amount)| u64::try_from(*amount).ok()).sum()
    }
}

/// What is booked of a kind, by reference.
pub async fn of_kind(pool: &AnyPool, kind: &str) -> Result<Vec<Booked>, DbError> {
    let sql = "SELECT t.id AS id, t.kind AS kind, t.reference AS reference, COALESCE(t.log_index, 0) AS log_index,
            p.account AS account, p.amount_sats AS amount_sats
        FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
        WHERE t.kind = $1 ORDER BY t.reference, t.id, p.account, p.amount_sats";
    grouped(&sqlx::query(sql).bind(kind).fetch_all(pool).await?)
}

/// The sum of all accounts whose names begin with these words.
pub async fn balance_under(pool: &AnyPool, prefix: &str) -> Result<i64, DbError> {
    let sql = "SELECT CAST(COALESCE(SUM(amount_sats), 0) AS BIGINT) AS balance_sats FROM ledger_postings
        WHERE account LIKE $1";
    sqlx::query(sql).bind(format!("{prefix}%")).fetch_one(pool).await?.number("balance_sats")
}

/// How many transactions there are.
pub async fn count(pool: &AnyPool) -> Result<u64, DbError> {
    sqlx::query("SELECT COUNT(*) AS transactions FROM ledger_transactions")
        .fetch_one(pool)
        .await?
        .unsigned("transactions")
}

fn transaction(row: &AnyRow) -> Result<Booked, DbError> {
    Ok(Booked {
        kind: row.text("kind")?,
        reference: row.text("reference")?,
        log_index: row.unsigned("log_index")?,
        postings: Vec::new(),
    })
}
