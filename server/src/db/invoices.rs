//! Invoices: how reserved contracts are paid, what came in for them, and what happened to them.

mod values;

use audit_core::work::Sats;
use sqlx::AnyPool;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::columns::{Columns, signed};
use super::contracts::Cursor;
use super::{DbError, Tx};

pub use values::{Booked, Destination, Position, State};

/// How a contract is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    pub contract_id: Uuid,
    /// Name of the gateway.
    pub gateway: String,
    pub price: Sats,
    /// Blocks that must confirm a payment.
    pub confirmations: u32,
    pub state: State,
    pub created_ms: u64,
    /// Until when the units are kept without a payment.
    pub expires_ms: u64,
    /// Where to pay, once the gateway has said so.
    pub destination: Option<Destination>,
    /// The gateway's own word for where it stands; nothing is decided by it.
    pub gateway_status: Option<String>,
}

/// What came in for an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRow {
    /// `txid:vout` on chain, else the gateway's own id.
    pub payment: String,
    pub contract_id: Uuid,
    pub amount: Sats,
    pub first_seen_ms: u64,
    pub position: Position,
    pub booked: Option<Booked>,
}

/// Something that happened to an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub at_ms: u64,
    pub kind: String,
    pub payment: Option<String>,
    pub amount: Option<Sats>,
}

