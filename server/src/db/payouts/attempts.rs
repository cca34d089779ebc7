//! The transactions of payouts.

use audit_core::hash::BlockHash;
use audit_core::work::Sats;
use sqlx::AnyPool;
use sqlx::any::AnyRow;

use crate::db::columns::{Columns, signed};
use crate::db::{DbError, Tx};

/// One transaction of a payout. Its txid does not depend on signatures: every input is native segwit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub payout: u64,
    /// From 1; each replaces the one before with a higher fee.
    pub attempt: u64,
    pub txid: BlockHash,
    pub fee: Sats,
    /// What the last output pays back; 0 without such an output.
    pub change: Sats,
    /// Virtual bytes at most, with signatures.
    pub vsize: u64,
    /// BIP 174, without signatures.
    pub psbt: Vec<u8>,
    pub signed: Option<SignedAttempt>,
}

/// An attempt's signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedAttempt {
    /// The transaction as nodes take it.
    pub transaction: Vec<u8>,
    pub signed_ms: u64,
    pub signer: Signer,
}

/// Who signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// This server, with its key file.
    Server,
    /// Whoever has the key elsewhere.
    Outside,
}

impl Signer {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Outside => "outside",
        }
    }
}

/// The newest attempt of a payout that is signed.
pub async fn newest_signed(pool: &AnyPool, payout: u64) -> Result<Option<BlockHash>, DbError> {
    let sql = "SELECT txid FROM payout_attempts WHERE payout = $1 AND signed_ms IS NOT NULL
        ORDER BY attempt DESC LIMIT 1";
    let row = sqlx::query(sql).bind(signed(payout)).fetch_optional(pool).await?;
    row.map(|row| Ok(BlockHash(row.hash("txid")?.0))).transpose()
}

/// Inserts an unsigned attempt.
pub async fn insert_attempt(tx: &mut Tx, attempt: &Attempt) -> Result<(), DbError> {
    let sql = "INSERT INTO payout_attempts (payout, attempt, txid, fee_sats, change_sats, vsize, psbt)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query(sql)
        .bind(signed(attempt.payout))
        .bind(signed(attempt.attempt))
        .bind(attempt.txid.0.to_vec())
        .bind(signed(attempt.fee.get()))
        .bind(signed(attempt.change.get()))
        .bind(signed(attempt.vsize))
        .bind(attempt.psbt.clone())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Stores an attempt's signatures; those that came first stay.
pub async fn sign(tx: &mut Tx, payout: u64, attempt: u64, by: &SignedAttempt) -> Result<bool, DbError> {
    let sql = "UPDATE payout_attempts SET signed_transaction = $1, signed_ms = $2, signed_by = $3
        WHERE payout = $4 AND attempt = $5 AND signed_ms IS NULL";
    let done = sqlx::query(sql)
        .bind(by.transaction.clone())
        .bind(signed(by.signed_ms))
        .bind(by.signer.as_str())
        .bind(signed(payout))
        .bind(signed(attempt))
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// A payout's attempts, oldest first.
pub async fn attempts(pool: &AnyPool, payout: u64) -> Result<Vec<Attempt>, DbError> {
    let sql = "SELECT * FROM payout_attempts WHERE payout = $1 ORDER BY attempt";
    let rows = sqlx::query(sql).bind(signed(payout)).fetch_all(pool).await?;
    rows.iter().map(read).collect()
}

/// What the server signed away by itself since a time, without fees: each payout once, however often it was replaced.
pub async fn signed_by_server_since(pool: &AnyPool, since_ms: u64) -> Result<Sats, DbError> {
    let sql = "SELECT CAST(COALESCE(SUM(p.total_sats), 0) AS BIGINT) AS total_sats FROM payouts p
        WHERE EXISTS (SELECT 1 FROM payout_attempts a
            WHERE a.payout = p.payout AND a.signed_by = 'server' AND a.signed_ms > $1)";
    sqlx::query(sql).bind(signed(since_ms)).fetch_one(pool).await?.sats("total_sats")
}

fn read(row: &AnyRow) -> Result<Attempt, DbError> {
    Ok(Attempt {
        payout: row.unsigned("payout")?,
        attempt: row.unsigned("attempt")?,
        txid: BlockHash(row.hash("txid")?.0),
        fee: row.sats("fee_sats")?,
        change: row.sats("change_sats")?,
        vsize: row.unsigned("vsize")?,
        psbt: row.bytes("psbt")?,
        signed: signed_attempt(row)?,
    })
}

fn signed_attempt(row: &AnyRow) -> Result<Option<SignedAttempt>, DbError> {
    let Some(signed_ms) = row.optional_unsigned("signed_ms")? else { return Ok(None) };
    let signer = if row.text("signed_by")? == Signer::Server.as_str() { Signer::Server } else { Signer::Outside };
    Ok(Some(SignedAttempt { transaction: row.bytes("signed_transaction")?, signed_ms, signer }))
}
