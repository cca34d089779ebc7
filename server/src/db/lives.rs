//! How contracts' lives go on after they were opened: changes, and what they are owed at their end.

use audit_core::entry::{Conclusion, ContractOpen};
use audit_core::hash::Hash32;
use audit_core::life::{Change, ChangeKind, ConclusionRow, EpochSpan, Owed};
use audit_core::work::{Sats, Work};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AnyPool};

use super::columns::{Columns, signed};
use super::epochs::{EpochPrice, read_price, work};
use super::{DbError, Tx};

/// A change of a contract as it was logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// The contract.
    pub contract_id: Hash32,
    /// What, and where in the log.
    pub change: Change,
    /// Why, as in the log.
    pub reason: String,
    /// When it was logged, Unix ms.
    pub at_ms: u64,
}

/// The last period whose end was looked at; 0 before the first.
pub async fn last_period(connection: &mut AnyConnection) -> Result<u64, DbError> {
    let sql = "SELECT COALESCE(MAX(period), 0) AS period FROM concluded_periods";
    sqlx::query(sql).fetch_one(connection).await?.unsigned("period")
}

/// How many conclusions are logged.
pub async fn count(pool: &AnyPool) -> Result<u64, DbError> {
    let sql = "SELECT COUNT(entry_index) AS conclusions FROM concluded_periods";
    sqlx::query(sql).fetch_one(pool).await?.unsigned("conclusions")
}

