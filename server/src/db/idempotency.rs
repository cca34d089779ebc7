//! Answers kept under the clients' Idempotency-Keys.
//!
//! Contract: [`start`] and [`finish`] run in the transaction of the effect, so key, effect and answer become durable
//! together or not at all. A committed key therefore always has its answer.

use audit_core::hash::Hash32;

use super::columns::{Columns, signed};
use super::{DbError, Tx};

/// How long answers are kept: a week, so that a client that was down for days can still ask what became of its request.
const KEEP_MS: u64 = 7 * 24 * 3_600_000;

/// What a key is unique within.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// `account:<id>` or `operator`.
    pub principal: String,
    /// Method and path.
    pub route: String,
    /// The client's key.
    pub key: String,
}

/// What is known of a key.
#[derive(Debug)]
pub enum Start {
    /// Nothing: the key is now reserved in this transaction.
    Fresh,
    /// The same request was answered before.
    Answered(Answer),
    /// The key belongs to a different request.
    OtherRequest,
}

/// An answer to give again.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// Reserves a key or tells what it was used for. A concurrent transaction with the same key is waited for.
pub async fn start(tx: &mut Tx, scope: &Scope, fingerprint: &Hash32, now_ms: u64) -> Result<Start, DbError> {
    sqlx::query("DELETE FROM idempotency_keys WHERE created_ms < $1")
        .bind(signed(now_ms.saturating_sub(KEEP_MS)))
        .execute(&mut **tx)
        .await?;
    let done = sqlx::query(
        "INSERT INTO idempotency_keys (principal, route, key, fingerprint, created_ms) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (principal, route, key) DO NOTHING",
    )
    .bind(&scope.principal)
    .bind(&scope.route)
    .bind(&scope.key)
    .bind(fingerprint.0.to_vec())
    .bind(signed(now_ms))
    .execute(&mut **tx)
    .await?;
    if done.rows_affected() == 1 { Ok(Start::Fresh) } else { answered(tx, scope, fingerprint).await }
}

/// Stores the answer of the transaction's effect.
pub async fn finish(tx: &mut Tx, scope: &Scope, answer: &Answer) -> Result<(), DbError> {
    sqlx::query("UPDATE idempotency_keys SET status = $4, body = $5 WHERE principal = $1 AND route = $2 AND key = $3")
        .bind(&scope.principal)
        .bind(&scope.route)
        .bind(&scope.key)
        .bind(i64::from(answer.status))
        .bind(answer.body.as_bytes().to_vec())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn answered(tx: &mut Tx, scope: &Scope, fingerprint: &Hash32) -> Result<Start, DbError> {
    let row = sqlx::query(
        "SELECT fingerprint, status, body FROM idempotency_keys WHERE principal = $1 AND route = $2 AND key = $3",
    )
    .bind(&scope.principal)
    .bind(&scope.route)
    .bind(&scope.key)
    .fetch_one(&mut **tx)
    .await?;
    if row.hash("fingerprint")? != *fingerprint {
        return Ok(Start::OtherRequest);
    }
    let body = String::from_utf8_lossy(&row.bytes("body")?).into_owned();
    Ok(Start::Answered(Answer { status: u16::try_from(row.unsigned("status")?).unwrap_or(200), body }))
}
