//! Epochs as the API shows them, and the state from which the epoch loop resumes.

use audit_core::hash::Hash32;
use audit_core::work::{Nbits, Units, Work};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AnyPool};

use super::columns::{Columns, signed};
use super::{DbError, Tx};

/// One epoch, open or closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochRow {
    /// Number, from 1.
    pub epoch: u64,
    /// Start, Unix ms.
    pub start_ms: u64,
    /// Leaf index of `epoch_open`.
    pub open_index: u64,
    /// Root of its allocation.
    pub allocation_root: Hash32,
    /// Total of its allocation.
    pub capacity: Units,
    /// What the close states, once it is logged.
    pub close: Option<EpochCloseRow>,
}

/// What is known once an epoch is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochCloseRow {
    /// Leaf index of `epoch_close`.
    pub close_index: u64,
    /// Shares.
    pub share_count: u64,
    /// Their work.
    pub work: Work,
}

/// What the price of an epoch's work depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochPrice {
    /// Height of a block on top of the epoch's tip.
    pub height: u32,
    /// Its network target.
    pub nbits: Nbits,
    /// The fee rate that was logged last before the epoch.
    pub fees_ppm: u64,
}

/// A contract's part of a closed epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractEpochRow {
    /// The epoch.
    pub epoch: u64,
    /// Bought hashrate.
    pub units: Units,
    /// The part of the epoch's work.
    pub work: Work,
}

/// Sums over all closed epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EpochTotals {
    /// Shares.
    pub shares: u64,
    /// Closed epochs.
    pub epochs: u64,
}

const COLUMNS: &str = "epoch, start_ms, open_index, allocation_root, capacity_hs, close_index, share_count, work";

/// The newest epoch, open or closed.
pub async fn last(connection: &mut AnyConnection) -> Result<Option<EpochRow>, DbError> {
    let sql = select("ORDER BY epoch DESC LIMIT 1");
    sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_optional(connection).await?.as_ref().map(read).transpose()
}

/// Epochs without a close, oldest first: at most two.
pub async fn unclosed(pool: &AnyPool) -> Result<Vec<EpochRow>, DbError> {
    let sql = select("WHERE close_index IS NULL ORDER BY epoch");
    sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await?.iter().map(read).collect()
}

/// One epoch.
pub async fn get(pool: &AnyPool, epoch: u64) -> Result<Option<EpochRow>, DbError> {
    by_number(&mut *pool.acquire().await?, epoch).await
}