/// Inserts a period with its conclusion, if it has one; a number that is taken is an error.
pub async fn insert_period(tx: &mut Tx, period: u64, conclusion: Option<(u64, &Conclusion)>) -> Result<(), DbError> {
    let sats = |of: fn(&Conclusion) -> Sats| conclusion.map_or(0, |(_, entry)| signed(of(entry).get()));
    let sql =
        "INSERT INTO concluded_periods (period, entry_index, refund_sats, make_good_sats) VALUES ($1, $2, $3, $4)";
    sqlx::query(sql)
        .bind(signed(period))
        .bind(conclusion.map(|(index, _)| signed(index)))
        .bind(sats(|entry| entry.refund_sats))
        .bind(sats(|entry| entry.make_good_sats))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Inserts what a contract is owed at its end; a second one is an error.
pub async fn insert_credit(tx: &mut Tx, period: u64, row: &ConclusionRow) -> Result<(), DbError> {
    let sql =
        "INSERT INTO conclusion_credits (contract_id, period, refund_sats, make_good_sats) VALUES ($1, $2, $3, $4)";
    sqlx::query(sql)
        .bind(row.id.0.to_vec())
        .bind(signed(period))
        .bind(signed(row.owed.refund.get()))
        .bind(signed(row.owed.make_good.get()))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What a contract is owed for unused time and for missing work, once the period in which it ended is concluded in a log of
/// size `published`; `None` before.
pub async fn owed_at_end(pool: &AnyPool, contract: &Hash32, published: u64) -> Result<Option<Owed>, DbError> {
    let sql = "SELECT COALESCE(k.refund_sats, 0) AS refund_sats, COALESCE(k.make_good_sats, 0) AS make_good_sats
        FROM contracts c JOIN concluded_periods p ON p.period = c.ended_in
        LEFT JOIN conclusion_credits k ON k.contract_id = c.contract_id
        WHERE c.contract_id = $1 AND (p.entry_index IS NULL OR p.entry_index < $2)";
    let row = sqlx::query(sql).bind(contract.0.to_vec()).bind(signed(published)).fetch_optional(pool).await?;
    row.map(|row| Ok(Owed { refund: row.sats("refund_sats")?, make_good: row.sats("make_good_sats")? })).transpose()
}

/// Contracts whose life goes on, with the leaf index of their entry, in order of the log.
pub async fn going_on(connection: &mut AnyConnection) -> Result<Vec<(u64, ContractOpen)>, DbError> {
    let sql = "SELECT leaf_index, contract_id, units_hs, from_ms, until_ms, price_sats, terms_index FROM contracts
        WHERE contract_id IS NOT NULL AND ended_in IS NULL ORDER BY leaf_index";
    sqlx::query(sql).fetch_all(connection).await?.iter().map(read_open).collect()
}

/// The changes of the contracts whose life goes on, in order of the log.
pub async fn changes_of_going_on(connection: &mut AnyConnection) -> Result<Vec<ChangeRow>, DbError> {
    let sql = "SELECT h.leaf_index AS leaf_index, h.contract_id AS contract_id, h.kind AS kind, h.reason AS reason,
            h.at_ms AS at_ms FROM contract_changes h JOIN contracts c ON c.contract_id = h.contract_id
        WHERE c.ended_in IS NULL ORDER BY h.leaf_index";
    sqlx::query(sql).fetch_all(connection).await?.iter().map(read_change).collect()
}

/// The changes of one contract that a log of size `published` shows, in order.
pub async fn changes_of(
    connection: &mut AnyConnection,
    contract: &Hash32,
    published: u64,
) -> Result<Vec<ChangeRow>, DbError> {
    let sql = "SELECT leaf_index, contract_id, kind, reason, at_ms FROM contract_changes
        WHERE contract_id = $1 AND leaf_index < $2 ORDER BY leaf_index";
    let rows = sqlx::query(sql).bind(contract.0.to_vec()).bind(signed(published)).fetch_all(connection).await?;
    rows.iter().map(read_change).collect()
}

/// Inserts a change that was logged.
pub async fn insert_change(tx: &mut Tx, row: &ChangeRow) -> Result<(), DbError> {
    let sql = "INSERT INTO contract_changes (leaf_index, contract_id, kind, reason, at_ms) VALUES ($1, $2, $3, $4, $5)";
    sqlx::query(sql)
        .bind(signed(row.change.index))
        .bind(row.contract_id.0.to_vec())
        .bind(name(row.change.kind))
        .bind(&row.reason)
        .bind(signed(row.at_ms))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A contract's life ended in a period.
pub async fn set_ended(tx: &mut Tx, contract: &Hash32, period: u64) -> Result<(), DbError> {
    sqlx::query("UPDATE contracts SET ended_in = $2 WHERE contract_id = $1")
        .bind(contract.0.to_vec())
        .bind(signed(period))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The epochs of a contract's term up to `last`, with its part of each, in order.
pub async fn epochs_of_term(
    connection: &mut AnyConnection,
    open: &ContractOpen,
    last: u64,
) -> Result<Vec<(EpochSpan, Work)>, DbError> {
    let sql = "SELECT e.open_index AS open_index, e.start_ms AS start_ms, n.start_ms AS end_ms,
            COALESCE(p.work, '0') AS work
        FROM epochs e JOIN epochs n ON n.epoch = e.epoch + 1
        LEFT JOIN contract_epochs p ON p.epoch = e.epoch AND p.contract_id = $1
        WHERE e.start_ms >= $2 AND e.start_ms < $3 AND e.epoch <= $4 ORDER BY e.epoch";
    let rows = sqlx::query(sql)
        .bind(open.contract.0.to_vec())
        .bind(signed(open.from_ms))
        .bind(signed(open.until_ms))
        .bind(signed(last))
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok((read_span(row)?, work(row)?))).collect()
}

/// The prices of each period's last epoch, from those opened after a leaf index up to the epoch `last`, in order.
pub async fn prices_of_periods(
    connection: &mut AnyConnection,
    every: u64,
    opened_after: u64,
    last: u64,
) -> Result<Vec<EpochPrice>, DbError> {
    let sql = "SELECT price_height, price_nbits, price_fees_ppm FROM epochs
        WHERE epoch % $1 = 0 AND open_index > $2 AND epoch <= $3 ORDER BY epoch";
    let rows = sqlx::query(sql)
        .bind(signed(every))
        .bind(signed(opened_after))
        .bind(signed(last))
        .fetch_all(connection)
        .await?;
    rows.iter().map(read_price).collect()
}

/// The name of a kind of change, as stored.
pub fn name(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Suspended => "suspended",
        ChangeKind::Resumed => "resumed",
        ChangeKind::Fulfilled => "fulfilled",
        ChangeKind::Closed => "closed",
    }
}

fn kind(row: &AnyRow) -> Result<ChangeKind, DbError> {
    let found = row.text("kind")?;
    let all = [ChangeKind::Suspended, ChangeKind::Resumed, ChangeKind::Fulfilled, ChangeKind::Closed];
    let kind = all.into_iter().find(|kind| name(*kind) == found);
    kind.ok_or(DbError::Unreadable { column: "kind".into(), found })
}

fn read_change(row: &AnyRow) -> Result<ChangeRow, DbError> {
    Ok(ChangeRow {
        contract_id: row.hash("contract_id")?,
        change: Change { index: row.unsigned("leaf_index")?, kind: kind(row)? },
        reason: row.text("reason")?,
        at_ms: row.unsigned("at_ms")?,
    })
}

fn read_open(row: &AnyRow) -> Result<(u64, ContractOpen), DbError> {
    let open = ContractOpen {
        contract: row.hash("contract_id")?,
        units: row.units("units_hs")?,
        from_ms: row.unsigned("from_ms")?,
        until_ms: row.unsigned("until_ms")?,
        price_sats: row.sats("price_sats")?,
        terms: row.unsigned("terms_index")?,
    };
    Ok((row.unsigned("leaf_index")?, open))
}

fn read_span(row: &AnyRow) -> Result<EpochSpan, DbError> {
    Ok(EpochSpan {
        open_index: row.unsigned("open_index")?,
        start_ms: row.unsigned("start_ms")?,
        end_ms: row.unsigned("end_ms")?,
    })
}
