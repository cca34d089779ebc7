//! `provenhash admin check`: that the book is what the log, the chain and the payouts' coins say it must be.
//!
//! Reads only, works on the data folder and the database, also beside a running server. What is booked for an entry is
//! recomputed from the entry and its published file, with the functions that booked it; then accounts are held against what
//! they stand for. The first difference of each comparison is named.

mod chain;
mod entries;
mod payments;
#[cfg(test)]
mod tests;

use anyhow::Result;
use audit_core::work::Sats;

use crate::db::payouts::{self, State};
use crate::db::{Database, ledger, log_entries};
use crate::evidence::EvidenceStore;

/// One comparison, and how it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// What was held against what.
    pub what: &'static str,
    /// How many things were compared.
    pub count: u64,
    /// The first difference.
    pub difference: Option<String>,
}

/// Compares everything.
///
/// # Errors
/// What keeps the comparison from being made, such as a database that does not answer.
pub async fn check(database: &Database, store: &EvidenceStore, origin: &str) -> Result<Vec<Comparison>> {
    let sums = sums(database).await?;
    // Entries may be appended meanwhile: what is compared ends here.
    let size = log_entries::count(&mut *database.pool().acquire().await?).await?;
    let log = entries::compare(database, store, origin, size).await?;
    let blocks = chain::rewards(database, store).await?;
    let mined = chain::payouts(database, store).await?;
    let refunded = payments::refunds(database).await?;
    let paid = payments::credits(database).await?;
    Ok(vec![sums, log, blocks, mined, in_flight(database).await?, wallet(database).await?, paid, refunded])
}

async fn sums(database: &Database) -> Result<Comparison> {
    let difference = match ledger::check(database.pool()).await {
        Ok(()) => None,
        Err(error @ ledger::LedgerError::Broken { .. }) => Some(error.to_string()),
        Err(error) => return Err(error.into()),
    };
    let count = ledger::count(database.pool()).await?;
    Ok(Comparison { what: "transactions of the ledger sum to zero", count, difference })
}

/// What is booked as in flight is what payouts under way pay.
async fn in_flight(database: &Database) -> Result<Comparison> {
    let pool = database.pool();
    let open = payouts::open(pool, u32::MAX).await?;
    let rows: u64 = open.iter().map(|payout| payout.total.get()).sum();
    let booked = ledger::balance_under(pool, "liability:in_flight:").await?;
    let difference = differs("payouts under way", "the accounts liability:in_flight", rows, -booked);
    Ok(Comparison { what: "payouts under way are what is booked as in flight", count: open.len() as u64, difference })
}

/// What is booked in the payout wallet is what its coins are worth: those that are free, and those reserved by payouts that
/// are not final.
async fn wallet(database: &Database) -> Result<Comparison> {
    let mut tx = database.begin().await?;
    let free = payouts::spendable_coins(&mut tx).await?;
    drop(tx);
    let pool = database.pool();
    let mut coins: Vec<Sats> = free.iter().map(|coin| coin.coin.sats).collect();
    for payout in payouts::open(pool, u32::MAX).await?.iter().filter(|payout| payout.state != State::Logged) {
        coins.extend(payouts::inputs(pool, payout.payout).await?.iter().map(|input| input.sats));
    }
    let worth = coins.iter().map(|sats| sats.get()).sum();
    let booked = ledger::balance_of(pool, &ledger::Account::PayoutWallet).await?;
    let difference = differs("coins of the payout script", "the account asset:payout_wallet", worth, booked);
    Ok(Comparison { what: "coins of the payout script are what is booked", count: coins.len() as u64, difference })
}

fn differs(things: &str, account: &str, worth: u64, booked: i64) -> Option<String> {
    let is_same = u64::try_from(booked).is_ok_and(|booked| booked == worth);
    (!is_same).then(|| format!("{things} come to {worth} sats, {account} to {booked}"))
}