/// One epoch, as the connection's transaction sees it.
pub async fn by_number(connection: &mut AnyConnection, epoch: u64) -> Result<Option<EpochRow>, DbError> {
    let sql = select("WHERE epoch = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(signed(epoch)).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()
}

/// When the first epoch started that starts at or after a time, of those whose opening a log of size `published` shows.
pub async fn first_start_since(
    connection: &mut AnyConnection,
    from_ms: u64,
    published: u64,
) -> Result<Option<u64>, DbError> {
    let sql = "SELECT MIN(start_ms) AS start_ms FROM epochs WHERE start_ms >= $1 AND open_index < $2";
    let row = sqlx::query(sql).bind(signed(from_ms)).bind(signed(published)).fetch_one(connection).await?;
    row.optional_unsigned("start_ms")
}

/// At most `limit` epochs below `before`, newest first.
pub async fn page(pool: &AnyPool, before: Option<u64>, limit: u64) -> Result<Vec<EpochRow>, DbError> {
    let sql = select("WHERE epoch < $1 ORDER BY epoch DESC LIMIT $2");
    let before = before.map_or(i64::MAX, signed);
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(before).bind(signed(limit)).fetch_all(pool).await?;
    rows.iter().map(read).collect()
}

/// Closed epochs from `first` to `last`, inclusive, in order.
pub async fn closed_between(pool: &AnyPool, first: u64, last: u64) -> Result<Vec<EpochRow>, DbError> {
    let sql = select("WHERE epoch >= $1 AND epoch <= $2 AND close_index IS NOT NULL ORDER BY epoch");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(signed(first)).bind(signed(last)).fetch_all(pool).await?;
    rows.iter().map(read).collect()
}

/// Sums over all closed epochs.
pub async fn totals(pool: &AnyPool) -> Result<EpochTotals, DbError> {
    let sql = "SELECT COUNT(*) AS epochs, CAST(COALESCE(SUM(share_count), 0) AS BIGINT) AS shares FROM epochs
        WHERE close_index IS NOT NULL";
    let row = sqlx::query(sql).fetch_one(pool).await?;
    Ok(EpochTotals { shares: row.unsigned("shares")?, epochs: row.unsigned("epochs")? })
}

/// Inserts an epoch that has just been opened; its `close` is not stored.
pub async fn insert(tx: &mut Tx, row: &EpochRow) -> Result<(), DbError> {
    let sql =
        "INSERT INTO epochs (epoch, start_ms, open_index, allocation_root, capacity_hs) VALUES ($1, $2, $3, $4, $5)";
    sqlx::query(sql)
        .bind(signed(row.epoch))
        .bind(signed(row.start_ms))
        .bind(signed(row.open_index))
        .bind(row.allocation_root.0.to_vec())
        .bind(row.capacity.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Stores the price of an epoch that has just been opened.
pub async fn set_price(tx: &mut Tx, epoch: u64, price: &EpochPrice) -> Result<(), DbError> {
    let sql = "UPDATE epochs SET price_height = $2, price_nbits = $3, price_fees_ppm = $4 WHERE epoch = $1";
    sqlx::query(sql)
        .bind(signed(epoch))
        .bind(i64::from(price.height))
        .bind(price.nbits.to_string())
        .bind(signed(price.fees_ppm))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The price of an epoch; `None` when it opened before there were prices.
pub async fn price(pool: &AnyPool, epoch: u64) -> Result<Option<EpochPrice>, DbError> {
    let sql = "SELECT price_height, price_nbits, price_fees_ppm FROM epochs
        WHERE epoch = $1 AND price_height IS NOT NULL";
    let row = sqlx::query(sql).bind(signed(epoch)).fetch_optional(pool).await?;
    row.as_ref().map(read_price).transpose()
}

/// Height of a block on top of the newest epoch's tip; `None` before the first one.
pub async fn newest_height(connection: &mut AnyConnection) -> Result<Option<u32>, DbError> {
    let sql = "SELECT price_height FROM epochs WHERE price_height IS NOT NULL ORDER BY epoch DESC LIMIT 1";
    sqlx::query(sql).fetch_optional(connection).await?.map(|row| row.small("price_height")).transpose()
}

/// Writes the close. Gives `false` when the epoch is closed already: nothing was changed then.
pub async fn close(tx: &mut Tx, epoch: u64, close: &EpochCloseRow) -> Result<bool, DbError> {
    let sql =
        "UPDATE epochs SET close_index = $1, share_count = $2, work = $3 WHERE epoch = $4 AND close_index IS NULL";
    let done = sqlx::query(sql)
        .bind(signed(close.close_index))
        .bind(signed(close.share_count))
        .bind(close.work.to_string())
        .bind(signed(epoch))
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Inserts a contract's part of an epoch.
pub async fn insert_contract_part(tx: &mut Tx, contract: &Hash32, part: &ContractEpochRow) -> Result<(), DbError> {
    sqlx::query("INSERT INTO contract_epochs (contract_id, epoch, units_hs, work) VALUES ($1, $2, $3, $4)")
        .bind(contract.0.to_vec())
        .bind(signed(part.epoch))
        .bind(part.units.to_string())
        .bind(part.work.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// At most `limit` epochs of a contract below `before`, newest first, of those whose close a log of size `published` shows.
pub async fn contract_page(
    pool: &AnyPool,
    contract: &Hash32,
    published: u64,
    before: Option<u64>,
    limit: u64,
) -> Result<Vec<ContractEpochRow>, DbError> {
    let sql = "SELECT p.epoch AS epoch, p.units_hs AS units_hs, p.work AS work FROM contract_epochs p
        JOIN epochs e ON e.epoch = p.epoch WHERE p.contract_id = $1 AND e.close_index < $2 AND p.epoch < $3
        ORDER BY p.epoch DESC LIMIT $4";
    let rows = sqlx::query(sql)
        .bind(contract.0.to_vec())
        .bind(signed(published))
        .bind(before.map_or(i64::MAX, signed))
        .bind(signed(limit))
        .fetch_all(pool)
        .await?;
    rows.iter().map(read_part).collect()
}

/// How long the epochs of a contract lasted together, of those whose close a log of size `published` shows.
pub async fn milliseconds_of_contract(pool: &AnyPool, contract: &Hash32, published: u64) -> Result<u64, DbError> {
    let sql = "SELECT CAST(COALESCE(SUM(n.start_ms - e.start_ms), 0) AS BIGINT) AS milliseconds
        FROM contract_epochs p JOIN epochs e ON e.epoch = p.epoch JOIN epochs n ON n.epoch = e.epoch + 1
        WHERE p.contract_id = $1 AND e.close_index < $2";
    let row = sqlx::query(sql).bind(contract.0.to_vec()).bind(signed(published)).fetch_one(pool).await?;
    row.unsigned("milliseconds")
}

fn select(rest: &str) -> String {
    format!("SELECT {COLUMNS} FROM epochs {rest}")
}

fn read(row: &AnyRow) -> Result<EpochRow, DbError> {
    let close = match row.optional_unsigned("close_index")? {
        None => None,
        Some(close_index) => {
            Some(EpochCloseRow { close_index, share_count: row.unsigned("share_count")?, work: work(row)? })
        }
    };
    Ok(EpochRow {
        epoch: row.unsigned("epoch")?,
        start_ms: row.unsigned("start_ms")?,
        open_index: row.unsigned("open_index")?,
        allocation_root: row.hash("allocation_root")?,
        capacity: row.units("capacity_hs")?,
        close,
    })
}

pub(super) fn read_price(row: &AnyRow) -> Result<EpochPrice, DbError> {
    let unreadable = |column: &str, found: String| DbError::Unreadable { column: column.into(), found };
    let (height, nbits) = (row.unsigned("price_height")?, row.text("price_nbits")?);
    Ok(EpochPrice {
        height: u32::try_from(height).map_err(|_| unreadable("price_height", height.to_string()))?,
        nbits: nbits.parse().map_err(|_| unreadable("price_nbits", nbits))?,
        fees_ppm: row.unsigned("price_fees_ppm")?,
    })
}

fn read_part(row: &AnyRow) -> Result<ContractEpochRow, DbError> {
    Ok(ContractEpochRow { epoch: row.unsigned("epoch")?, units: row.units("units_hs")?, work: work(row)? })
}

pub(super) fn work(row: &AnyRow) -> Result<Work, DbError> {
    let text = row.text("work")?;
    text.parse().map_err(|_| DbError::Unreadable { column: "work".into(), found: text })
}
