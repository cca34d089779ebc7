//! Closing a contract before its term is over.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::contracts::view::ContractView;
use crate::api::idempotent::Reply;
use crate::clock::now_ms;
use crate::db::{Tx, contracts};
use crate::lives::{CloseRefused, close};
use crate::problem::{Code, FieldError, Problem};
use crate::tlog::SequencerGuard;

/// Longest reason, in characters.
const REASON_MAX: usize = 200;

/// Why the operator closes a contract.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseRequest {
    /// One line of at most 200 characters, for everyone to read in the log; not `fulfilled`.
    #[schema(example = "the site is shut down")]
    pub reason: String,
}

impl CloseRequest {
    fn parse(&self) -> Result<&str, Problem> {
        let reason = self.reason.trim();
        let length = reason.chars().count();
        if (1..=REASON_MAX).contains(&length) && !reason.contains(char::is_control) {
            return Ok(reason);
        }
        Err(wrong_reason("must be one line of 1 to 200 characters"))
    }
}

/// Closes a contract. The caller holds the log before it begins the transaction, commits, and integrates.
pub async fn close_contract(
    tx: &mut Tx,
    log: &SequencerGuard,
    id: Uuid,
    request: &CloseRequest,
) -> Result<Reply, Problem> {
    let reason = request.parse()?;
    let Some(contract) = contracts::lock(tx, id).await? else { return Err(Problem::not_found("contract")) };
    close(log, tx, &contract, reason, now_ms()).await.map_err(refused)?;
    let closed = contracts::lock(tx, id).await?.ok_or_else(|| Problem::not_found("contract"))?;
    Reply::new(StatusCode::OK, &ContractView::of(&closed, now_ms()))
}

fn refused(refusal: CloseRefused) -> Problem {
    match refusal {
        CloseRefused::NotRunning => Problem::new(Code::ContractNotRunning, "it is not open, or has ended already"),
        CloseRefused::NoRefund => Problem::new(Code::NoRefund, CloseRefused::NoRefund.to_string()),
        CloseRefused::Reason => wrong_reason("must not be that of a term that is over"),
        CloseRefused::Failed(error) => Problem::internal(error),
    }
}

fn wrong_reason(detail: &str) -> Problem {
    Problem::invalid(vec![FieldError::new("reason", detail)])
}
