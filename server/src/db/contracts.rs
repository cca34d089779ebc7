//! Contracts: reserved by a purchase, active once the operator confirms the payment.

mod row;

use audit_core::hash::Hash32;
use audit_core::work::{Sats, Units};
use sqlx::AnyPool;
use uuid::Uuid;

use super::columns::{Columns, signed};
use super::{DbError, Tx};
use row::contract;

/// What was bought, as stored.
#[derive(Clone, Debug)]
pub struct Contract {
    pub id: Uuid,
    pub account_id: Uuid,
    pub offer_id: Uuid,
    pub status: Status,
    pub units: Units,
    pub price: Sats,
    pub term_ms: u64,
    /// Log entry with the terms.
    pub terms_index: u64,
    pub payout_address: String,
    pub payout_script: Vec<u8>,
    pub nonce: Hash32,
    pub payment_reference: String,
    pub created_ms: u64,
    /// Until when the units are kept for the buyer without a payment.
    pub reserved_until_ms: u64,
    pub opened: Option<Opened>,
}

/// Where a contract stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Reserved,
    Active,
    Fulfilled,
    Cancelled,
}

/// What confirmation fixes for good; all of it follows from the entry in the log or is what the buyer keeps.
#[derive(Clone, Debug)]
pub struct Opened {
    pub contract_id: Hash32,
    /// The exact bytes that the contract id commits to.
    pub details: String,
    pub from_ms: u64,
    pub until_ms: u64,
    /// Index of the contract's entry in the log.
    pub leaf_index: u64,
    pub received: Sats,
    pub payment_note: Option<String>,
}

/// Where a page of a list that is sorted by creation, newest first, goes on: after this row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub created_ms: u64,
    pub id: Option<Uuid>,
}

impl Cursor {
    /// Before everything.
    pub const START: Self = Self { created_ms: u64::MAX, id: None };

    pub(super) fn before_ms(&self) -> i64 {
        signed(self.created_ms)
    }

    pub(super) fn before_id(&self) -> String {
        self.id.map(|id| id.to_string()).unwrap_or_default()
    }
}

impl Contract {
    /// The status at a moment: a reservation that ran out is cancelled, a term that ended is fulfilled, whatever is stored.
    pub fn status_at(&self, now_ms: u64) -> Status {
        match (self.status, &self.opened) {
            (Status::Reserved, _) if self.reserved_until_ms <= now_ms => Status::Cancelled,
            (Status::Active, Some(opened)) if opened.until_ms <= now_ms => Status::Fulfilled,
            (status, _) => status,
        }
    }
}

