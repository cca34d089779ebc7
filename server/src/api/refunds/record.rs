//! A refund is recorded: read into types, then decided while the account is held.

use actix_web::http::StatusCode;
use audit_core::work::Sats;
use bitcoin::OutPoint;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::RefundView;
use crate::api::idempotent::Reply;
use crate::clock::now_ms;
use crate::db::refunds::{self, Refund, State};
use crate::db::{Tx, addresses};
use crate::problem::{Code, FieldError, Problem};

/// What the operator sends.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundRequest {
    pub account_id: Uuid,
    /// The output that pays the account's refund address, as `txid:vout`.
    pub output: String,
    /// What it pays, to the satoshi, at most what is owed.
    pub refund_sats: u64,
}

/// A recording whose fields are all of the right form.
pub(super) struct Recording {
    account_id: Uuid,
    output: OutPoint,
    amount: Sats,
}

impl Recording {
    pub(super) fn parse(request: &RefundRequest) -> Result<Self, Problem> {
        let output = request.output.parse().map_err(|_| FieldError::new("output", "must be txid:vout"));
        let amount = Sats::new(request.refund_sats).filter(|amount| *amount > Sats::ZERO);
        let amount = amount.ok_or_else(|| FieldError::new("refund_sats", "must be a positive number of satoshis"));
        match (output, amount) {
            (Ok(output), Ok(amount)) => Ok(Self { account_id: request.account_id, output, amount }),
            (output, amount) => Err(Problem::invalid(output.err().into_iter().chain(amount.err()).collect())),
        }
    }

    /// What is recorded is never more than what is owed and not recorded yet.
    pub(super) async fn record(&self, tx: &mut Tx, height: u32) -> Result<Reply, Problem> {
        addresses::lock(tx, self.account_id).await?;
        let owed = refunds::owed_to(tx, self.account_id).await?;
        if self.amount > owed {
            let detail = format!("the account is owed {owed} sats back that are not on their way");
            return Err(Problem::invalid(vec![FieldError::new("refund_sats", detail)]));
        }
        let Some(address) = refunds::address_of(tx, self.account_id).await? else {
            let detail = "the customer has chosen no address for refunds, or has removed it from the account's list";
            return Err(Problem::new(Code::NoRefundAddress, detail));
        };
        let refund = Refund {
            id: Uuid::new_v4(),
            account_id: self.account_id,
            address: address.address,
            script: address.script,
            amount: self.amount,
            output: self.output,
            state: State::Recorded,
            recorded_ms: now_ms(),
            recorded_height: height,
            block: None,
        };
        if !refunds::insert(tx, &refund).await? {
            return Err(Problem::new(Code::RefundRecorded, "this output is recorded as a refund already"));
        }
        Reply::new(StatusCode::CREATED, &RefundView::from(refund))
    }
}
