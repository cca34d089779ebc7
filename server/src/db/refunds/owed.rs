//! What accounts are owed back, and where they want it.

use audit_core::work::Sats;
use sqlx::AnyPool;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::db::columns::{Columns, signed};
use crate::db::ledger::Account;
use crate::db::{DbError, Tx};

/// An account that is owed something back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedBack {
    pub account_id: Uuid,
    pub owed: Sats,
    /// Of it paid by refunds that are not booked yet.
    pub on_its_way: Sats,
    /// Where it is wanted; `None` until the customer has said so.
    pub address: Option<String>,
}

/// Where an account wants refunds: chosen, and on its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundAddress {
    pub address: String,
    pub script: Vec<u8>,
}

const SELECT: &str = "SELECT a.id AS account_id, CAST(-SUM(p.amount_sats) AS BIGINT) AS owed_sats,
        (SELECT CAST(COALESCE(SUM(r.refund_sats), 0) AS BIGINT) FROM refunds r
            WHERE r.account_id = a.id AND r.state IN ('recorded', 'confirmed')) AS on_its_way_sats,
        (SELECT l.address FROM refund_addresses f JOIN account_addresses l
            ON l.account_id = f.account_id AND l.script = f.script AND l.removed_ms IS NULL
            WHERE f.account_id = a.id) AS address
    FROM accounts a JOIN ledger_postings p ON p.account = 'liability:overpaid:' || a.id";

/// Accounts that are owed something back, by id, those after `after`.
pub async fn owed_back(pool: &AnyPool, after: &str, limit: u32) -> Result<Vec<OwedBack>, DbError> {
    let sql = format!("{SELECT} WHERE a.id > $1 GROUP BY a.id HAVING SUM(p.amount_sats) < 0 ORDER BY a.id LIMIT $2");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(after).bind(i64::from(limit)).fetch_all(pool).await?;
    rows.iter().map(owed).collect()
}

/// What one account is owed back and not on its way. The caller holds the account.
pub async fn owed_to(tx: &mut Tx, account_id: Uuid) -> Result<Sats, DbError> {
    let sql = "SELECT CAST(COALESCE(-SUM(amount_sats), 0) - (SELECT COALESCE(SUM(refund_sats), 0) FROM refunds
            WHERE account_id = $2 AND state IN ('recorded', 'confirmed')) AS BIGINT) AS owed_sats
        FROM ledger_postings WHERE account = $1";
    let row = sqlx::query(sql)
        .bind(Account::Overpaid { account_id }.to_string())
        .bind(account_id.to_string())
        .fetch_one(&mut **tx)
        .await?;
    Ok(u64::try_from(row.number("owed_sats")?).ok().and_then(Sats::new).unwrap_or_default())
}

/// Notes where an account wants refunds.
pub async fn choose_address(tx: &mut Tx, account_id: Uuid, script: &[u8], now_ms: u64) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO refund_addresses (account_id, script, chosen_ms) VALUES ($1, $2, $3)
         ON CONFLICT (account_id) DO UPDATE SET script = excluded.script, chosen_ms = excluded.chosen_ms",
    )
    .bind(account_id.to_string())
    .bind(script.to_vec())
    .bind(signed(now_ms))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Where an account wants refunds; `None` when it has not said so, or has taken the address off its list since.
pub async fn address_of(tx: &mut Tx, account_id: Uuid) -> Result<Option<RefundAddress>, DbError> {
    let row = sqlx::query(
        "SELECT l.address AS address, l.script AS script FROM refund_addresses f JOIN account_addresses l
         ON l.account_id = f.account_id AND l.script = f.script AND l.removed_ms IS NULL WHERE f.account_id = $1",
    )
    .bind(account_id.to_string())
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| Ok(RefundAddress { address: row.text("address")?, script: row.bytes("script")? })).transpose()
}

fn owed(row: &AnyRow) -> Result<OwedBack, DbError> {
    Ok(OwedBack {
        account_id: row.uuid("account_id")?,
        owed: row.sats("owed_sats")?,
        on_its_way: row.sats("on_its_way_sats")?,
        address: row.optional_text("address")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the ledger's names of these accounts begin with.
    const OVERPAID: &str = "liability:overpaid:";

    #[test]
    fn accounts_are_named_as_in_the_ledger() {
        let account_id = Uuid::nil();
        assert_eq!(Account::Overpaid { account_id }.to_string(), format!("{OVERPAID}{account_id}"));
        assert!(SELECT.contains(OVERPAID));
    }
}
