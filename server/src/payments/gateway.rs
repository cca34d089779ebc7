//! Where payments come in: what every way of being paid has to do.

use async_trait::async_trait;
use audit_core::work::Sats;
use thiserror::Error;
use uuid::Uuid;

use crate::db::DbError;
use crate::db::invoices::{Destination, Position};
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
    async fn payments(&self, invoice: &OpenInvoice, known: &[String]) -> Result<Vec<Payment>, GatewayError>;
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
    #[error("payment server: {0}")]
    Server(String),
}
