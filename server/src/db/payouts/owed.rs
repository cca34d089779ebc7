//! What may be paid, and with which coins.

use std::collections::BTreeMap;

use audit_core::hash::{BlockHash, Hash32};
use audit_core::transaction::OutPoint;
use audit_core::work::Sats;
use sqlx::any::AnyRow;

use super::Input;
use crate::db::columns::Columns;
use crate::db::{DbError, Tx};

/// What a contract is owed and not yet being paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    pub contract_id: Hash32,
    pub sats: Sats,
    /// The script in the contract's details: nothing else is ever paid.
    pub script: Vec<u8>,
    /// When its term ends.
    pub until_ms: u64,
    /// First settlement that no payout to it covers.
    pub from_settlement: u64,
}

/// A coin that a payout may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpendableCoin {
    pub coin: Input,
    /// Height of the block that it is in.
    pub height: u32,
    /// Whether it is a payout's change, which no list of liabilities counts.
    pub is_change: bool,
}

const CREDITS: &str = "liability:credits:";

/// What contracts are owed by the book, less what payouts under way pay.
pub async fn owed(tx: &mut Tx) -> Result<Vec<Owed>, DbError> {
    let sql = "SELECT account, CAST(SUM(amount_sats) AS BIGINT) AS balance_sats FROM ledger_postings
        WHERE account LIKE 'liability:credits:%' GROUP BY account HAVING SUM(amount_sats) < 0";
    let rows = sqlx::query(sql).fetch_all(&mut **tx).await?;
    let mut balances = BTreeMap::new();
    for row in &rows {
        let (id, sats) = balance(row)?;
        balances.insert(id, sats);
    }
    let sql = "SELECT c.contract_id AS contract_id, c.payout_script AS payout_script, c.until_ms AS until_ms,
            COALESCE(MAX(p.to_settlement), 0) AS covered
        FROM contracts c LEFT JOIN payout_rows r ON r.contract_id = c.contract_id
        LEFT JOIN payouts p ON p.payout = r.payout AND p.state <> 'cancelled'
        WHERE c.contract_id IS NOT NULL GROUP BY c.contract_id, c.payout_script, c.until_ms";
    let rows = sqlx::query(sql).fetch_all(&mut **tx).await?;
    let mut owed = Vec::new();
    for row in &rows {
        let contract_id = row.hash("contract_id")?;
        let Some(sats) = balances.get(&contract_id) else { continue };
        owed.push(Owed {
            contract_id,
            sats: *sats,
            script: row.bytes("payout_script")?,
            until_ms: row.unsigned("until_ms")?,
            from_settlement: row.unsigned("covered")? + 1,
        });
    }
    Ok(owed)
}

/// Coins that no payout has reserved: outputs of matured blocks, and the change of payouts that are final.
pub async fn spendable_coins(tx: &mut Tx) -> Result<Vec<SpendableCoin>, DbError> {
    let sql = "SELECT c.txid AS txid, c.vout AS vout, c.coin_sats AS sats, b.height AS height,
            CAST(0 AS BIGINT) AS is_change
        FROM coins c JOIN blocks b ON b.hash = c.block_hash WHERE b.status = 'matured'
        AND NOT EXISTS (SELECT 1 FROM payout_inputs i WHERE i.txid = c.txid AND i.vout = c.vout)
        UNION ALL
        SELECT a.txid, n.outputs, a.change_sats, p.block_height, CAST(1 AS BIGINT)
        FROM payouts p JOIN payout_attempts a ON a.payout = p.payout AND a.txid = p.txid
        JOIN (SELECT payout, MAX(vout) + 1 AS outputs FROM payout_rows GROUP BY payout) n ON n.payout = p.payout
        WHERE p.state = 'logged' AND a.change_sats > 0
        AND NOT EXISTS (SELECT 1 FROM payout_inputs i WHERE i.txid = a.txid AND i.vout = n.outputs)";
    let rows = sqlx::query(sql).fetch_all(&mut **tx).await?;
    rows.iter().map(coin).collect()
}

fn balance(row: &AnyRow) -> Result<(Hash32, Sats), DbError> {
    let (account, balance) = (row.text("account")?, row.number("balance_sats")?);
    let id = account.strip_prefix(CREDITS).and_then(|id| id.parse().ok());
    let sats = Sats::new(balance.unsigned_abs());
    let unreadable = || DbError::Unreadable { column: "account".into(), found: format!("{account}: {balance}") };
    Ok((id.ok_or_else(unreadable)?, sats.ok_or_else(unreadable)?))
}

fn coin(row: &AnyRow) -> Result<SpendableCoin, DbError> {
    let point = OutPoint { txid: BlockHash(row.hash("txid")?.0), vout: row.small("vout")? };
    Ok(SpendableCoin {
        coin: Input { point, sats: row.sats("sats")? },
        height: row.small("height")?,
        is_change: row.number("is_change")? == 1,
    })
}
