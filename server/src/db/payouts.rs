//! Payouts: what is paid to whom, by which transactions, and how far each has come.
//!
//! Contract: a coin is in one payout at most that may still be mined (primary key of `payout_inputs`); a state changes
//! only from the one that the caller has read, else nothing does and it is told so.

mod attempts;
mod owed;
mod row;

use audit_core::hash::{BlockHash, Hash32};
use audit_core::payout::PayoutRow;
use audit_core::transaction::OutPoint;
use audit_core::work::Sats;
use sqlx::AnyPool;

use super::columns::{Columns, signed};
use super::{DbError, Tx};
use row::{input, payout, payout_row};

pub use attempts::{
    Attempt, SignedAttempt, Signer, attempts, insert_attempt, newest_signed, sign, signed_by_server_since,
};
pub use owed::{Owed, SpendableCoin, owed, spendable_coins};

/// A payout as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// Number, from 1.
    pub payout: u64,
    pub state: State,
    pub created_ms: u64,
    /// Height of the chain when it was planned.
    pub planned_height: u32,
    /// First and last settlement it pays for.
    pub settlements: (u64, u64),
    /// What contracts are paid together.
    pub total: Sats,
    /// Whether a second person has to agree, and since when that one has.
    pub needs_approval: bool,
    pub approved_ms: Option<u64>,
    /// Since when somebody outside may have signed it.
    pub handed_out_ms: Option<u64>,
    /// Where its transaction is in the chain.
    pub mined: Option<Mined>,
    /// Leaf index of its entry.
    pub entry_index: Option<u64>,
}

/// How far a payout has come, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Amounts are fixed and coins reserved; its newest attempt is not signed.
    Planned,
    /// The newest attempt has its signatures; no node has it for certain.
    Signed,
    /// A node took it.
    Broadcast,
    /// One of its attempts is in a block of the best chain.
    Confirmed,
    /// It is deep in the chain, in the log and in the book.
    Logged,
    /// Given up before anybody could have signed it.
    Cancelled,
}

/// A transaction's place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mined {
    pub txid: BlockHash,
    pub block: BlockHash,
    pub height: u32,
    /// Position in the block.
    pub index: u32,
    /// Siblings on the way to the block's merkle root.
    pub branch: Vec<Hash32>,
}

/// A coin that a payout spends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    pub point: OutPoint,
    pub sats: Sats,
}

/// What a contract was paid by a payout, for its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractPayout {
    pub payout: Payout,
    pub sats: Sats,
    pub vout: u32,
}

