//! What is done about payments: rows, events, ledger and log, in one transaction.
//!
//! Commit points: 1. an invoice's destination; 2. everything that a look at an invoice changes: positions, events, state,
//! and with them either the opened contract (log entry, row, ledger) or the credit (ledger). A crash before the second
//! leaves the payment unbooked, and the next round books it; after it the log's next integration publishes the entry.

#[cfg(test)]
mod tests;

use anyhow::Result;
use audit_core::hash::BlockHash;
use audit_core::work::{Sats, Units};
use bdk_wallet::bitcoin::OutPoint;
use bdk_wallet::bitcoin::hashes::Hash as _;
use uuid::Uuid;

use super::decide::{Act, Paid, Standing, decide};
use crate::api::offers::available;
use crate::clock::now_ms;
use crate::db::contracts::{self, Contract, Status};
use crate::db::invoices::{self, Booked, Destination, Event, Invoice, PaymentRow, Position, State};
use crate::db::ledger::{self, Account, Posting, Transaction, Voucher};
use crate::db::{Database, Tx, offers};
use crate::engine::{self, open_paid_contract};
use crate::tlog::{Sequencer, SequencerGuard};

/// How much longer the units are kept each time while a payment of the whole price is on its way.
const HOLD_MS: u64 = 2 * 3_600_000;
/// How long they are kept at most behind the invoice's deadline: then the payment counts as late.
const HOLD_LIMIT_MS: u64 = 48 * 3_600_000;

/// Writes what is decided.
pub(super) struct Bookkeeper {
    pub(super) database: Database,
    pub(super) sequencer: Sequencer,
    /// What all offers share.
    pub(super) capacity: Units,
}

/// What a look at an invoice has shown.
pub(super) struct Seen {
    pub(super) rows: Vec<PaymentRow>,
    /// The gateway's own word for where it stands.
    pub(super) status: Option<String>,
}

/// What an invoice's payments mean now.
pub(super) fn decide_on(contract: &Contract, invoice: &Invoice, rows: &[PaymentRow], now_ms: u64) -> (State, Act) {
    let paid: Vec<Paid> =
        rows.iter().map(|row| Paid { amount: row.amount, position: row.position, booked: row.booked }).collect();
    let standing = match (contract.status, contract.status_at(now_ms)) {
        (Status::Cancelled, _) => Standing::Cancelled,
        (Status::Reserved, Status::Reserved) => Standing::Reserved,
        (Status::Reserved, _) => Standing::Expired,
        _ => Standing::Open,
    };
    match decide(invoice.price, standing, &paid) {
        (state, Act::Hold) if hold_until(contract, invoice, now_ms).is_none() => (state, Act::Nothing),
        decided => decided,
    }
}

/// Until when to keep the units of a contract whose reservation is about to run out.
fn hold_until(contract: &Contract, invoice: &Invoice, now_ms: u64) -> Option<u64> {
    let until_ms = now_ms.saturating_add(HOLD_MS).min(invoice.expires_ms.saturating_add(HOLD_LIMIT_MS));
    let is_near = contract.reserved_until_ms < now_ms.saturating_add(HOLD_MS / 2);
    (is_near && until_ms > contract.reserved_until_ms).then_some(until_ms)
}

