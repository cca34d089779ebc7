//! What contracts were credited, by settlements, accruals and conclusions together.

use audit_core::hash::Hash32;
use audit_core::work::Sats;
use sqlx::AnyPool;
use sqlx::any::AnyRow;

use super::DbError;
use super::columns::{Columns, signed};

/// A credit that is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedCredit {
    /// Leaf index of the entry that gave it.
    pub entry_index: u64,
    pub source: CreditSource,
    pub sats: Sats,
}

/// What gave a credit, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreditSource {
    Settlement(u64),
    Accrual(u64),
    Conclusion(u64),
}

/// At most `limit` credits of a contract at leaf indices below `before`, newest first, of those that a log of size
/// `published` shows.
pub async fn page(
    pool: &AnyPool,
    contract: &Hash32,
    published: u64,
    before: Option<u64>,
    limit: u64,
) -> Result<Vec<LoggedCredit>, DbError> {
    let sql = "SELECT s.entry_index AS entry_index, c.settlement AS number, c.credit_sats AS credit_sats,
            'settlement' AS source
        FROM credits c JOIN settlements s ON s.settlement = c.settlement
        WHERE c.contract_id = $1 AND s.entry_index < $2
        UNION ALL SELECT a.entry_index, c.accrual, c.credit_sats, 'accrual'
        FROM accrual_credits c JOIN accruals a ON a.accrual = c.accrual
        WHERE c.contract_id = $1 AND a.entry_index < $2
        UNION ALL SELECT p.entry_index, c.period, c.refund_sats + c.make_good_sats, 'conclusion'
        FROM conclusion_credits c JOIN concluded_periods p ON p.period = c.period
        WHERE c.contract_id = $1 AND p.entry_index < $2
        ORDER BY entry_index DESC LIMIT $3";
    let below = before.map_or(published, |before| before.min(published));
    let query = sqlx::query(sql).bind(contract.0.to_vec()).bind(signed(below)).bind(signed(limit));
    query.fetch_all(pool).await?.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<LoggedCredit, DbError> {
    let (number, source) = (row.unsigned("number")?, row.text("source")?);
    Ok(LoggedCredit {
        entry_index: row.unsigned("entry_index")?,
        source: match source.as_str() {
            "settlement" => CreditSource::Settlement(number),
            "accrual" => CreditSource::Accrual(number),
            "conclusion" => CreditSource::Conclusion(number),
            _ => return Err(DbError::Unreadable { column: "source".into(), found: source }),
        },
        sats: row.sats("credit_sats")?,
    })
}
