//! Statements: what an account's contracts were credited and paid in a month, as a table for programs and one for paper.
//!
//! Amounts are integers of satoshis, times UTC. Credits are net of the fee and the maintenance of the contract's terms, as
//! the log has them.

mod csv;
mod html;
mod month;

use audit_core::hash::{BlockHash, Hash32};
use sqlx::AnyPool;
use uuid::Uuid;

use crate::db::contracts::{self, Contract, Cursor};
use crate::db::{DbError, ledger};

pub use csv::{ledger_header, ledger_row};
pub use month::{Month, timestamp};

/// Contracts that are read at a time.
const PAGE: u32 = 200;

/// An account's month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    pub email: String,
    pub month: Month,
    pub contracts: Vec<ContractStatement>,
}

/// One contract's month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractStatement {
    pub id: Uuid,
    pub contract_id: Hash32,
    pub payout_address: String,
    /// What was owed when the month began.
    pub opening_sats: i64,
    pub rows: Vec<Row>,
}

/// What happened to a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub at_ms: u64,
    pub kind: String,
    pub reference: String,
    /// What was paid for the contract; no part of the balance.
    pub price_sats: Option<u64>,
    /// Credited, or paid out when negative.
    pub amount_sats: i64,
    /// What is owed afterwards.
    pub balance_sats: i64,
    pub txid: Option<BlockHash>,
    pub log_index: u64,
}

impl Statement {
    /// Reads what a log of size `published` shows of a month.
    pub async fn read(pool: &AnyPool, account: (Uuid, String), month: Month, published: u64) -> Result<Self, DbError> {
        let (account_id, email) = account;
        let mut statements = Vec::new();
        for contract in all_contracts(pool, account_id).await? {
            if let Some(statement) = ContractStatement::read(pool, &contract, month, published).await? {
                statements.push(statement);
            }
        }
        Ok(Self { email, month, contracts: statements })
    }

    /// For programs and spreadsheets (RFC 4180).
    pub fn csv(&self) -> String {
        csv::statement(self)
    }

    /// For people and paper.
    pub fn html(&self) -> String {
        html::statement(self)
    }
}

impl ContractStatement {
    /// `None` for a contract that had no part in the month.
    async fn read(pool: &AnyPool, contract: &Contract, month: Month, published: u64) -> Result<Option<Self>, DbError> {
        let Some(opened) = contract.opened.as_ref().filter(|opened| opened.leaf_index < published) else {
            return Ok(None);
        };
        let (from_ms, end_ms) = month.range_ms();
        let before = ledger::movements(pool, opened.contract_id, (0, from_ms), published).await?;
        let opening_sats = before.iter().map(|movement| movement.owed_sats).sum();
        let mut rows: Vec<Row> = purchase(contract, (from_ms, end_ms)).into_iter().collect();
        let mut balance_sats = opening_sats;
        for movement in ledger::movements(pool, opened.contract_id, (from_ms, end_ms), published).await? {
            balance_sats += movement.owed_sats;
            rows.push(row(movement, balance_sats));
        }
        let id = contract.id;
        let statement = Self {
            id,
            contract_id: opened.contract_id,
            payout_address: contract.payout_address.clone(),
            opening_sats,
            rows,
        };
        Ok((opening_sats != 0 || !statement.rows.is_empty()).then_some(statement))
    }

    /// What is owed when the month ends.
    pub fn closing_sats(&self) -> i64 {
        self.rows.iter().map(|row| row.amount_sats).sum::<i64>() + self.opening_sats
    }
}

async fn all_contracts(pool: &AnyPool, account_id: Uuid) -> Result<Vec<Contract>, DbError> {
    let (mut all, mut cursor) = (Vec::new(), Cursor::START);
    loop {
        let page = contracts::of_account(pool, account_id, &cursor, PAGE).await?;
        let Some(last) = page.last() else { break };
        cursor = Cursor { created_ms: last.created_ms, id: Some(last.id) };
        all.extend(page);
    }
    all.reverse();
    Ok(all)
}

/// The payment of a contract, in the month in which its term begins.
fn purchase(contract: &Contract, (from_ms, end_ms): (u64, u64)) -> Option<Row> {
    let opened = contract.opened.as_ref().filter(|opened| (from_ms..end_ms).contains(&opened.from_ms))?;
    Some(Row {
        at_ms: opened.from_ms,
        kind: "contract_payment".into(),
        reference: contract.payment_reference.clone(),
        price_sats: Some(contract.price.get()),
        amount_sats: 0,
        balance_sats: 0,
        txid: None,
        log_index: opened.leaf_index,
    })
}

fn row(movement: ledger::Movement, balance_sats: i64) -> Row {
    Row {
        at_ms: movement.created_ms,
        kind: movement.kind,
        reference: movement.reference,
        price_sats: None,
        amount_sats: movement.owed_sats,
        balance_sats,
        txid: movement.txid,
        log_index: movement.log_index,
    }
}