impl Bookkeeper {
    /// Commit point 1.
    pub(super) async fn open(&self, id: Uuid, destination: &Destination) -> Result<()> {
        let mut tx = self.database.begin().await?;
        if invoices::set_destination(&mut tx, id, destination).await? {
            invoices::add_event(&mut tx, id, &event("opened", None, None)).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Commit point 2. `act` is what is expected to be done; what is done is decided again on what is locked.
    pub(super) async fn book(&self, id: Uuid, seen: Seen, act: Act) -> Result<()> {
        let opens = matches!(act, Act::Activate | Act::ActivateIfLeft);
        let log = if opens { Some(self.sequencer.lock().await) } else { None };
        let mut tx = self.database.begin().await?;
        if self.book_in(&mut tx, id, seen, log.as_ref()).await?.is_some() {
            tx.commit().await?;
            if let Some(log) = &log {
                engine::publish(log).await;
            }
        }
        Ok(())
    }

    /// `None` when there is nothing to commit.
    async fn book_in(&self, tx: &mut Tx, id: Uuid, seen: Seen, log: Option<&SequencerGuard>) -> Result<Option<()>> {
        offers::lock_sales(tx).await?;
        let Some(contract) = contracts::lock(tx, id).await? else { return Ok(None) };
        let Some(invoice) = invoices::lock(tx, id).await? else { return Ok(None) };
        let stored = invoices::payments(tx, id).await?;
        note_status(tx, &invoice, seen.status).await?;
        let rows = with_bookings(seen.rows, &stored);
        for row in &rows {
            let before = stored.iter().find(|before| before.payment == row.payment);
            note(tx, before, row).await?;
        }
        let now_ms = now_ms();
        let (state, act) = decide_on(&contract, &invoice, &rows, now_ms);
        let entry = Entry { contract, invoice, rows, now_ms };
        let state = match (act, log) {
            (Act::Activate, Some(log)) => entry.activate(tx, log).await?,
            (Act::ActivateIfLeft, Some(log)) if self.is_left(tx, &entry).await? => entry.activate(tx, log).await?,
            (Act::ActivateIfLeft, Some(_)) | (Act::Credit, _) => entry.credit(tx, state).await?,
            (Act::Hold, _) => entry.hold(tx, state).await?,
            // Without the log's lock the next round opens the contract.
            (Act::Nothing | Act::Activate | Act::ActivateIfLeft, _) => state,
        };
        if state != entry.invoice.state {
            invoices::set_state(tx, id, state).await?;
            invoices::add_event(tx, id, &event(state.as_str(), None, None)).await?;
        }
        Ok(Some(()))
    }

    /// Whether a contract that has lost its units could have them again.
    async fn is_left(&self, tx: &mut Tx, entry: &Entry) -> Result<bool> {
        let Some(offer) = offers::lock(tx, entry.contract.offer_id).await? else { return Ok(false) };
        let left = available(&mut *tx, &offer, self.capacity, entry.now_ms).await?;
        Ok(entry.contract.units.get() <= left)
    }
}

/// An invoice that is held, with its payments as they are now.
struct Entry {
    contract: Contract,
    invoice: Invoice,
    rows: Vec<PaymentRow>,
    now_ms: u64,
}

impl Entry {
    /// What is deep enough and not booked yet.
    fn deep(&self) -> impl Iterator<Item = &PaymentRow> {
        self.rows.iter().filter(|row| row.booked.is_none() && matches!(row.position, Position::Final { .. }))
    }

    /// Opens the contract with all that is deep enough.
    async fn activate(&self, tx: &mut Tx, log: &SequencerGuard) -> Result<State> {
        let received = self.deep().try_fold(Sats::ZERO, |sum, row| sum.checked_add(row.amount)).unwrap_or_default();
        let payment = engine::Payment { received, note: self.deep().next().map(|row| row.payment.clone()) };
        open_paid_contract(log, tx, &self.contract, &payment, self.now_ms).await?;
        for row in self.deep() {
            invoices::put_payment(tx, &PaymentRow { booked: Some(Booked::Price), ..row.clone() }).await?;
        }
        if let Some(excess) = received.checked_sub(self.contract.price).filter(|excess| *excess > Sats::ZERO) {
            invoices::add_event(tx, self.contract.id, &event("credited", None, Some(excess))).await?;
        }
        Ok(State::Settled)
    }

    /// Credits each payment that is deep enough to its customer.
    async fn credit(&self, tx: &mut Tx, state: State) -> Result<State> {
        for row in self.deep() {
            ledger::post(tx, &self.credit_transaction(row)).await?;
            invoices::put_payment(tx, &PaymentRow { booked: Some(Booked::Credit), ..row.clone() }).await?;
            let credited = event("credited", Some(row.payment.clone()), Some(row.amount));
            invoices::add_event(tx, self.contract.id, &credited).await?;
        }
        Ok(if state == State::PaidLate { State::Expired } else { state })
    }

    fn credit_transaction(&self, row: &PaymentRow) -> Transaction {
        Transaction {
            kind: "payment_credit",
            reference: row.payment.clone(),
            voucher: voucher(&row.payment),
            created_ms: self.now_ms,
            postings: vec![
                Posting::debit(Account::ContractPayments, row.amount),
                Posting::credit(Account::Overpaid { account_id: self.contract.account_id }, row.amount),
            ],
        }
    }

    /// Keeps the units while the payment is on its way.
    async fn hold(&self, tx: &mut Tx, state: State) -> Result<State> {
        if let Some(until_ms) = hold_until(&self.contract, &self.invoice, self.now_ms) {
            contracts::extend_reservation(tx, self.contract.id, until_ms).await?;
            invoices::add_event(tx, self.contract.id, &event("held", None, None)).await?;
        }
        Ok(state)
    }
}

/// What was seen may be older than what is held: another look may have booked it since.
fn with_bookings(rows: Vec<PaymentRow>, stored: &[PaymentRow]) -> Vec<PaymentRow> {
    let booked = |row: &PaymentRow| stored.iter().find(|held| held.payment == row.payment)?.booked;
    rows.into_iter().map(|row| PaymentRow { booked: booked(&row), ..row }).collect()
}

/// The transaction of the chain that a payment is an output of.
fn voucher(payment: &str) -> Voucher {
    let outpoint: Option<OutPoint> = payment.parse().ok();
    Voucher::Chain(BlockHash(outpoint.map_or([0; 32], |outpoint| outpoint.txid.to_byte_array())))
}

/// Stores the gateway's own word for where the invoice stands. A first one is no event.
async fn note_status(tx: &mut Tx, invoice: &Invoice, status: Option<String>) -> Result<()> {
    let Some(status) = status.filter(|status| invoice.gateway_status.as_ref() != Some(status)) else { return Ok(()) };
    invoices::set_gateway_status(tx, invoice.contract_id, &status).await?;
    if invoice.gateway_status.is_some() {
        let kind = format!("{}_{status}", invoice.gateway);
        invoices::add_event(tx, invoice.contract_id, &event(&kind, None, None)).await?;
    }
    Ok(())
}

/// Stores how a payment is now, and what has happened to it since.
async fn note(tx: &mut Tx, before: Option<&PaymentRow>, row: &PaymentRow) -> Result<()> {
    if before == Some(row) {
        return Ok(());
    }
    invoices::put_payment(tx, row).await?;
    for kind in happened(before.map(|before| before.position), row.position) {
        let event = event(kind, Some(row.payment.clone()), Some(row.amount));
        invoices::add_event(tx, row.contract_id, &event).await?;
    }
    Ok(())
}

/// What lies between two positions, in words.
fn happened(before: Option<Position>, now: Position) -> Vec<&'static str> {
    let before = before.filter(|before| before.is_alive());
    let in_block = |position: Position| position.confirmations() > 0;
    let mut happened = Vec::new();
    if before.is_none() && now.is_alive() {
        happened.push("seen");
    }
    match now {
        Position::Waiting if before.is_some_and(in_block) => happened.push("unconfirmed"),
        Position::Confirmed { .. } if !before.is_some_and(in_block) => happened.push("confirmed"),
        Position::Final { .. } if !matches!(before, Some(Position::Final { .. })) => happened.push("final"),
        Position::Replaced if before.is_some() => happened.push("replaced"),
        Position::Dropped if before.is_some() => happened.push("dropped"),
        _ => {}
    }
    happened
}

fn event(kind: &str, payment: Option<String>, amount: Option<Sats>) -> Event {
    Event { at_ms: now_ms(), kind: kind.to_owned(), payment, amount }
}
