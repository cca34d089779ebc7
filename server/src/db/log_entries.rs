//! The entries of the transparency log, by leaf index from 0 without gaps. Insert-only.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AnyPool};

use super::columns::{Columns, signed};
use super::{DbError, Tx};

/// One logged entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntryRow {
    /// Position in the log, from 0.
    pub leaf_index: u64,
    /// The entry's `type`.
    pub kind: String,
    /// The exact bytes of the leaf.
    pub entry: Vec<u8>,
}

/// Entries in the log, as seen by the connection's transaction.
pub async fn count(connection: &mut AnyConnection) -> Result<u64, DbError> {
    let row =
        sqlx::query("SELECT COALESCE(MAX(leaf_index) + 1, 0) AS size FROM log_entries").fetch_one(connection).await?;
    row.unsigned("size")
}

/// Inserts an entry. A leaf index that is taken is an error: two writers can't sequence the same position.
pub async fn insert(tx: &mut Tx, row: &LogEntryRow) -> Result<(), DbError> {
    sqlx::query("INSERT INTO log_entries (leaf_index, kind, entry) VALUES ($1, $2, $3)")
        .bind(signed(row.leaf_index))
        .bind(row.kind.clone())
        .bind(row.entry.clone())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The entries from `first` to before `end`, in order.
pub async fn range(pool: &AnyPool, first: u64, end: u64) -> Result<Vec<LogEntryRow>, DbError> {
    let sql = "SELECT leaf_index, kind, entry FROM log_entries WHERE leaf_index >= $1 AND leaf_index < $2 ORDER BY leaf_index";
    let rows = sqlx::query(sql).bind(signed(first)).bind(signed(end)).fetch_all(pool).await?;
    rows.iter().map(read).collect()
}

/// One entry; `None` behind the log's end.
pub async fn at(connection: &mut AnyConnection, leaf_index: u64) -> Result<Option<LogEntryRow>, DbError> {
    let sql = "SELECT leaf_index, kind, entry FROM log_entries WHERE leaf_index = $1";
    let row = sqlx::query(sql).bind(signed(leaf_index)).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()
}

/// The newest entry of a kind.
pub async fn last_of_kind(connection: &mut AnyConnection, kind: &str) -> Result<Option<LogEntryRow>, DbError> {
    let sql = "SELECT leaf_index, kind, entry FROM log_entries WHERE kind = $1 ORDER BY leaf_index DESC LIMIT 1";
    let row = sqlx::query(sql).bind(kind.to_owned()).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()
}

/// The oldest entry of a kind.
pub async fn first_of_kind(connection: &mut AnyConnection, kind: &str) -> Result<Option<LogEntryRow>, DbError> {
    let sql = "SELECT leaf_index, kind, entry FROM log_entries WHERE kind = $1 ORDER BY leaf_index LIMIT 1";
    let row = sqlx::query(sql).bind(kind.to_owned()).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()
}

/// All entries of a kind, in order: for kinds of which there are few.
pub async fn all_of_kind(connection: &mut AnyConnection, kind: &str) -> Result<Vec<LogEntryRow>, DbError> {
    let sql = "SELECT leaf_index, kind, entry FROM log_entries WHERE kind = $1 ORDER BY leaf_index";
    let rows = sqlx::query(sql).bind(kind.to_owned()).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

/// At most `limit` entries of a kind before leaf `before`, newest first.
pub async fn of_kind_before(
    connection: &mut AnyConnection,
    kind: &str,
    before: u64,
    limit: u64,
) -> Result<Vec<LogEntryRow>, DbError> {
    let sql = "SELECT leaf_index, kind, entry FROM log_entries WHERE kind = $1 AND leaf_index < $2
        ORDER BY leaf_index DESC LIMIT $3";
    let rows =
        sqlx::query(sql).bind(kind.to_owned()).bind(signed(before)).bind(signed(limit)).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

/// The leaf index of the first entry of a kind with exactly these bytes.
pub async fn index_of(connection: &mut AnyConnection, kind: &str, entry: &[u8]) -> Result<Option<u64>, DbError> {
    let sql = "SELECT leaf_index FROM log_entries WHERE kind = $1 AND entry = $2 ORDER BY leaf_index LIMIT 1";
    let row = sqlx::query(sql).bind(kind.to_owned()).bind(entry.to_vec()).fetch_optional(connection).await?;
    row.map(|row| row.unsigned("leaf_index")).transpose()
}

fn read(row: &AnyRow) -> Result<LogEntryRow, DbError> {
    Ok(LogEntryRow { leaf_index: row.unsigned("leaf_index")?, kind: row.text("kind")?, entry: row.bytes("entry")? })
}
