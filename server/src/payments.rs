//! Getting paid: invoices are given a destination, what comes in is noted, and contracts open when enough has come in.
//!
//! In scope: the task that watches a [`PaymentGateway`]. Out of scope: what payments mean (`decide`, pure), what is done
//! about it (`book`, one transaction), wallets (`crate::wallet`).
//!
//! Contract: everything here may be repeated. A crash between two steps leaves an invoice as it was before or after a step
//! as a whole, and the next round goes on; nothing is booked twice, since a payment is booked in the transaction that says so.

mod book;
mod btcpay;
mod chain;
mod decide;
mod gateway;
mod schedule;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use audit_core::work::{Sats, Units};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock::now_ms;
use crate::db::invoices::{self, Invoice, PaymentRow};
use crate::db::{Database, contracts};
use crate::engine::Backoff;
use crate::tlog::Sequencer;

pub use btcpay::{BtcpayGateway, BtcpaySettings, MOST_CONFIRMATIONS, Secret, ServerUrl, Webhook, WebhookRefused};
pub use chain::{ChainGateway, Confirmations};
pub use gateway::{GatewayError, OpenInvoice, Order, Payment, PaymentGateway, Reading};

use book::{Bookkeeper, Seen};
use schedule::Schedule;

/// How long an invoice is watched after it was made, whatever has become of it: payments that come later than this are for
/// the operator to find in the wallet.
const WATCHED_MS: u64 = 30 * 24 * 3_600_000;

/// The watching task, before it runs.
pub struct Payments {
    gateway: Arc<dyn PaymentGateway>,
    database: Database,
    bookkeeper: Bookkeeper,
    every: Duration,
    schedule: Arc<Schedule>,
    wake: Arc<Notify>,
}

/// What purchases know of how they are paid. Cheap to clone.
#[derive(Clone)]
pub struct Invoicing {
    gateway: Arc<dyn PaymentGateway>,
    schedule: Arc<Schedule>,
    wake: Arc<Notify>,
}

impl Payments {
    /// Watches `gateway` at least `every` so often. `capacity` is what all offers share.
    pub fn new(
        gateway: Arc<dyn PaymentGateway>,
        database: Database,
        sequencer: Sequencer,
        capacity: Units,
        every: Duration,
    ) -> Self {
        let bookkeeper = Bookkeeper { database: database.clone(), sequencer, capacity };
        Self { gateway, database, bookkeeper, every, schedule: Arc::default(), wake: Arc::default() }
    }

    /// For whoever makes invoices.
    pub fn invoicing(&self) -> Invoicing {
        Invoicing {
            gateway: Arc::clone(&self.gateway),
            schedule: Arc::clone(&self.schedule),
            wake: Arc::clone(&self.wake),
        }
    }

