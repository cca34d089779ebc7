//! What a customer has bought. Someone else's contract is as unknown as one that doesn't exist.

pub mod confirm;
pub mod money;
pub mod purchase;
pub mod view;

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpResponse, get, post};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::State;
use super::access::Customer;
use super::idempotent::{Key, once};
use super::page::{Page, PageQuery, created_cursor};
use crate::db::contracts::{self, Contract};
use crate::db::epochs::{self, ContractEpochRow};
use crate::payments::Invoicing;
use crate::problem::{Code, Problem, ProblemBody};
use purchase::{Purchase, PurchaseRequest, Selling};
use view::ContractView;

/// A contract's part of a closed epoch, as the server states it. The verifier recomputes it from the shares.
#[derive(Serialize, ToSchema)]
pub struct ContractEpochView {
    pub epoch: u64,
    pub units_hs: String,
    pub work: String,
}

/// Buys: reserves the units for a day and says what to pay.
#[utoipa::path(tag = "contracts", security(("session" = [])), request_body = PurchaseRequest,
    params(("Idempotency-Key" = String, Header, description = "Random, the same for each repeat of this purchase")),
    responses(
        (status = 201, body = ContractView),
        (status = 400, description = "bad_json, idempotency_key_missing", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "sold_out, too_many_reservations, quote_expired, quote_changed, idempotency_in_flight, address_not_listed, address_on_hold", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 422, description = "invalid_request, idempotency_key_reused", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 503, description = "payments_unavailable", body = ProblemBody,
         content_type = "application/problem+json"),
    ))]
#[post("/contracts")]
pub(crate) async fn buy_contract(
    customer: Customer,
    state: Data<State>,
    key: Key,
    request: Json<PurchaseRequest>,
) -> Result<HttpResponse, Problem> {
    let purchase = Purchase::parse(&request, state.config.node.network)?;
    let scope = key.scope(format!("account:{}", customer.account.id));
    let selling = Selling {
        capacity: state.config.money.capacity_hs,
        reservation_ms: state.config.payments.reservation_ms,
        address_hold_ms: state.config.payments.address_hold_ms(),
        invoicing: state.paying.invoicing.clone(),
    };
    refuse_while_unpayable(&selling).await?;
    let bought =
        once(&state, Some(scope), &*request, async |tx| purchase.reserve(tx, customer.account.id, &selling).await)
            .await;
    selling.invoicing.iter().for_each(Invoicing::wake);
    bought
}

/// What can't be paid is not sold. Asked outside of the purchase's transaction, which holds up all other buyers.
async fn refuse_while_unpayable(selling: &Selling) -> Result<(), Problem> {
    let Some(invoicing) = &selling.invoicing else { return Ok(()) };
    invoicing.ready().await.map_err(|error| {
        tracing::warn!("a purchase is refused: {error}");
        let detail = "payments can't be taken at the moment; nothing was reserved: try again in a minute";
        Problem::new(Code::PaymentsUnavailable, detail).retry_after(60)
    })
}

/// The customer's contracts, newest first.
#[utoipa::path(tag = "contracts", security(("session" = [])), params(PageQuery), responses(
    (status = 200, body = Page<ContractView>),
    (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/contracts")]
pub(crate) async fn list_contracts(
    customer: Customer,
    state: Data<State>,
    page: Query<PageQuery>,
) -> Result<Json<Page<ContractView>>, Problem> {
    let limit = page.limit()?;
    let pool = state.database.pool();
    let rows = contracts::of_account(pool, customer.account.id, &page.created()?, limit + 1).await?;
    Ok(Json(view::page(pool, state.engine.published(), rows, limit).await?))
}

/// One contract.
#[utoipa::path(tag = "contracts", security(("session" = [])), responses(
    (status = 200, body = ContractView),
    (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/contracts/{id}")]
pub(crate) async fn read_contract(
    customer: Customer,
    state: Data<State>,
    id: Path<Uuid>,
) -> Result<Json<ContractView>, Problem> {
    let contract = own(&customer, &state, *id).await?;
    Ok(Json(view::with_claims(state.database.pool(), state.engine.published(), &contract).await?))
}

/// The contract's part of each closed epoch, newest first.
#[utoipa::path(tag = "contracts", security(("session" = [])), params(PageQuery), responses(
    (status = 200, body = Page<ContractEpochView>),
    (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/contracts/{id}/epochs")]
pub(crate) async fn list_contract_epochs(
    customer: Customer,
    state: Data<State>,
    id: Path<Uuid>,
    page: Query<PageQuery>,
) -> Result<Json<Page<ContractEpochView>>, Problem> {
    let contract = own(&customer, &state, *id).await?;
    let limit = page.limit()?;
    let before = page.number()?;
    let rows = match &contract.opened {
        None => Vec::new(),
        Some(opened) => {
            let pool = state.database.pool();
            let published = state.engine.published();
            epochs::contract_page(pool, &opened.contract_id, published, before, u64::from(limit) + 1).await?
        }
    };
    Ok(Json(Page::of(rows, limit, |row| row.epoch.to_string(), ContractEpochView::from)))
}

pub(super) async fn own(customer: &Customer, state: &State, id: Uuid) -> Result<Contract, Problem> {
    let contract = contracts::by_id(state.database.pool(), id).await?;
    contract.filter(|contract| contract.account_id == customer.account.id).ok_or_else(|| Problem::not_found("contract"))
}

impl From<ContractEpochRow> for ContractEpochView {
    fn from(row: ContractEpochRow) -> Self {
        Self { epoch: row.epoch, units_hs: row.units.to_string(), work: row.work.to_string() }
    }
}

/// The cursor of a contract in lists.
fn cursor(contract: &Contract) -> String {
    created_cursor(contract.created_ms, contract.id)
}
