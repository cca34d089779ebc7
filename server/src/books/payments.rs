//! The book against what invoices took and what was given back.

use anyhow::Result;

use super::Comparison;
use crate::db::ledger::Booked;
use crate::db::{Database, invoices, ledger, refunds};
use crate::refunds::transaction;

/// Every payment that an invoice took as a credit is booked once, with its amount, and no other is.
pub(super) async fn credits(database: &Database) -> Result<Comparison> {
    let credited = invoices::credited(database.pool()).await?;
    let booked = ledger::of_kind(database.pool(), "payment_credit").await?;
    let difference = credited.iter().find_map(|(payment, amount)| {
        let is_it = |booked: &&Booked| booked.reference == *payment && booked.debits() == amount.get();
        let missing = format!("payment {payment} of {amount} sats was taken as a credit, but is not booked so");
        booked.iter().find(is_it).is_none().then_some(missing)
    });
    let count = credited.len();
    let difference = difference.or_else(|| too_many("credits", booked.len(), count));
    Ok(Comparison { what: "credits of invoices are booked with their payments", count: count as u64, difference })
}

/// Every booked refund is in the ledger with its output and amount, and no other is.
pub(super) async fn refunds(database: &Database) -> Result<Comparison> {
    let refunds = refunds::booked(database.pool()).await?;
    let booked = ledger::of_kind(database.pool(), "refund").await?;
    let difference = refunds.iter().find_map(|refund| {
        let expected = transaction(refund, 0);
        let is_it = |booked: &&Booked| booked.reference == expected.reference && booked.debits() == refund.amount.get();
        let missing = format!("refund {} of {} sats is not booked so", refund.output, refund.amount);
        booked.iter().find(is_it).is_none().then_some(missing)
    });
    let count = refunds.len();
    let difference = difference.or_else(|| too_many("refunds", booked.len(), count));
    Ok(Comparison { what: "refunds are booked as they were paid", count: count as u64, difference })
}

fn too_many(what: &str, booked: usize, known: usize) -> Option<String> {
    (booked != known).then(|| format!("{booked} {what} are booked, {known} are known"))
}