    /// Watches until the stop signal.
    ///
    /// # Errors
    /// What must not go on, see `engine::Backoff`.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            let round = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                round = self.round() => round,
            };
            let has_failed = round.is_err();
            backoff.after(round, &stop).await?;
            if has_failed {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep(self.every) => {}
            }
        }
        Ok(())
    }

    /// Everything once: destinations for new invoices, then what came in for each whose time it is.
    pub(crate) async fn round(&self) -> Result<()> {
        self.open_new().await?;
        if !self.gateway.refresh().await? {
            return Ok(());
        }
        let since_ms = now_ms().saturating_sub(WATCHED_MS);
        let watched = invoices::watched(self.database.pool(), self.gateway.name(), since_ms).await?;
        let mut due = self.schedule.due(watched, Instant::now()).into_iter();
        while let Some(invoice) = due.next() {
            if let Err(error) = self.look_at(&invoice).await {
                std::iter::once(invoice).chain(due).for_each(|left| self.schedule.hint(left.contract_id));
                return Err(error);
            }
            let age_ms = now_ms().saturating_sub(invoice.created_ms);
            let pause = self.gateway.pause(invoice.state, age_ms);
            self.schedule.looked_at(invoice.contract_id, Instant::now(), pause);
        }
        Ok(())
    }

    async fn open_new(&self) -> Result<()> {
        for invoice in invoices::without_destination(self.database.pool(), self.gateway.name()).await? {
            let order = Order {
                contract_id: invoice.contract_id,
                price: invoice.price,
                created_ms: invoice.created_ms,
                expires_ms: invoice.expires_ms,
            };
            if let Some(destination) = of_one(invoice.contract_id, self.gateway.open(&order).await)? {
                self.bookkeeper.open(invoice.contract_id, &destination).await?;
            }
        }
        Ok(())
    }

    /// Compares what is stored with what is known, and lets the difference be booked.
    async fn look_at(&self, invoice: &Invoice) -> Result<()> {
        let Some(contract) = contracts::by_id(self.database.pool(), invoice.contract_id).await? else { return Ok(()) };
        let stored = self.stored(invoice.contract_id).await?;
        let Some(seen) = self.see(invoice, &stored).await? else { return Ok(()) };
        let (state, act) = book::decide_on(&contract, invoice, &seen.rows, now_ms());
        let is_known = seen.rows == stored && state == invoice.state && seen.status == invoice.gateway_status;
        if is_known && act == decide::Act::Nothing {
            return Ok(());
        }
        self.bookkeeper.book(invoice.contract_id, seen, act).await
    }

    async fn stored(&self, contract_id: Uuid) -> Result<Vec<PaymentRow>> {
        let mut connection = self.database.pool().acquire().await?;
        Ok(invoices::payments(&mut connection, contract_id).await?)
    }

    /// What the gateway knows of an invoice, of which this is stored; `None` where nothing can be paid or told yet.
    async fn see(&self, invoice: &Invoice, stored: &[PaymentRow]) -> Result<Option<Seen>> {
        let Some(destination) = invoice.destination.clone() else { return Ok(None) };
        let open = OpenInvoice { contract_id: invoice.contract_id, destination, confirmations: invoice.confirmations };
        let known: Vec<String> = stored.iter().map(|row| row.payment.clone()).collect();
        let reading = of_one(invoice.contract_id, self.gateway.read(&open, &known).await)?;
        let seen = |Reading { payments, status }| Seen { rows: merged(stored, payments, invoice.contract_id), status };
        Ok(reading.map(seen))
    }
}

/// A gateway's answer about one invoice; `None` when only this one has none. It is told, and must not hold up the others.
fn of_one<T>(contract_id: Uuid, answer: Result<T, GatewayError>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error @ GatewayError::Invoice(_)) => {
            tracing::warn!(contract = %contract_id, "{error}");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

impl Invoicing {
    /// The smallest price that can be paid.
    pub fn minimum(&self) -> Sats {
        self.gateway.minimum()
    }

    /// Makes the invoice of a contract that is reserved in the same transaction.
    pub async fn invoice(
        &self,
        tx: &mut crate::db::Tx,
        contract: &contracts::Contract,
    ) -> Result<(), crate::db::DbError> {
        let invoice = Invoice {
            contract_id: contract.id,
            gateway: self.gateway.name().to_owned(),
            price: contract.price,
            confirmations: self.gateway.confirmations(contract.price),
            state: invoices::State::New,
            created_ms: contract.created_ms,
            expires_ms: contract.reserved_until_ms,
            destination: None,
            gateway_status: None,
        };
        invoices::create(tx, &invoice).await
    }

    /// Whether something that is bought now can be paid now.
    ///
    /// # Errors
    /// Why it can't.
    pub async fn ready(&self) -> Result<(), GatewayError> {
        self.gateway.ready().await
    }

    /// Something may have come in for an invoice: it is looked at next, whatever its turn.
    pub fn hint(&self, contract_id: Uuid) {
        self.schedule.hint(contract_id);
        self.wake();
    }

    /// Lets the task look at once.
    pub fn wake(&self) {
        self.wake.notify_one();
    }
}

/// The rows as they should be: new payments behind those that are known; what the gateway does not tell stays as it is.
fn merged(stored: &[PaymentRow], payments: Vec<Payment>, contract_id: Uuid) -> Vec<PaymentRow> {
    let mut told: HashMap<String, Payment> =
        payments.into_iter().map(|payment| (payment.id.clone(), payment)).collect();
    let known = stored.iter().map(|row| match told.remove(&row.payment) {
        Some(payment) => PaymentRow { position: payment.position, ..row.clone() },
        None => row.clone(),
    });
    let mut rows: Vec<PaymentRow> = known.collect();
    let mut fresh: Vec<Payment> = told.into_values().filter(|payment| payment.position.is_alive()).collect();
    fresh.sort_by(|one, other| one.id.cmp(&other.id));
    rows.extend(fresh.into_iter().map(|payment| PaymentRow {
        payment: payment.id,
        contract_id,
        amount: payment.amount,
        first_seen_ms: now_ms(),
        position: payment.position,
        booked: None,
    }));
    rows
}
