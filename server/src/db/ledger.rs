//! The ledger: double entry, append-only. Balances are sums of postings and are stored nowhere else.
//!
//! Contract: a transaction sums to zero, which [`post`] checks before it writes and [`check`] for the whole book; the same
//! (kind, reference) is never booked twice; each transaction names its [`Voucher`]; rows are never changed (triggers of the
//! database refuse it), a mistake or an orphaned block is reversed by a further transaction.
//!
//! Trusted: whoever can change the database can invent balances; credits and payouts are also in the log, where they can't.

mod account;
mod booked;
mod statement;

use audit_core::hash::BlockHash;
use audit_core::work::Sats;
use sqlx::AnyPool;
use sqlx::any::AnyRow;
use thiserror::Error;
use uuid::Uuid;

use super::columns::{Columns, signed};
use super::{DbError, Tx};

pub use account::Account;
pub use booked::{Booked, balance_under, count, of_entries, of_kind};
pub use statement::{After, Line, Movement, lines, movements};

/// Something that happened to money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// What happened, for example `contract_payment`.
    pub kind: &'static str,
    /// The one thing it happened to, for example a contract's id.
    pub reference: String,
    pub voucher: Voucher,
    pub created_ms: u64,
    pub postings: Vec<Posting>,
}

/// What shows to others that a transaction happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voucher {
    /// An entry of the log, by its leaf index.
    Entry(u64),
    /// A transaction of the chain, by its txid.
    Chain(BlockHash),
    /// An entry of the log about a transaction of the chain.
    EntryOfChain(u64, BlockHash),
}

/// One line of a transaction: debits are positive, credits negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    pub account: Account,
    pub amount_sats: i64,
}

/// The sum of an account's postings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    pub account: String,
    pub balance_sats: i64,
}

/// Why a transaction is not one. These are mistakes of the program.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum Unbalanced {
    #[error("postings of {kind} {reference} sum to {sum} sats instead of 0")]
    Sum { kind: &'static str, reference: String, sum: i128 },
    #[error("a ledger transaction needs at least two postings, none of zero")]
    Lines,
}

/// What [`check`] found wrong with the book.
#[derive(Debug, Error)]
pub enum LedgerError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Unbalanced(#[from] Unbalanced),
    #[error("ledger transaction {id} sums to {sum_sats} sats instead of 0")]
    Broken { id: String, sum_sats: i64 },
}

impl Posting {
    pub fn debit(account: Account, amount: Sats) -> Self {
        Self { account, amount_sats: signed(amount.get()) }
    }

    pub fn credit(account: Account, amount: Sats) -> Self {
        Self { account, amount_sats: -signed(amount.get()) }
    }
}

impl Voucher {
    /// Leaf index of the entry.
    pub fn log_index(self) -> Option<u64> {
        match self {
            Self::Entry(index) | Self::EntryOfChain(index, _) => Some(index),
            Self::Chain(_) => None,
        }
    }

    /// The transaction of the chain.
    pub fn txid(self) -> Option<BlockHash> {
        match self {
            Self::Chain(txid) | Self::EntryOfChain(_, txid) => Some(txid),
            Self::Entry(_) => None,
        }
    }
}

impl Transaction {
    /// Whether this is double entry.
    pub fn balanced(&self) -> Result<(), Unbalanced> {
        if self.postings.len() < 2 || self.postings.iter().any(|posting| posting.amount_sats == 0) {
            return Err(Unbalanced::Lines);
        }
        let sum: i128 = self.postings.iter().map(|posting| i128::from(posting.amount_sats)).sum();
        if sum == 0 { Ok(()) } else { Err(Unbalanced::Sum { kind: self.kind, reference: self.reference.clone(), sum }) }
    }
}

/// Books a transaction. `false` and no change when (kind, reference) is booked already.
pub async fn post(tx: &mut Tx, transaction: &Transaction) -> Result<bool, LedgerError> {
    transaction.balanced()?;
    let id = Uuid::new_v4().to_string();
    let done = sqlx::query(
        "INSERT INTO ledger_transactions (id, kind, reference, created_ms, log_index, txid)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (kind, reference) DO NOTHING",
    )
    .bind(&id)
    .bind(transaction.kind)
    .bind(&transaction.reference)
    .bind(signed(transaction.created_ms))
    .bind(transaction.voucher.log_index().map(signed))
    .bind(transaction.voucher.txid().map(|txid| txid.0.to_vec()))
    .execute(&mut **tx)
    .await
    .map_err(DbError::from)?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    for (line, posting) in (0i64..).zip(&transaction.postings) {
        sqlx::query("INSERT INTO ledger_postings (transaction_id, line, account, amount_sats) VALUES ($1, $2, $3, $4)")
            .bind(&id)
            .bind(line)
            .bind(posting.account.to_string())
            .bind(posting.amount_sats)
            .execute(&mut **tx)
            .await
            .map_err(DbError::from)?;
    }
    Ok(true)
}

/// Balances of all accounts after the one named `after`, by name.
pub async fn balances(pool: &AnyPool, after: &str, limit: u32) -> Result<Vec<Balance>, DbError> {
    let rows = sqlx::query(
        "SELECT account, CAST(SUM(amount_sats) AS BIGINT) AS balance_sats FROM ledger_postings
         WHERE account > $1 GROUP BY account ORDER BY account LIMIT $2",
    )
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(balance).collect()
}

/// One account's balance; 0 for an account without postings.
pub async fn balance_of(pool: &AnyPool, account: &Account) -> Result<i64, DbError> {
    let row = sqlx::query(
        "SELECT CAST(COALESCE(SUM(amount_sats), 0) AS BIGINT) AS balance_sats FROM ledger_postings WHERE account = $1",
    )
    .bind(account.to_string())
    .fetch_one(pool)
    .await?;
    row.number("balance_sats")
}

/// The invariant of the book: every transaction sums to zero and has postings. Names the first that doesn't.
pub async fn check(pool: &AnyPool) -> Result<(), LedgerError> {
    let broken = sqlx::query(
        "SELECT t.id AS id, CAST(COALESCE(SUM(p.amount_sats), 0) AS BIGINT) AS sum_sats
         FROM ledger_transactions t LEFT JOIN ledger_postings p ON p.transaction_id = t.id
         GROUP BY t.id HAVING COALESCE(SUM(p.amount_sats), 0) <> 0 OR COUNT(p.line) < 2 LIMIT 1",
    )
    .fetch_optional(pool)
    .await
    .map_err(DbError::from)?;
    match broken {
        None => Ok(()),
        Some(row) => Err(LedgerError::Broken { id: row.text("id")?, sum_sats: row.number("sum_sats")? }),
    }
}

fn balance(row: &AnyRow) -> Result<Balance, DbError> {
    Ok(Balance { account: row.text("account")?, balance_sats: row.number("balance_sats")? })
}

#[cfg(test)]
mod tests;
