//! The operator's routes: offers, payments, the book, lots, payouts.

pub mod close;
pub mod lot;
pub mod offer;
pub mod payout;
pub mod transaction;

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::State;
use super::access::Operator;
use super::contracts::confirm::{self, PaymentRequest};
use super::contracts::view::{self, ContractStatusView, ContractView};
use super::idempotent::{Key, OptionalKey, once};
use super::offers::OfferView;
use super::page::{Page, PageQuery};
use crate::clock::now_ms;
use crate::db::Tx;
use crate::db::contracts::{self, Status};
use crate::db::ledger::{self, Balance};
use crate::engine;
use crate::problem::{Problem, ProblemBody};

use close::CloseRequest;
use offer::{NewOffer, OfferRequest};

/// Who an idempotency key of these routes belongs to.
const PRINCIPAL: &str = "operator";

/// Which contracts, and which page of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ContractsQuery {
    /// Only contracts of this status.
    pub status: Option<ContractStatusView>,
    /// Items at most, 1 to 200, by default 50.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// An account of the ledger and the sum of its postings: debits positive, credits negative.
#[derive(Serialize, ToSchema)]
pub struct BalanceView {
    #[schema(example = "asset:contract_payments")]
    pub account: String,
    pub balance_sats: i64,
}

/// Puts something up for sale.
#[utoipa::path(tag = "operator", security(("operator" = [])), request_body = OfferRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless")),
    responses(
        (status = 201, body = OfferView),
        (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "name_taken", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "invalid_request", body = ProblemBody, content_type = "application/problem+json"),
    ))]
#[post("/admin/offers")]
pub(crate) async fn create_offer(
    _operator: Operator,
    state: Data<State>,
    key: OptionalKey,
    request: Json<OfferRequest>,
) -> Result<HttpResponse, Problem> {
    let offer = NewOffer::parse(&request)?;
    let terms_index = state.engine.terms_index(request.terms).await?;
    let capacity = state.config.money.capacity_hs;
    let scope = key.0.map(|key| key.scope(PRINCIPAL.into()));
    once(&state, scope, &*request, async |tx| offer.create(tx, terms_index, capacity).await).await
}

/// All customers' contracts, newest first.
#[utoipa::path(tag = "operator", security(("operator" = [])), params(ContractsQuery), responses(
    (status = 200, body = Page<ContractView>),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/admin/contracts")]
pub(crate) async fn list_all_contracts(
    _operator: Operator,
    state: Data<State>,
    query: Query<ContractsQuery>,
) -> Result<Json<Page<ContractView>>, Problem> {
    let ContractsQuery { status, limit, cursor } = query.into_inner();
    let page = PageQuery { limit, cursor };
    let limit = page.limit()?;
    let pool = state.database.pool();
    let rows = contracts::list(pool, status.map(Status::from), now_ms(), &page.created()?, limit + 1).await?;
    Ok(Json(view::page(pool, state.engine.published(), rows, limit).await?))
}

/// Confirms the payment of a reserved contract, which opens it.
#[utoipa::path(tag = "operator", security(("operator" = [])), request_body = PaymentRequest,
    params(("Idempotency-Key" = String, Header, description = "The same for each repeat of this confirmation")),
    responses(
        (status = 200, body = ContractView),
        (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "contract_not_reserved", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 422, description = "payment_short, invalid_request", body = ProblemBody,
         content_type = "application/problem+json"),
    ))]
#[post("/admin/contracts/{id}/confirm-payment")]
pub(crate) async fn confirm_payment(
    _operator: Operator,
    state: Data<State>,
    id: Path<Uuid>,
    key: Key,
    request: Json<PaymentRequest>,
) -> Result<HttpResponse, Problem> {
    let payment = request.parse()?;
    let scope = key.scope(PRINCIPAL.into());
    // In a task of its own: a client that hangs up must not stop between the commit and the checkpoint.
    let confirmed = actix_web::rt::spawn(async move {
        let log = state.engine.lock_log().await;
        let response =
            once(&state, Some(scope), &*request, async |tx| confirm::confirm(tx, &log, *id, &payment).await).await?;
        engine::publish(&log).await;
        Ok(response)
    });
    confirmed.await.map_err(Problem::internal)?
}

/// Cancels a reserved contract.
#[utoipa::path(tag = "operator", security(("operator" = [])),
    params(("Idempotency-Key" = String, Header, description = "The same for each repeat of this cancellation")),
    responses(
        (status = 200, body = ContractView),
        (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "contract_not_reserved", body = ProblemBody,
         content_type = "application/problem+json"),
    ))]
#[post("/admin/contracts/{id}/cancel")]
pub(crate) async fn cancel_contract(
    _operator: Operator,
    state: Data<State>,
    id: Path<Uuid>,
    key: Key,
) -> Result<HttpResponse, Problem> {
    once(&state, Some(key.scope(PRINCIPAL.into())), &(), async |tx| confirm::cancel(tx, *id).await).await
}

/// Closes a contract before its term is over, where its terms refund unused time. It stays in the epoch that is open; what it
/// is owed is credited when the period ends.
#[utoipa::path(tag = "operator", security(("operator" = [])), request_body = CloseRequest,
    params(("Idempotency-Key" = String, Header, description = "The same for each repeat of this closing")),
    responses(
        (status = 200, body = ContractView),
        (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "contract_not_running, no_refund", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 422, description = "invalid_request", body = ProblemBody, content_type = "application/problem+json"),
    ))]
#[post("/admin/contracts/{id}/close")]
pub(crate) async fn close_contract(
    _operator: Operator,
    state: Data<State>,
    id: Path<Uuid>,
    key: Key,
    request: Json<CloseRequest>,
) -> Result<HttpResponse, Problem> {
    let scope = key.scope(PRINCIPAL.into());
    // In a task of its own: a client that hangs up must not stop between the commit and the checkpoint.
    let closed = actix_web::rt::spawn(async move {
        let log = state.engine.lock_log().await;
        let effect = async |tx: &mut Tx| close::close_contract(tx, &log, *id, &request).await;
        let response = once(&state, Some(scope), &*request, effect).await?;
        engine::publish(&log).await;
        Ok(response)
    });
    closed.await.map_err(Problem::internal)?
}

/// The accounts of the ledger and their balances, by name.
#[utoipa::path(tag = "operator", security(("operator" = [])), params(PageQuery), responses(
    (status = 200, body = Page<BalanceView>),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/admin/ledger")]
pub(crate) async fn read_ledger(
    _operator: Operator,
    state: Data<State>,
    page: Query<PageQuery>,
) -> Result<Json<Page<BalanceView>>, Problem> {
    let limit = page.limit()?;
    let after = page.name()?.unwrap_or_default();
    let rows = ledger::balances(state.database.pool(), &after, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.account.clone(), BalanceView::from)))
}

impl From<Balance> for BalanceView {
    fn from(row: Balance) -> Self {
        Self { account: row.account, balance_sats: row.balance_sats }
    }
}