/// Inserts a planned payout with what it pays and spends. A coin that is reserved already is an error.
pub async fn insert(tx: &mut Tx, payout: &Payout, rows: &[PayoutRow], inputs: &[Input]) -> Result<(), DbError> {
    let sql =
        "INSERT INTO payouts (payout, state, created_ms, planned_height, from_settlement, to_settlement, total_sats,
        needs_approval) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    sqlx::query(sql)
        .bind(signed(payout.payout))
        .bind(payout.state.as_str())
        .bind(signed(payout.created_ms))
        .bind(i64::from(payout.planned_height))
        .bind(signed(payout.settlements.0))
        .bind(signed(payout.settlements.1))
        .bind(signed(payout.total.get()))
        .bind(i64::from(payout.needs_approval))
        .execute(&mut **tx)
        .await?;
    for row in rows {
        sqlx::query("INSERT INTO payout_rows (payout, contract_id, sats, vout) VALUES ($1, $2, $3, $4)")
            .bind(signed(payout.payout))
            .bind(row.id.0.to_vec())
            .bind(signed(row.sats.get()))
            .bind(i64::from(row.vout))
            .execute(&mut **tx)
            .await?;
    }
    for input in inputs {
        sqlx::query("INSERT INTO payout_inputs (txid, vout, payout, sats) VALUES ($1, $2, $3, $4)")
            .bind(input.point.txid.0.to_vec())
            .bind(i64::from(input.point.vout))
            .bind(signed(payout.payout))
            .bind(signed(input.sats.get()))
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Moves a payout from one state to another. `false` and no change when it is not in `from` any more.
pub async fn advance(tx: &mut Tx, payout: u64, from: State, to: State) -> Result<bool, DbError> {
    let done = sqlx::query("UPDATE payouts SET state = $1 WHERE payout = $2 AND state = $3")
        .bind(to.as_str())
        .bind(signed(payout))
        .bind(from.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes where a payout's transaction is. A payout that is logged stays logged, every other one is confirmed.
pub async fn mine(tx: &mut Tx, payout: u64, from: State, mined: &Mined) -> Result<bool, DbError> {
    let to = if from == State::Logged { State::Logged } else { State::Confirmed };
    let branch: Vec<u8> = mined.branch.iter().flat_map(|hash| hash.0).collect();
    let done = sqlx::query(
        "UPDATE payouts SET state = $1, txid = $2, block_hash = $3, block_height = $4, block_index = $5, branch = $6
         WHERE payout = $7 AND state = $8",
    )
    .bind(to.as_str())
    .bind(mined.txid.0.to_vec())
    .bind(mined.block.0.to_vec())
    .bind(i64::from(mined.height))
    .bind(i64::from(mined.index))
    .bind(branch)
    .bind(signed(payout))
    .bind(from.as_str())
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that a payout's entry is in the log. `false` and no change unless it is confirmed.
pub async fn log(tx: &mut Tx, payout: u64, entry_index: u64) -> Result<bool, DbError> {
    let sql = "UPDATE payouts SET state = 'logged', entry_index = $1 WHERE payout = $2 AND state = 'confirmed'";
    let done = sqlx::query(sql).bind(signed(entry_index)).bind(signed(payout)).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

/// Notes a second person's agreement; the first one counts.
pub async fn approve(tx: &mut Tx, payout: u64, now_ms: u64) -> Result<bool, DbError> {
    let sql = "UPDATE payouts SET approved_ms = $1 WHERE payout = $2 AND state = 'planned' AND needs_approval = 1
        AND approved_ms IS NULL";
    let done = sqlx::query(sql).bind(signed(now_ms)).bind(signed(payout)).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that a payout is about to leave the server unsigned. `false` and no change unless it is planned.
pub async fn hand_out(tx: &mut Tx, payout: u64, now_ms: u64) -> Result<bool, DbError> {
    let sql = "UPDATE payouts SET handed_out_ms = COALESCE(handed_out_ms, $1) WHERE payout = $2 AND state = 'planned'";
    let done = sqlx::query(sql).bind(signed(now_ms)).bind(signed(payout)).execute(&mut **tx).await?;
    Ok(done.rows_affected() == 1)
}

/// Gives up a planned payout that nobody can have signed: its coins are free again. `false` and no change otherwise.
pub async fn cancel(tx: &mut Tx, payout: u64) -> Result<bool, DbError> {
    let sql = "UPDATE payouts SET state = 'cancelled' WHERE payout = $1 AND state = 'planned' AND handed_out_ms IS NULL
        AND NOT EXISTS (SELECT 1 FROM payout_attempts a WHERE a.payout = payouts.payout AND a.signed_ms IS NOT NULL)";
    let done = sqlx::query(sql).bind(signed(payout)).execute(&mut **tx).await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("DELETE FROM payout_inputs WHERE payout = $1").bind(signed(payout)).execute(&mut **tx).await?;
    Ok(true)
}

pub async fn by_number(pool: &AnyPool, number: u64) -> Result<Option<Payout>, DbError> {
    let sql = "SELECT * FROM payouts WHERE payout = $1";
    sqlx::query(sql).bind(signed(number)).fetch_optional(pool).await?.as_ref().map(payout).transpose()
}

/// The newest payout.
pub async fn last(pool: &AnyPool) -> Result<Option<Payout>, DbError> {
    let sql = "SELECT * FROM payouts ORDER BY payout DESC LIMIT 1";
    sqlx::query(sql).fetch_optional(pool).await?.as_ref().map(payout).transpose()
}

/// Payouts that may still change: those that are neither cancelled nor logged, and logged ones above a height.
pub async fn open(pool: &AnyPool, above_height: u32) -> Result<Vec<Payout>, DbError> {
    let sql = "SELECT * FROM payouts WHERE state IN ('planned', 'signed', 'broadcast', 'confirmed')
        OR (state = 'logged' AND block_height > $1) ORDER BY payout";
    let rows = sqlx::query(sql).bind(i64::from(above_height)).fetch_all(pool).await?;
    rows.iter().map(payout).collect()
}

/// At most `limit` payouts with numbers below `before`, newest first.
pub async fn page(pool: &AnyPool, before: Option<u64>, limit: u64) -> Result<Vec<Payout>, DbError> {
    let rows = sqlx::query("SELECT * FROM payouts WHERE payout < $1 ORDER BY payout DESC LIMIT $2")
        .bind(before.map_or(i64::MAX, signed))
        .bind(signed(limit))
        .fetch_all(pool)
        .await?;
    rows.iter().map(payout).collect()
}

/// All payouts that are logged, in order of the log.
pub async fn logged(pool: &AnyPool) -> Result<Vec<Payout>, DbError> {
    let rows = sqlx::query("SELECT * FROM payouts WHERE state = 'logged' ORDER BY entry_index").fetch_all(pool).await?;
    rows.iter().map(payout).collect()
}

/// What each contract is paid, by contract.
pub async fn rows(pool: &AnyPool, payout: u64) -> Result<Vec<PayoutRow>, DbError> {
    let sql = "SELECT contract_id, sats, vout FROM payout_rows WHERE payout = $1";
    let rows = sqlx::query(sql).bind(signed(payout)).fetch_all(pool).await?;
    let mut rows: Vec<PayoutRow> = rows.iter().map(payout_row).collect::<Result<_, _>>()?;
    rows.sort_by_key(|row| row.id);
    Ok(rows)
}

/// The coins that a payout spends.
pub async fn inputs(pool: &AnyPool, payout: u64) -> Result<Vec<Input>, DbError> {
    let sql = "SELECT txid, vout, sats FROM payout_inputs WHERE payout = $1";
    let rows = sqlx::query(sql).bind(signed(payout)).fetch_all(pool).await?;
    let mut inputs: Vec<Input> = rows.iter().map(input).collect::<Result<_, _>>()?;
    inputs.sort();
    Ok(inputs)
}

/// A contract's payouts with numbers below `before`, newest first, but for cancelled ones.
pub async fn of_contract(
    pool: &AnyPool,
    contract: &Hash32,
    before: Option<u64>,
    limit: u64,
) -> Result<Vec<ContractPayout>, DbError> {
    let rows = sqlx::query(
        "SELECT p.*, r.sats AS sats, r.vout AS vout FROM payout_rows r JOIN payouts p ON p.payout = r.payout
         WHERE r.contract_id = $1 AND p.payout < $2 AND p.state <> 'cancelled' ORDER BY p.payout DESC LIMIT $3",
    )
    .bind(contract.0.to_vec())
    .bind(before.map_or(i64::MAX, signed))
    .bind(signed(limit))
    .fetch_all(pool)
    .await?;
    let read = |row| Ok(ContractPayout { payout: payout(row)?, sats: row.sats("sats")?, vout: row.small("vout")? });
    rows.iter().map(read).collect()
}

/// What each contract was paid by all logged payouts.
pub async fn all_paid(pool: &AnyPool) -> Result<Vec<(Hash32, Sats)>, DbError> {
    let sql = "SELECT r.contract_id AS contract_id, CAST(SUM(r.sats) AS BIGINT) AS paid_sats FROM payout_rows r
        JOIN payouts p ON p.payout = r.payout WHERE p.state = 'logged' GROUP BY r.contract_id";
    let rows = sqlx::query(sql).fetch_all(pool).await?;
    rows.iter().map(|row| Ok((row.hash("contract_id")?, row.sats("paid_sats")?))).collect()
}

/// All that a contract was paid by the payouts that a log of size `published` shows.
pub async fn paid(pool: &AnyPool, contract: &Hash32, published: u64) -> Result<Sats, DbError> {
    let sql = "SELECT CAST(COALESCE(SUM(r.sats), 0) AS BIGINT) AS paid_sats FROM payout_rows r
        JOIN payouts p ON p.payout = r.payout WHERE r.contract_id = $1 AND p.entry_index < $2";
    let row = sqlx::query(sql).bind(contract.0.to_vec()).bind(signed(published)).fetch_one(pool).await?;
    row.sats("paid_sats")
}
