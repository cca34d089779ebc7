//! An invoice as its buyer and the operator see it.

use audit_core::work::Sats;
use serde::{Deserialize, Serialize};
use sqlx::AnyPool;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::DbError;
use crate::db::invoices::{self, Booked, Destination, Event, Invoice, PaymentRow, Position, State};

/// How a contract is paid.
#[derive(Serialize, ToSchema)]
pub struct InvoiceView {
    pub contract_id: Uuid,
    /// `chain` or `btcpay`.
    pub gateway: String,
    pub state: InvoiceStateView,
    pub price_sats: u64,
    /// Where to pay; null for the moment until the gateway has said so. An address is of one invoice for ever.
    pub address: Option<String>,
    /// The payment server's page, if there is one.
    pub checkout_url: Option<String>,
    /// Where the payment server says that its invoice stands, such as `expired_paid_partial`; null on chain. Nothing is
    /// decided by it.
    pub gateway_status: Option<String>,
    /// BIP 21 URI for what is missing; null when nothing is.
    pub uri: Option<String>,
    /// Blocks that must confirm a payment before it counts.
    pub confirmations: u32,
    /// Came in and may still count, deep enough or not.
    pub received_sats: u64,
    /// What has to be paid yet.
    pub missing_sats: u64,
    /// What is the customer's credit of what came in, and owed back.
    pub credited_sats: u64,
    pub created_ms: u64,
    /// Until when the units are kept without a payment.
    pub expires_ms: u64,
    pub payments: Vec<InvoicePaymentView>,
    /// What happened, oldest first.
    pub events: Vec<InvoiceEventView>,
}

/// Something that came in.
#[derive(Serialize, ToSchema)]
pub struct InvoicePaymentView {
    /// `txid:vout` on chain, else the gateway's own id.
    pub payment: String,
    pub paid_sats: u64,
    pub first_seen_ms: u64,
    /// `waiting`, `confirmed`, `final`, `replaced` or `dropped`.
    #[schema(example = "confirmed")]
    pub position: &'static str,
    /// Blocks that confirm it, counted up to what is needed.
    pub confirmations: u32,
    /// `price` or `credit`: what it was taken for; null until it is deep enough.
    pub booked: Option<&'static str>,
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
pub struct InvoiceEventView {
    pub at_ms: u64,
    /// `opened`; of a payment `seen`, `confirmed`, `final`, `unconfirmed`, `replaced`, `dropped`, `credited`; `held` when the
    /// units are kept longer; `btcpay_…` with what the payment server says now; else the state that the invoice came into.
    #[schema(example = "seen")]
    pub kind: String,
    pub payment: Option<String>,
    pub amount_sats: Option<u64>,
}

/// Where an invoice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStateView {
    /// Nothing has come in.
    New,
    /// The price has come in, and waits for a block.
    Seen,
    /// The price is in blocks that are not deep enough yet.
    Confirming,
    /// The contract is open.
    Settled,
    /// Less than the price: the rest can be paid to the same address.
    Underpaid,
    /// The price came after the deadline: the contract opens if its units are still there, else it is credited.
    PaidLate,
    /// The deadline has passed; what came in is credited.
    Expired,
    /// Given up by the operator; what came in is credited.
    Cancelled,
    /// What the contract was opened with is in no block any more.
    Reorged,
}

/// An invoice with its payments and events.
pub(super) async fn read(pool: &AnyPool, invoice: &Invoice) -> Result<InvoiceView, DbError> {
    let mut connection = pool.acquire().await?;
    let payments = invoices::payments(&mut connection, invoice.contract_id).await?;
    drop(connection);
    let events = invoices::events(pool, invoice.contract_id).await?;
    Ok(InvoiceView::of(invoice, &payments, events))
}

