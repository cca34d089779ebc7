//! Handing a signed transaction to the network, for wallets without a node of their own.

use actix_web::post;
use actix_web::web::{Data, Json};
use pool_core::node::NodeError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::State;
use crate::api::access::Operator;
use crate::problem::{Code, FieldError, Problem, ProblemBody};

/// A signed transaction.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransactionRequest {
    /// The raw transaction with its witnesses, as hex digits.
    pub raw_transaction: String,
}

/// What the node took.
#[derive(Serialize, ToSchema)]
pub struct BroadcastView {
    pub txid: String,
}

/// Hands a signed transaction to the network. A repeat changes nothing.
#[utoipa::path(tag = "operator", security(("operator" = [])), request_body = TransactionRequest, responses(
    (status = 200, body = BroadcastView),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "invalid_request, transaction_refused", body = ProblemBody,
     content_type = "application/problem+json"),
    (status = 503, description = "unavailable", body = ProblemBody, content_type = "application/problem+json"),
))]
#[post("/admin/transactions")]
pub(crate) async fn broadcast(
    _operator: Operator,
    state: Data<State>,
    request: Json<TransactionRequest>,
) -> Result<Json<BroadcastView>, Problem> {
    let wrong = || Problem::invalid(vec![FieldError::new("raw_transaction", "must be hex digits")]);
    let raw = hex::decode(&request.raw_transaction).map_err(|_| wrong())?;
    match state.engine.node().broadcast(&raw).await {
        Ok(txid) => Ok(Json(BroadcastView { txid: txid.to_string() })),
        Err(NodeError::Refused { message, .. }) => Err(Problem::new(Code::TransactionRefused, message)),
        Err(error) => Err(Problem::new(Code::Unavailable, error.to_string())),
    }
}
