//! What accounts are owed back, where they want it, and the outputs that paid it.
//!
//! Contract: a state changes only from the one that the caller has read, else nothing does and it is told so; an output is
//! in one refund that may count.

mod owed;

use audit_core::hash::BlockHash;
use audit_core::work::Sats;
use bitcoin::OutPoint;
use bitcoin::Txid;
use bitcoin::hashes::Hash as _;
use sqlx::AnyPool;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{Columns, signed};
use super::contracts::Cursor;
use super::{DbError, Tx};

pub use owed::{OwedBack, RefundAddress, address_of, choose_address, owed_back, owed_to};

/// A refund as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    pub id: Uuid,
    pub account_id: Uuid,
    pub address: String,
    pub script: Vec<u8>,
    pub amount: Sats,
    /// The output that pays it.
    pub output: OutPoint,
    pub state: State,
    pub recorded_ms: u64,
    pub recorded_height: u32,
    /// The block that it was seen in.
    pub block: Option<(u32, BlockHash)>,
}

/// How far a refund has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The operator says that it is paid; no block shows it yet.
    Recorded,
    /// In a block, not deep enough yet.
    Confirmed,
    /// In the ledger.
    Booked,
    /// The output pays another amount or another script: it refunds nothing.
    Wrong,
}

impl State {
    const ALL: [Self; 4] = [Self::Recorded, Self::Confirmed, Self::Booked, Self::Wrong];

    /// As in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Confirmed => "confirmed",
            Self::Booked => "booked",
            Self::Wrong => "wrong",
        }
    }

    /// Whether it takes something of what is owed that is not booked yet.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Recorded | Self::Confirmed)
    }
}

/// Stores a new refund. `false` and no change when its output is in another one.
pub async fn insert(tx: &mut Tx, refund: &Refund) -> Result<bool, DbError> {
    let done = sqlx::query(
        "INSERT INTO refunds (id, account_id, address, script, refund_sats, txid, vout, state, recorded_ms, recorded_height)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
    )
    .bind(refund.id.to_string())
    .bind(refund.account_id.to_string())
    .bind(&refund.address)
    .bind(refund.script.clone())
    .bind(signed(refund.amount.get()))
    .bind(refund.output.txid.to_byte_array().to_vec())
    .bind(i64::from(refund.output.vout))
    .bind(refund.state.as_str())
    .bind(signed(refund.recorded_ms))
    .bind(i64::from(refund.recorded_height))
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Moves a refund from one state to another. `false` and no change when it is not in `from` any more.
pub async fn advance(tx: &mut Tx, id: Uuid, from: State, to: State) -> Result<bool, DbError> {
    let done = sqlx::query("UPDATE refunds SET state = $1 WHERE id = $2 AND state = $3")
        .bind(to.as_str())
        .bind(id.to_string())
        .bind(from.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes the block that a recorded refund is in.
pub async fn confirm(tx: &mut Tx, id: Uuid, height: u32, block: BlockHash) -> Result<bool, DbError> {
    let sql = "UPDATE refunds SET state = 'confirmed', block_height = $1, block_hash = $2
        WHERE id = $3 AND state = 'recorded'";
    let done =
        sqlx::query(sql).bind(i64::from(height)).bind(block.0.to_vec()).bind(id.to_string()).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

/// Refunds that may still change, oldest first.
pub async fn open(pool: &AnyPool) -> Result<Vec<Refund>, DbError> {
    let sql = "SELECT * FROM refunds WHERE state IN ('recorded', 'confirmed') ORDER BY recorded_ms, id";
    sqlx::query(sql).fetch_all(pool).await?.iter().map(refund).collect()
}

/// All that are booked, oldest first.
pub async fn booked(pool: &AnyPool) -> Result<Vec<Refund>, DbError> {
    let sql = "SELECT * FROM refunds WHERE state = 'booked' ORDER BY recorded_ms, id";
    sqlx::query(sql).fetch_all(pool).await?.iter().map(refund).collect()
}

/// All of an account, oldest first.
pub async fn of_account(pool: &AnyPool, account_id: Uuid) -> Result<Vec<Refund>, DbError> {
    let sql = "SELECT * FROM refunds WHERE account_id = $1 ORDER BY recorded_ms, id";
    sqlx::query(sql).bind(account_id.to_string()).fetch_all(pool).await?.iter().map(refund).collect()
}

/// All, newest first, those after `cursor`.
pub async fn list(pool: &AnyPool, cursor: &Cursor, limit: u32) -> Result<Vec<Refund>, DbError> {
    let rows = sqlx::query(
        "SELECT * FROM refunds WHERE recorded_ms < $1 OR (recorded_ms = $1 AND id < $2)
         ORDER BY recorded_ms DESC, id DESC LIMIT $3",
    )
    .bind(cursor.before_ms())
    .bind(cursor.before_id())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(refund).collect()
}

fn refund(row: &AnyRow) -> Result<Refund, DbError> {
    let text = row.text("state")?;
    let state = State::ALL.into_iter().find(|state| state.as_str() == text);
    let hash = row.optional_hash("block_hash")?;
    let block = hash.map(|hash| Ok::<_, DbError>((row.small("block_height")?, BlockHash(hash.0)))).transpose()?;
    Ok(Refund {
        id: row.uuid("id")?,
        account_id: row.uuid("account_id")?,
        address: row.text("address")?,
        script: row.bytes("script")?,
        amount: row.sats("refund_sats")?,
        output: OutPoint { txid: Txid::from_byte_array(row.hash("txid")?.0), vout: row.small("vout")? },
        state: state.ok_or(DbError::Unreadable { column: "state".into(), found: text })?,
        recorded_ms: row.unsigned("recorded_ms")?,
        recorded_height: row.small("recorded_height")?,
        block,
    })
}
