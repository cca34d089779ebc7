//! Being paid through a BTCPay Server (Greenfield API, 2.x): it has the wallet and watches the chain, this server asks it.
//!
//! In scope: invoices on chain, which are made, found again and read. Out of scope: Lightning, whose payments no txid shows;
//! what payments mean (`super::decide`). What is decided on is the list of payments; BTCPay's own status is only shown.
//!
//! Trusted: whoever controls the BTCPay Server or its API key can say that payments came in, and contracts open on its word.

mod client;
#[cfg(test)]
#[path = "../../tests/btcpay/emulator.rs"]
pub(crate) mod emulator;
mod greenfield;
mod settings;
#[cfg(test)]
mod tests;
mod webhook;

use std::time::Duration;

use async_trait::async_trait;
use audit_core::work::Sats;
use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, Network};
use serde_json::json;

use super::WATCHED_MS;
use super::chain::{Confirmations, DUST};
use super::gateway::{GatewayError, OpenInvoice, Order, Payment, PaymentGateway, Reading};
use crate::clock::now_ms;
use crate::db::invoices::{Destination, Position, State};
use client::Client;
use greenfield::{Health, Invoice, PaymentMethod, PaymentStatus, btc, outpoint};

pub use settings::{BtcpaySettings, Secret, ServerUrl};
pub use webhook::{Webhook, WebhookRefused};

/// Its name in the database and the API.
pub(super) const NAME: &str = "btcpay";
/// The payment method of payments on chain.
const ON_CHAIN: &str = "BTC-CHAIN";
/// The slowest speed of a BTCPay Server waits for so many blocks (`LowSpeed`).
pub const MOST_CONFIRMATIONS: u32 = 6;
const MINUTE_MS: u64 = 60_000;
/// An invoice that nothing is expected of any more is read the less often the older it is: by one turn less each hour.
const LESS_OFTEN_MS: u64 = 3_600_000;

/// The gateway on a store of a BTCPay Server.
#[derive(Debug)]
pub struct BtcpayGateway {
    client: Client,
    network: Network,
    confirmations: Confirmations,
    poll: Duration,
}

impl BtcpayGateway {
    /// A gateway that has asked nothing yet.
    ///
    /// # Errors
    /// TLS that can't be set up.
    pub fn new(settings: &BtcpaySettings, network: Network, confirmations: Confirmations) -> reqwest::Result<Self> {
        Ok(Self { client: Client::new(settings)?, network, confirmations, poll: settings.poll })
    }

    /// The invoice of an order that was made before a time-out or a crash. Of several, which only an answer that came after
    /// our patience can make, the oldest: the others are shown to nobody.
    async fn made_before(&self, order: &Order) -> Result<Option<Invoice>, GatewayError> {
        let wanted = order.contract_id.to_string();
        let listed: Vec<Invoice> =
            self.client.get(&["invoices"], &[("orderId", wanted.as_str()), ("take", "20")]).await?;
        let is_ours = |invoice: &Invoice| invoice.order_id() == Some(wanted.as_str()) && invoice.asks_for(order.price);
        let ours = listed.into_iter().filter(is_ours);
        Ok(ours.min_by(|one, other| (one.created_time, one.id()).cmp(&(other.created_time, other.id()))))
    }

    async fn make(&self, order: &Order) -> Result<Invoice, GatewayError> {
        let left_ms = order.expires_ms.saturating_sub(now_ms());
        let body = json!({
            "amount": btc(order.price),
            "currency": "BTC",
            "metadata": { "orderId": order.contract_id.to_string() },
            "checkout": {
                "speedPolicy": speed(self.confirmations(order.price)).0,
                "paymentMethods": [ON_CHAIN],
                "lazyPaymentMethods": false,
                "expirationMinutes": left_ms.div_ceil(MINUTE_MS).max(1),
                "monitoringMinutes": WATCHED_MS / MINUTE_MS,
                "paymentTolerance": 0,
            },
        });
        let invoice: Invoice = self.client.post(&["invoices"], &body).await?;
        if invoice.order_id() == Some(order.contract_id.to_string().as_str()) && invoice.asks_for(order.price) {
            return Ok(invoice);
        }
        Err(GatewayError::Invoice(format!("made {invoice:?} for {order:?}")))
    }

    async fn on_chain(&self, invoice: &str) -> Result<PaymentMethod, GatewayError> {
        let path = ["invoices", invoice, "payment-methods"];
        let methods: Vec<PaymentMethod> = self.client.get(&path, &[("onlyAccountedPayments", "false")]).await?;
        let on_chain = methods.into_iter().find(|method| method.payment_method_id == ON_CHAIN);
        on_chain.ok_or_else(|| GatewayError::Invoice(format!("{invoice} can't be paid by {ON_CHAIN}")))
    }

