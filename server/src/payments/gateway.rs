//! Where payments come in: what every way of being paid has to do.

use std::time::Duration;

use async_trait::async_trait;
use audit_core::work::Sats;
use thiserror::Error;
use uuid::Uuid;

use crate::db::DbError;
use crate::db::invoices::{Destination, Position, State};
use crate::wallet::WalletError;

/// A way of being paid. Every call may be repeated after a crash or a time-out, and may be dropped half-way.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// Its name in the database and the API.
    fn name(&self) -> &'static str;

    /// The smallest price that can be paid.
    fn minimum(&self) -> Sats;

    /// Blocks that must confirm a payment of a contract of this price.
    fn confirmations(&self, price: Sats) -> u32;

    /// Says where an order is to be paid. The same order gets the same destination, however often it is asked for.
    async fn open(&self, order: &Order) -> Result<Destination, GatewayError>;

    /// Learns what is new. `false` when what [`PaymentGateway::payments`] tells may be behind the network, so that nothing
    /// must become final on it.
    async fn refresh(&self) -> Result<bool, GatewayError>;

    /// Everything that came in for an invoice so far, of `known` payments also those that are gone.
    async fn read(&self, invoice: &OpenInvoice, known: &[String]) -> Result<Reading, GatewayError>;

    /// Whether an order that is made now can be paid now: asked before something is sold. Answers within seconds.
    async fn ready(&self) -> Result<(), GatewayError> {
        Ok(())
    }

    /// How long a reading of an invoice of this state and age is good for, when nothing hints at a change.
    fn pause(&self, _state: State, _age_ms: u64) -> Duration {
        Duration::ZERO
    }
}

/// What is to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub contract_id: Uuid,
    pub price: Sats,
    pub created_ms: u64,
    pub expires_ms: u64,
}

/// An invoice that has a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenInvoice {
    pub contract_id: Uuid,
    pub destination: Destination,
    /// Confirmations that a payment needs.
    pub confirmations: u32,
}

/// What a gateway knows of an invoice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub payments: Vec<Payment>,
    /// The gateway's own word for where the invoice stands, to be shown; nothing is decided by it.
    pub status: Option<String>,
}

/// Something that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// `txid:vout` on chain, else the gateway's own id. Unique over all invoices.
    pub id: String,
    pub amount: Sats,
    pub position: Position,
}

/// Why a gateway gave no answer. All of it is worth another try.
#[derive(Debug, Error)]
pub enum GatewayError {
    #[error(transparent)]
    Wallet(#[from] WalletError),
    #[error(transparent)]
    Db(#[from] DbError),
    /// It does not answer, or not in words that are understood: true of all invoices.
    #[error("payment server: {0}")]
    Server(String),
    /// It answers, but not for this invoice.
    #[error("payment server, for one invoice: {0}")]
    Invoice(String),
}
