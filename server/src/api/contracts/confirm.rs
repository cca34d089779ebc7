//! The operator confirms a payment: the contract goes into the log, its price into the ledger, in one transaction.

use actix_web::http::StatusCode;
use audit_core::work::Sats;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::ContractView;
use crate::api::idempotent::Reply;
use crate::clock::now_ms;
use crate::db::Tx;
use crate::db::contracts::{self, Status};
use crate::db::offers;
use crate::engine::{ContractRefused, Payment, open_paid_contract};
use crate::problem::{Code, FieldError, Problem};
use crate::tlog::SequencerGuard;

/// What the operator saw come in.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentRequest {
    pub received_sats: u64,
    /// For example the txid; one line of at most 200 characters.
    #[serde(default)]
    pub payment_note: Option<String>,
}

impl PaymentRequest {
    pub fn parse(&self) -> Result<Payment, Problem> {
        let mut errors = Vec::new();
        let received = Sats::new(self.received_sats);
        if received.is_none() {
            errors.push(FieldError::new("received_sats", "must be at most 21 million bitcoin"));
        }
        if self.payment_note.as_ref().is_some_and(|note| note.chars().count() > 200 || note.contains(char::is_control))
        {
            errors.push(FieldError::new("payment_note", "must be one line of at most 200 characters"));
        }
        match received {
            Some(received) if errors.is_empty() => Ok(Payment { received, note: self.payment_note.clone() }),
            _ => Err(Problem::invalid(errors)),
        }
    }
}

/// Opens a reserved contract. The caller holds the log before it begins the transaction, commits, and integrates.
pub async fn confirm(tx: &mut Tx, log: &SequencerGuard, id: Uuid, payment: &Payment) -> Result<Reply, Problem> {
    let Some(mut contract) = contracts::lock(tx, id).await? else { return Err(Problem::not_found("contract")) };
    // Its buyers wait while this is decided, so that a reservation can't run out for them and be confirmed here.
    offers::lock(tx, contract.offer_id).await?;
    let now_ms = now_ms();
    if contract.status_at(now_ms) != Status::Reserved {
        return Err(not_reserved());
    }
    if payment.received < contract.price {
        let detail = format!("the price is {} sats: ask the customer for the rest", contract.price);
        return Err(Problem::new(Code::PaymentShort, detail));
    }
    let opened = open_paid_contract(log, tx, &contract, payment, now_ms).await.map_err(refused)?;
    contract.status = Status::Active;
    contract.opened = Some(opened);
    Reply::new(StatusCode::OK, &ContractView::of(&contract, now_ms))
}

/// Gives a reserved contract's units back.
pub async fn cancel(tx: &mut Tx, id: Uuid) -> Result<Reply, Problem> {
    let Some(mut contract) = contracts::lock(tx, id).await? else { return Err(Problem::not_found("contract")) };
    if !contracts::cancel(tx, id).await? {
        return Err(not_reserved());
    }
    contract.status = Status::Cancelled;
    Reply::new(StatusCode::OK, &ContractView::of(&contract, now_ms()))
}

fn refused(refusal: ContractRefused) -> Problem {
    match refusal {
        ContractRefused::NotReserved => not_reserved(),
        failed => Problem::internal(failed),
    }
}

fn not_reserved() -> Problem {
    Problem::new(Code::ContractNotReserved, "only a reserved contract can be confirmed or cancelled: read its status")
}