    fn address(&self, method: &PaymentMethod) -> Result<String, GatewayError> {
        let text = method.destination.as_deref().unwrap_or_default();
        let address = text.parse::<Address<NetworkUnchecked>>().ok();
        let address = address.and_then(|address| address.require_network(self.network).ok());
        let wrong = || GatewayError::Invoice(format!("no address of {}: {text:?}", self.network));
        Ok(address.ok_or_else(wrong)?.to_string())
    }
}

#[async_trait]
impl PaymentGateway for BtcpayGateway {
    fn name(&self) -> &'static str {
        NAME
    }

    fn minimum(&self) -> Sats {
        Sats::new(DUST).unwrap_or_default()
    }

    /// What a BTCPay Server can wait for: one, two or six.
    fn confirmations(&self, price: Sats) -> u32 {
        speed(self.confirmations.of(price)).1
    }

    /// There is no idempotency key: what was made for this order before is looked for by its id.
    async fn open(&self, order: &Order) -> Result<Destination, GatewayError> {
        let invoice = match self.made_before(order).await? {
            Some(invoice) => invoice,
            None => self.make(order).await?,
        };
        let address = Some(self.address(&self.on_chain(invoice.id()).await?)?);
        Ok(Destination::Checkout { gateway_invoice: invoice.id().to_owned(), address, url: invoice.page()?.to_owned() })
    }

    /// Nothing becomes final while its own node is behind.
    async fn refresh(&self) -> Result<bool, GatewayError> {
        let health: Health = self.client.health().await?;
        Ok(health.synchronized)
    }

    /// The status is asked for last: the less an invoice is expected to change, the longer what is shown of it stays, so it
    /// must not be older than the payments.
    async fn read(&self, open: &OpenInvoice, known: &[String]) -> Result<Reading, GatewayError> {
        let Destination::Checkout { gateway_invoice, .. } = &open.destination else { return Ok(Reading::default()) };
        let method = self.on_chain(gateway_invoice).await?;
        let invoice: Invoice = self.client.get(&["invoices", gateway_invoice], &[]).await?;
        let told = method.payments.iter().map(|payment| read_payment(payment, open.confirmations));
        let mut payments = told.collect::<Result<Vec<Payment>, GatewayError>>()?;
        let gone = known.iter().filter(|id| !payments.iter().any(|payment| payment.id == **id));
        let gone: Vec<Payment> = gone.map(|id| dropped(id)).collect();
        payments.extend(gone);
        Ok(Reading { payments, status: Some(invoice.status_word()) })
    }

    async fn ready(&self) -> Result<(), GatewayError> {
        let health: Health = self.client.health().await?;
        let behind = || GatewayError::Server("its node is not synchronized".into());
        if health.synchronized { Ok(()) } else { Err(behind()) }
    }

    /// Webhooks hint at what changes; this is for those that were lost.
    fn pause(&self, state: State, age_ms: u64) -> Duration {
        match state {
            State::Settled | State::Expired | State::Cancelled => {
                self.poll.saturating_mul(u32::try_from(1 + age_ms / LESS_OFTEN_MS).unwrap_or(u32::MAX))
            }
            _ => self.poll,
        }
    }
}

/// A speed that waits for at least so many blocks, and how many it waits for.
fn speed(confirmations: u32) -> (&'static str, u32) {
    match confirmations {
        0 | 1 => ("MediumSpeed", 1),
        2 => ("LowMediumSpeed", 2),
        _ => ("LowSpeed", MOST_CONFIRMATIONS),
    }
}

/// It does not tell confirmations, but whether there are enough.
fn read_payment(payment: &greenfield::Payment, needed: u32) -> Result<Payment, GatewayError> {
    let position = match payment.status {
        PaymentStatus::Settled => Position::Final { confirmations: needed },
        PaymentStatus::Processing => Position::Waiting,
        PaymentStatus::Invalid => Position::Replaced,
    };
    let wrong = || GatewayError::Invoice(format!("a payment that can't be read: {payment:?}"));
    let id = outpoint(&payment.id).ok_or_else(wrong)?.to_string();
    let amount = payment.sats().filter(|sats| *sats > Sats::ZERO).ok_or_else(wrong)?;
    Ok(Payment { id, amount, position })
}

fn dropped(id: &str) -> Payment {
    Payment { id: id.to_owned(), amount: Sats::ZERO, position: Position::Dropped }
}