/// Stores a new, reserved contract. The caller holds the offer's lock and has checked its capacity.
pub async fn reserve(tx: &mut Tx, contract: &Contract) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO contracts (id, account_id, offer_id, status, units_hs, price_sats, term_ms, terms_index,
         payout_address, payout_script, nonce, payment_reference, created_ms, reserved_until_ms)
         VALUES ($1, $2, $3, 'reserved', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(contract.id.to_string())
    .bind(contract.account_id.to_string())
    .bind(contract.offer_id.to_string())
    .bind(contract.units.to_string())
    .bind(signed(contract.price.get()))
    .bind(signed(contract.term_ms))
    .bind(signed(contract.terms_index))
    .bind(&contract.payout_address)
    .bind(contract.payout_script.clone())
    .bind(contract.nonce.0.to_vec())
    .bind(&contract.payment_reference)
    .bind(signed(contract.created_ms))
    .bind(signed(contract.reserved_until_ms))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Makes a reserved contract active. `false` and no change when it isn't reserved any more.
pub async fn activate(tx: &mut Tx, id: Uuid, opened: &Opened) -> Result<bool, DbError> {
    let done = sqlx::query(
        "UPDATE contracts SET status = 'active', contract_id = $2, details = $3, from_ms = $4, until_ms = $5,
         leaf_index = $6, received_sats = $7, payment_note = $8 WHERE id = $1 AND status = 'reserved'",
    )
    .bind(id.to_string())
    .bind(opened.contract_id.0.to_vec())
    .bind(&opened.details)
    .bind(signed(opened.from_ms))
    .bind(signed(opened.until_ms))
    .bind(signed(opened.leaf_index))
    .bind(signed(opened.received.get()))
    .bind(opened.payment_note.clone())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a reserved contract's units back. `false` and no change when it isn't reserved any more.
pub async fn cancel(tx: &mut Tx, id: Uuid) -> Result<bool, DbError> {
    let done = sqlx::query("UPDATE contracts SET status = 'cancelled' WHERE id = $1 AND status = 'reserved'")
        .bind(id.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps a reserved contract's units longer.
pub async fn extend_reservation(tx: &mut Tx, id: Uuid, until_ms: u64) -> Result<(), DbError> {
    sqlx::query("UPDATE contracts SET reserved_until_ms = $2 WHERE id = $1 AND status = 'reserved'")
        .bind(id.to_string())
        .bind(signed(until_ms))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A contract's life is over, whatever is left of its term.
pub async fn end(tx: &mut Tx, contract_id: &Hash32) -> Result<(), DbError> {
    sqlx::query("UPDATE contracts SET status = 'fulfilled' WHERE contract_id = $1")
        .bind(contract_id.0.to_vec())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// How many unpaid reservations an account holds at `now_ms`.
pub async fn count_reserved(tx: &mut Tx, account_id: Uuid, now_ms: u64) -> Result<u64, DbError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS count FROM contracts
         WHERE account_id = $1 AND status = 'reserved' AND reserved_until_ms > $2",
    )
    .bind(account_id.to_string())
    .bind(signed(now_ms))
    .fetch_one(&mut **tx)
    .await?;
    row.unsigned("count")
}

/// Reads a contract and holds it until the transaction ends.
pub async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Contract>, DbError> {
    let row = sqlx::query("UPDATE contracts SET status = status WHERE id = $1 RETURNING *")
        .bind(id.to_string())
        .fetch_optional(&mut **tx)
        .await?;
    row.as_ref().map(contract).transpose()
}

pub async fn by_id(pool: &AnyPool, id: Uuid) -> Result<Option<Contract>, DbError> {
    let row = sqlx::query("SELECT * FROM contracts WHERE id = $1").bind(id.to_string()).fetch_optional(pool).await?;
    row.as_ref().map(contract).transpose()
}

/// The contract with this id in the log.
pub async fn by_contract_id(pool: &AnyPool, contract_id: &Hash32) -> Result<Option<Contract>, DbError> {
    let sql = "SELECT * FROM contracts WHERE contract_id = $1";
    let row = sqlx::query(sql).bind(contract_id.0.to_vec()).fetch_optional(pool).await?;
    row.as_ref().map(contract).transpose()
}

/// An account's contracts, newest first, those after `cursor`.
pub async fn of_account(
    pool: &AnyPool,
    account_id: Uuid,
    cursor: &Cursor,
    limit: u32,
) -> Result<Vec<Contract>, DbError> {
    let rows = sqlx::query(
        "SELECT * FROM contracts WHERE account_id = $1 AND (created_ms < $2 OR (created_ms = $2 AND id < $3))
         ORDER BY created_ms DESC, id DESC LIMIT $4",
    )
    .bind(account_id.to_string())
    .bind(cursor.before_ms())
    .bind(cursor.before_id())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(contract).collect()
}

/// All customers' contracts, optionally of one status at `now_ms`, newest first, those after `cursor`.
pub async fn list(
    pool: &AnyPool,
    status: Option<Status>,
    now_ms: u64,
    cursor: &Cursor,
    limit: u32,
) -> Result<Vec<Contract>, DbError> {
    let rows = sqlx::query(
        "SELECT * FROM contracts WHERE ($1 = '' OR $1 = CASE
             WHEN status = 'reserved' AND reserved_until_ms <= $2 THEN 'cancelled'
             WHEN status = 'active' AND until_ms <= $2 THEN 'fulfilled'
             ELSE status END)
         AND (created_ms < $3 OR (created_ms = $3 AND id < $4))
         ORDER BY created_ms DESC, id DESC LIMIT $5",
    )
    .bind(status.map_or("", Status::as_str))
    .bind(signed(now_ms))
    .bind(cursor.before_ms())
    .bind(cursor.before_id())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(contract).collect()
}

/// The contracts whose term includes `start_ms` and that are neither suspended nor closed: id in the log and units, for the
/// allocation of an epoch that starts then.
pub async fn in_force(tx: &mut Tx, start_ms: u64) -> Result<Vec<(Hash32, Units)>, DbError> {
    let rows = sqlx::query(
        "SELECT contract_id, units_hs FROM contracts
         WHERE status IN ('active', 'fulfilled') AND from_ms <= $1 AND $1 < until_ms
         AND COALESCE((SELECT h.kind FROM contract_changes h WHERE h.contract_id = contracts.contract_id
             ORDER BY h.leaf_index DESC LIMIT 1), 'resumed') = 'resumed'",
    )
    .bind(signed(start_ms))
    .fetch_all(&mut **tx)
    .await?;
    rows.iter().map(|row| Ok((row.hash("contract_id")?, row.units("units_hs")?))).collect()
}