/// Stores a new invoice without a destination.
pub async fn create(tx: &mut Tx, invoice: &Invoice) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO invoices (contract_id, gateway, price_sats, confirmations, state, created_ms, expires_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(invoice.contract_id.to_string())
    .bind(&invoice.gateway)
    .bind(signed(invoice.price.get()))
    .bind(i64::from(invoice.confirmations))
    .bind(invoice.state.as_str())
    .bind(signed(invoice.created_ms))
    .bind(signed(invoice.expires_ms))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes where to pay, once.
pub async fn set_destination(tx: &mut Tx, id: Uuid, destination: &Destination) -> Result<bool, DbError> {
    let (address, descriptor, index, gateway_invoice, url) = match destination.clone() {
        Destination::Address { descriptor, index, address } => {
            (Some(address), Some(descriptor), Some(i64::from(index)), None, None)
        }
        Destination::Checkout { gateway_invoice, address, url } => {
            (address, None, None, Some(gateway_invoice), Some(url))
        }
    };
    let done = sqlx::query(
        "UPDATE invoices SET address = $2, descriptor = $3, address_index = $4, gateway_invoice = $5, checkout_url = $6
         WHERE contract_id = $1 AND address IS NULL AND gateway_invoice IS NULL",
    )
    .bind(id.to_string())
    .bind(address)
    .bind(descriptor)
    .bind(index)
    .bind(gateway_invoice)
    .bind(url)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The first number of an address of a descriptor that no invoice has.
pub async fn next_index(pool: &AnyPool, descriptor: &str) -> Result<u32, DbError> {
    let row = sqlx::query("SELECT COALESCE(MAX(address_index) + 1, 0) AS next FROM invoices WHERE descriptor = $1")
        .bind(descriptor)
        .fetch_one(pool)
        .await?;
    narrow(&row, "next")
}

/// Notes where the invoice stands now.
pub async fn set_state(tx: &mut Tx, id: Uuid, state: State) -> Result<(), DbError> {
    sqlx::query("UPDATE invoices SET state = $2 WHERE contract_id = $1")
        .bind(id.to_string())
        .bind(state.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Notes the gateway's own word for where the invoice stands.
pub async fn set_gateway_status(tx: &mut Tx, id: Uuid, status: &str) -> Result<(), DbError> {
    sqlx::query("UPDATE invoices SET gateway_status = $2 WHERE contract_id = $1")
        .bind(id.to_string())
        .bind(status)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The contract whose invoice a gateway calls so.
pub async fn by_gateway_invoice(pool: &AnyPool, gateway: &str, invoice: &str) -> Result<Option<Uuid>, DbError> {
    let row = sqlx::query("SELECT contract_id FROM invoices WHERE gateway = $1 AND gateway_invoice = $2")
        .bind(gateway)
        .bind(invoice)
        .fetch_optional(pool)
        .await?;
    row.map(|row| row.uuid("contract_id")).transpose()
}

pub async fn by_contract(pool: &AnyPool, id: Uuid) -> Result<Option<Invoice>, DbError> {
    let row =
        sqlx::query("SELECT * FROM invoices WHERE contract_id = $1").bind(id.to_string()).fetch_optional(pool).await?;
    row.as_ref().map(invoice).transpose()
}

/// Reads an invoice and holds it until the transaction ends.
pub async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Invoice>, DbError> {
    let row = sqlx::query("UPDATE invoices SET state = state WHERE contract_id = $1 RETURNING *")
        .bind(id.to_string())
        .fetch_optional(&mut **tx)
        .await?;
    row.as_ref().map(invoice).transpose()
}

/// Invoices of a gateway that have no destination yet, oldest first.
pub async fn without_destination(pool: &AnyPool, gateway: &str) -> Result<Vec<Invoice>, DbError> {
    let rows = sqlx::query(
        "SELECT * FROM invoices WHERE gateway = $1 AND address IS NULL AND gateway_invoice IS NULL
         ORDER BY created_ms, contract_id",
    )
    .bind(gateway)
    .fetch_all(pool)
    .await?;
    rows.iter().map(invoice).collect()
}

/// Invoices of a gateway whose payments may change yet: those that wait for one, and all made after `since_ms`.
pub async fn watched(pool: &AnyPool, gateway: &str, since_ms: u64) -> Result<Vec<Invoice>, DbError> {
    let rows = sqlx::query(
        "SELECT * FROM invoices WHERE gateway = $1 AND (address IS NOT NULL OR gateway_invoice IS NOT NULL)
         AND (created_ms > $2 OR state NOT IN ('settled', 'expired', 'cancelled')) ORDER BY created_ms, contract_id",
    )
    .bind(gateway)
    .bind(signed(since_ms))
    .fetch_all(pool)
    .await?;
    rows.iter().map(invoice).collect()
}

/// All invoices, optionally of one state, newest first, those after `cursor`.
pub async fn list(pool: &AnyPool, state: Option<State>, cursor: &Cursor, limit: u32) -> Result<Vec<Invoice>, DbError> {
    let rows = sqlx::query(
        "SELECT * FROM invoices WHERE ($1 = '' OR state = $1)
         AND (created_ms < $2 OR (created_ms = $2 AND contract_id < $3))
         ORDER BY created_ms DESC, contract_id DESC LIMIT $4",
    )
    .bind(state.map_or("", State::as_str))
    .bind(cursor.before_ms())
    .bind(cursor.before_id())
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.iter().map(invoice).collect()
}

/// What came in for an invoice, in order.
pub async fn payments(connection: &mut sqlx::AnyConnection, id: Uuid) -> Result<Vec<PaymentRow>, DbError> {
    let rows = sqlx::query("SELECT * FROM invoice_payments WHERE contract_id = $1 ORDER BY first_seen_ms, payment")
        .bind(id.to_string())
        .fetch_all(connection)
        .await?;
    rows.iter().map(payment).collect()
}

/// Every payment that was taken as a credit, with its amount.
pub async fn credited(pool: &AnyPool) -> Result<Vec<(String, Sats)>, DbError> {
    let sql = "SELECT payment, paid_sats FROM invoice_payments WHERE booked = 'credit' ORDER BY payment";
    let rows = sqlx::query(sql).fetch_all(pool).await?;
    rows.iter().map(|row| Ok((row.text("payment")?, row.sats("paid_sats")?))).collect()
}

/// Stores a payment as it is now. Its amount, its invoice and when it was first seen never change.
pub async fn put_payment(tx: &mut Tx, row: &PaymentRow) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO invoice_payments (payment, contract_id, paid_sats, first_seen_ms, position, confirmations, booked)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (payment) DO UPDATE SET position = excluded.position, confirmations = excluded.confirmations,
         booked = COALESCE(invoice_payments.booked, excluded.booked)",
    )
    .bind(&row.payment)
    .bind(row.contract_id.to_string())
    .bind(signed(row.amount.get()))
    .bind(signed(row.first_seen_ms))
    .bind(row.position.as_str())
    .bind(i64::from(row.position.confirmations()))
    .bind(row.booked.map(Booked::as_str))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Adds an event behind the last. The caller holds the invoice.
pub async fn add_event(tx: &mut Tx, id: Uuid, event: &Event) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO invoice_events (contract_id, sequence, at_ms, kind, payment, amount_sats)
         SELECT $1, COALESCE(MAX(sequence), 0) + 1, $2, $3, $4, $5 FROM invoice_events WHERE contract_id = $1",
    )
    .bind(id.to_string())
    .bind(signed(event.at_ms))
    .bind(&event.kind)
    .bind(event.payment.clone())
    .bind(event.amount.map(|amount| signed(amount.get())))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What happened to an invoice, oldest first.
pub async fn events(pool: &AnyPool, id: Uuid) -> Result<Vec<Event>, DbError> {
    let rows = sqlx::query("SELECT * FROM invoice_events WHERE contract_id = $1 ORDER BY sequence")
        .bind(id.to_string())
        .fetch_all(pool)
        .await?;
    rows.iter().map(event).collect()
}

fn invoice(row: &AnyRow) -> Result<Invoice, DbError> {
    let state = row.text("state")?;
    Ok(Invoice {
        contract_id: row.uuid("contract_id")?,
        gateway: row.text("gateway")?,
        price: row.sats("price_sats")?,
        confirmations: narrow(row, "confirmations")?,
        state: State::of(&state).ok_or(DbError::Unreadable { column: "state".into(), found: state })?,
        created_ms: row.unsigned("created_ms")?,
        expires_ms: row.unsigned("expires_ms")?,
        destination: destination(row)?,
        gateway_status: row.optional_text("gateway_status")?,
    })
}

fn destination(row: &AnyRow) -> Result<Option<Destination>, DbError> {
    let address = row.optional_text("address")?;
    if let Some(gateway_invoice) = row.optional_text("gateway_invoice")? {
        let url = row.text("checkout_url")?;
        return Ok(Some(Destination::Checkout { gateway_invoice, address, url }));
    }
    let Some(address) = address else { return Ok(None) };
    let (descriptor, index) = (row.text("descriptor")?, narrow(row, "address_index")?);
    Ok(Some(Destination::Address { descriptor, index, address }))
}

fn payment(row: &AnyRow) -> Result<PaymentRow, DbError> {
    Ok(PaymentRow {
        payment: row.text("payment")?,
        contract_id: row.uuid("contract_id")?,
        amount: row.sats("paid_sats")?,
        first_seen_ms: row.unsigned("first_seen_ms")?,
        position: Position::of(&row.text("position")?, narrow(row, "confirmations")?)?,
        booked: row.optional_text("booked")?.map(|text| Booked::of(&text)).transpose()?,
    })
}

fn event(row: &AnyRow) -> Result<Event, DbError> {
    Ok(Event {
        at_ms: row.unsigned("at_ms")?,
        kind: row.text("kind")?,
        payment: row.optional_text("payment")?,
        amount: row.optional_unsigned("amount_sats")?.and_then(Sats::new),
    })
}

fn narrow(row: &AnyRow, column: &str) -> Result<u32, DbError> {
    let value = row.unsigned(column)?;
    u32::try_from(value).map_err(|_| DbError::Unreadable { column: column.into(), found: value.to_string() })
}
