//! Blocks that the pool found, and what became of them.

use audit_core::hash::BlockHash;
use audit_core::work::Sats;
use sqlx::AnyPool;
use sqlx::any::AnyRow;

use super::columns::{Columns, signed};
use super::{DbError, Tx};

/// A found block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRow {
    /// Header hash.
    pub hash: BlockHash,
    /// Epoch of the share that is its header.
    pub epoch: u64,
    /// Height in the chain.
    pub height: u64,
    /// What its coinbase pays to the manifest's scripts.
    pub reward: Sats,
    /// What became of it.
    pub status: BlockStatus,
    /// Leaf index of its `block_found`.
    pub found_index: u64,
}

/// What became of a found block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockStatus {
    /// Logged as found; the chain has not decided.
    Found,
    /// On the chain with enough blocks above.
    Matured,
    /// Another block is at its height, with enough blocks above.
    Orphaned,
}

/// How many blocks there are of each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockCounts {
    /// All found ones, whatever became of them.
    pub found: u64,
    /// Matured ones.
    pub matured: u64,
    /// Orphaned ones.
    pub orphaned: u64,
}

const COLUMNS: &str = "hash, epoch, height, reward_sats, status, found_index";

impl BlockStatus {
    /// The word in the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Matured => "matured",
            Self::Orphaned => "orphaned",
        }
    }
}

/// Inserts a block that has just been logged as found.
pub async fn insert(tx: &mut Tx, row: &BlockRow) -> Result<(), DbError> {
    let sql =
        "INSERT INTO blocks (hash, epoch, height, reward_sats, status, found_index) VALUES ($1, $2, $3, $4, $5, $6)";
    sqlx::query(sql)
        .bind(row.hash.0.to_vec())
        .bind(signed(row.epoch))
        .bind(signed(row.height))
        .bind(signed(row.reward.get()))
        .bind(row.status.as_str())
        .bind(signed(row.found_index))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Decides a found block. Gives `false` when it was decided already: nothing was changed then.
pub async fn decide(tx: &mut Tx, hash: &BlockHash, status: BlockStatus, final_index: u64) -> Result<bool, DbError> {
    let done = sqlx::query("UPDATE blocks SET status = $1, final_index = $2 WHERE hash = $3 AND status = 'found'")
        .bind(status.as_str())
        .bind(signed(final_index))
        .bind(hash.0.to_vec())
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Undecided blocks at or below a height, lowest first.
pub async fn undecided(pool: &AnyPool, up_to_height: u64) -> Result<Vec<BlockRow>, DbError> {
    let sql = select("WHERE status = 'found' AND height <= $1 ORDER BY height, hash");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(signed(up_to_height)).fetch_all(pool).await?;
    rows.iter().map(read).collect()
}

/// Blocks of the epochs after `after`, by epoch and found index.
pub async fn after_epoch(pool: &AnyPool, after: u64) -> Result<Vec<BlockRow>, DbError> {
    let sql = select("WHERE epoch > $1 ORDER BY epoch, found_index");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(signed(after)).fetch_all(pool).await?;
    rows.iter().map(read).collect()
}

/// At most `limit` blocks whose `block_found` is before leaf `before`, newest first.
pub async fn page(pool: &AnyPool, before: Option<u64>, limit: u64) -> Result<Vec<BlockRow>, DbError> {
    let sql = select("WHERE found_index < $1 ORDER BY found_index DESC LIMIT $2");
    let before = before.map_or(i64::MAX, signed);
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(before).bind(signed(limit)).fetch_all(pool).await?;
    rows.iter().map(read).collect()
}

/// How many blocks there are.
pub async fn counts(pool: &AnyPool) -> Result<BlockCounts, DbError> {
    let rows = sqlx::query("SELECT status, COUNT(*) AS blocks FROM blocks GROUP BY status").fetch_all(pool).await?;
    let mut counts = BlockCounts::default();
    for row in rows {
        let blocks = row.unsigned("blocks")?;
        counts.found += blocks;
        match status(&row)? {
            BlockStatus::Found => {}
            BlockStatus::Matured => counts.matured += blocks,
            BlockStatus::Orphaned => counts.orphaned += blocks,
        }
    }
    Ok(counts)
}

fn select(rest: &str) -> String {
    format!("SELECT {COLUMNS} FROM blocks {rest}")
}

fn read(row: &AnyRow) -> Result<BlockRow, DbError> {
    Ok(BlockRow {
        hash: BlockHash(row.hash("hash")?.0),
        epoch: row.unsigned("epoch")?,
        height: row.unsigned("height")?,
        reward: row.sats("reward_sats")?,
        status: status(row)?,
        found_index: row.unsigned("found_index")?,
    })
}

fn status(row: &AnyRow) -> Result<BlockStatus, DbError> {
    let text = row.text("status")?;
    [BlockStatus::Found, BlockStatus::Matured, BlockStatus::Orphaned]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or(DbError::Unreadable { column: "status".into(), found: text })
}
