//! What is owed, the coins that back it, and the lists of both that are logged.

use audit_core::hash::{BlockHash, Hash32};
use audit_core::liabilities::Coin;
use audit_core::settlement::Credit;
use audit_core::transaction::OutPoint;
use audit_core::work::Sats;
use sqlx::AnyPool;
use sqlx::any::AnyRow;

use super::columns::{Columns, signed};
use super::{DbError, Tx};

/// One list of liabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiabilitiesRow {
    /// Number, from 1; names `/liabilities/<number>.json`.
    pub liabilities: u64,
    /// Leaf index of its entry.
    pub entry_index: u64,
    /// When, Unix ms.
    pub at_ms: u64,
    /// Last settlement that is included.
    pub settlement: u64,
    /// Contracts that are owed something.
    pub balance_count: u64,
    /// What they are owed together.
    pub balances: Sats,
    /// Coins that back it.
    pub coin_count: u64,
    /// What they are worth together.
    pub coins: Sats,
}

const COLUMNS: &str = "liabilities, entry_index, at_ms, settlement, balance_count, balance_sats, coin_count, coin_sats";

/// The newest list of those whose entry is before leaf `before`.
pub async fn last(pool: &AnyPool, before: u64) -> Result<Option<LiabilitiesRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM liabilities WHERE entry_index < $1 ORDER BY liabilities DESC LIMIT 1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(signed(before)).fetch_optional(pool).await?;
    row.as_ref().map(read).transpose()
}

/// Inserts a list; a number that is taken is an error.
pub async fn insert(tx: &mut Tx, row: &LiabilitiesRow) -> Result<(), DbError> {
    let sql = format!("INSERT INTO liabilities ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
    sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(signed(row.liabilities))
        .bind(signed(row.entry_index))
        .bind(signed(row.at_ms))
        .bind(signed(row.settlement))
        .bind(signed(row.balance_count))
        .bind(signed(row.balances.get()))
        .bind(signed(row.coin_count))
        .bind(signed(row.coins.get()))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// All that each id was credited, the operator's own id included.
pub async fn credited(pool: &AnyPool) -> Result<Vec<Credit>, DbError> {
    let sql = "SELECT contract_id, CAST(SUM(credit_sats) AS BIGINT) AS credited_sats FROM (
            SELECT contract_id, credit_sats FROM credits
            UNION ALL SELECT contract_id, credit_sats FROM accrual_credits
            UNION ALL SELECT contract_id, refund_sats + make_good_sats FROM conclusion_credits
        ) AS earned GROUP BY contract_id";
    let rows = sqlx::query(sql).fetch_all(pool).await?;
    rows.iter().map(|row| Ok(Credit { sats: row.sats("credited_sats")?, id: row.hash("contract_id")? })).collect()
}

/// Inserts a coin of a found block.
pub async fn insert_coin(tx: &mut Tx, block: &BlockHash, coin: &Coin) -> Result<(), DbError> {
    sqlx::query("INSERT INTO coins (block_hash, vout, txid, coin_sats) VALUES ($1, $2, $3, $4)")
        .bind(block.0.to_vec())
        .bind(i64::from(coin.point.vout))
        .bind(coin.point.txid.0.to_vec())
        .bind(signed(coin.sats.get()))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// At most `limit` coins of the blocks that were logged as matured before leaf `before`, highest first, but for those that
/// a payout logged before it spends.
pub async fn matured_coins(pool: &AnyPool, before: u64, limit: u64) -> Result<Vec<Coin>, DbError> {
    let sql = "SELECT c.coin_sats AS coin_sats, c.txid AS txid, c.vout AS vout, b.height AS height
        FROM coins c JOIN blocks b ON b.hash = c.block_hash
        WHERE b.status = 'matured' AND b.final_index < $1 AND NOT EXISTS (SELECT 1 FROM payout_inputs i
            JOIN payouts p ON p.payout = i.payout
            WHERE i.txid = c.txid AND i.vout = c.vout AND p.entry_index < $1) ORDER BY b.height DESC, c.vout LIMIT $2";
    let rows = sqlx::query(sql).bind(signed(before)).bind(signed(limit)).fetch_all(pool).await?;
    rows.iter().map(read_coin).collect()
}

fn read(row: &AnyRow) -> Result<LiabilitiesRow, DbError> {
    Ok(LiabilitiesRow {
        liabilities: row.unsigned("liabilities")?,
        entry_index: row.unsigned("entry_index")?,
        at_ms: row.unsigned("at_ms")?,
        settlement: row.unsigned("settlement")?,
        balance_count: row.unsigned("balance_count")?,
        balances: row.sats("balance_sats")?,
        coin_count: row.unsigned("coin_count")?,
        coins: row.sats("coin_sats")?,
    })
}

fn read_coin(row: &AnyRow) -> Result<Coin, DbError> {
    let Hash32(txid) = row.hash("txid")?;
    Ok(Coin {
        sats: row.sats("coin_sats")?,
        point: OutPoint { txid: BlockHash(txid), vout: row.small("vout")? },
        height: row.small("height")?,
    })
}