impl InvoiceView {
    fn of(invoice: &Invoice, payments: &[PaymentRow], events: Vec<Event>) -> Self {
        let (address, checkout_url) = match &invoice.destination {
            Some(Destination::Address { address, .. }) => (Some(address.clone()), None),
            Some(Destination::Checkout { address, url, .. }) => (address.clone(), Some(url.clone())),
            None => (None, None),
        };
        let missing_sats = missing(invoice, payments);
        let uri = address.as_ref().filter(|_| missing_sats > 0).map(|address| uri(address, missing_sats));
        let credited = events.iter().filter(|event| event.kind == "credited");
        Self {
            contract_id: invoice.contract_id,
            gateway: invoice.gateway.clone(),
            state: invoice.state.into(),
            price_sats: invoice.price.get(),
            address,
            checkout_url,
            gateway_status: invoice.gateway_status.clone(),
            uri,
            confirmations: invoice.confirmations,
            received_sats: payments.iter().filter(|row| row.position.is_alive()).map(|row| row.amount.get()).sum(),
            missing_sats,
            credited_sats: credited.filter_map(|event| event.amount).map(Sats::get).sum(),
            created_ms: invoice.created_ms,
            expires_ms: invoice.expires_ms,
            payments: payments.iter().map(InvoicePaymentView::of).collect(),
            events: events.into_iter().map(InvoiceEventView::from).collect(),
        }
    }
}

/// What has to come in yet: nothing once the invoice is done with.
fn missing(invoice: &Invoice, payments: &[PaymentRow]) -> u64 {
    match invoice.state {
        State::New | State::Underpaid => {
            let counts = |row: &&PaymentRow| row.booked.is_none() && row.position.is_alive();
            let counted: u64 = payments.iter().filter(counts).map(|row| row.amount.get()).sum();
            invoice.price.get().saturating_sub(counted)
        }
        _ => 0,
    }
}

/// BIP 21: the amount in bitcoin, with eight decimals.
fn uri(address: &str, sats: u64) -> String {
    format!("bitcoin:{address}?amount={}.{:08}", sats / 100_000_000, sats % 100_000_000)
}

impl InvoicePaymentView {
    fn of(row: &PaymentRow) -> Self {
        Self {
            payment: row.payment.clone(),
            paid_sats: row.amount.get(),
            first_seen_ms: row.first_seen_ms,
            position: Position::as_str(row.position),
            confirmations: row.position.confirmations(),
            booked: row.booked.map(Booked::as_str),
        }
    }
}

impl From<Event> for InvoiceEventView {
    fn from(event: Event) -> Self {
        let amount_sats = event.amount.map(Sats::get);
        Self { at_ms: event.at_ms, kind: event.kind, payment: event.payment, amount_sats }
    }
}

impl From<State> for InvoiceStateView {
    fn from(state: State) -> Self {
        match state {
            State::New => Self::New,
            State::Seen => Self::Seen,
            State::Confirming => Self::Confirming,
            State::Settled => Self::Settled,
            State::Underpaid => Self::Underpaid,
            State::PaidLate => Self::PaidLate,
            State::Expired => Self::Expired,
            State::Cancelled => Self::Cancelled,
            State::Reorged => Self::Reorged,
        }
    }
}

impl From<InvoiceStateView> for State {
    fn from(state: InvoiceStateView) -> Self {
        match state {
            InvoiceStateView::New => Self::New,
            InvoiceStateView::Seen => Self::Seen,
            InvoiceStateView::Confirming => Self::Confirming,
            InvoiceStateView::Settled => Self::Settled,
            InvoiceStateView::Underpaid => Self::Underpaid,
            InvoiceStateView::PaidLate => Self::PaidLate,
            InvoiceStateView::Expired => Self::Expired,
            InvoiceStateView::Cancelled => Self::Cancelled,
            InvoiceStateView::Reorged => Self::Reorged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_name_the_amount_in_bitcoin() {
        assert_eq!(uri("bc1q", 1), "bitcoin:bc1q?amount=0.00000001");
        assert_eq!(uri("bc1q", 2_100_000_000_000_000), "bitcoin:bc1q?amount=21000000.00000000");
    }
}
