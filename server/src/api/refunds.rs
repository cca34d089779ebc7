//! What customers are owed back, where they want it, and the payments with which the operator gave it back.

mod record;

use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get, post, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::State;
use super::access::{Customer, Operator};
use super::addresses::{self, StandardAddress};
use super::idempotent::{Key, once};
use super::page::{Page, PageQuery, created_cursor};
use crate::clock::now_ms;
use crate::db::Database;
use crate::db::refunds::{self, OwedBack, Refund};
use crate::problem::{Problem, ProblemBody};
use record::Recording;
pub use record::RefundRequest;

/// Who acts with the operator's token.
const PRINCIPAL: &str = "operator";

/// What an account is owed back.
#[derive(Serialize, ToSchema)]
pub struct RefundsView {
    /// Paid above prices or too late, and not given back.
    pub owed_sats: u64,
    /// Of it on its way: the operator has named a payment that is not deep enough yet.
    pub on_its_way_sats: u64,
    /// Where it is wanted; null until the customer has chosen an address of the account's list.
    pub address: Option<String>,
    /// Oldest first.
    pub refunds: Vec<RefundView>,
}

/// An account that is owed something back.
#[derive(Serialize, ToSchema)]
pub struct OwedBackView {
    pub account_id: Uuid,
    pub owed_sats: u64,
    pub on_its_way_sats: u64,
    /// Where it is wanted; null until the customer has said so.
    pub address: Option<String>,
}

/// A payment that gave something back.
#[derive(Serialize, ToSchema)]
pub struct RefundView {
    pub id: Uuid,
    pub account_id: Uuid,
    pub address: String,
    pub refund_sats: u64,
    /// The output that pays it, as `txid:vout`.
    pub output: String,
    /// `recorded`, `confirmed`, `booked`, or `wrong` when the output pays otherwise than it was said to.
    #[schema(example = "confirmed")]
    pub state: &'static str,
    pub recorded_ms: u64,
    /// Height of the block that it is in.
    pub height: Option<u32>,
}

/// Where refunds are wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundAddressRequest {
    /// An address of the account's list that can be used.
    pub address: String,
}

/// What the account is owed back, and what it got back.
#[utoipa::path(tag = "account", security(("session" = [])), responses(
    (status = 200, body = RefundsView),
    (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/account/refunds")]
pub(crate) async fn read_refunds(customer: Customer, state: Data<State>) -> Result<Json<RefundsView>, Problem> {
    Ok(Json(of_account(&state.database, customer.account.id).await?))
}

/// Says where refunds are wanted: an address of the account's list that can be used.
#[utoipa::path(tag = "account", security(("session" = [])), request_body = RefundAddressRequest, responses(
    (status = 200, body = RefundsView),
    (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "address_not_listed, address_on_hold", body = ProblemBody,
     content_type = "application/problem+json"),
    (status = 422, description = "invalid_request", body = ProblemBody, content_type = "application/problem+json"),
))]
#[put("/account/refund-address")]
pub(crate) async fn choose_refund_address(
    customer: Customer,
    state: Data<State>,
    request: Json<RefundAddressRequest>,
) -> Result<Json<RefundsView>, Problem> {
    let address = StandardAddress::parse("address", &request.address, state.config.node.network);
    let address = address.map_err(|error| Problem::invalid(vec![error]))?;
    let mut tx = state.database.begin().await?;
    addresses::allow(&mut tx, customer.account.id, &address, state.config.payments.address_hold_ms()).await?;
    refunds::choose_address(&mut tx, customer.account.id, address.script.as_bytes(), now_ms()).await?;
    tx.commit().await?;
    Ok(Json(of_account(&state.database, customer.account.id).await?))
}

/// The accounts that are owed something back, by id.
#[utoipa::path(tag = "operator", security(("operator" = [])), params(PageQuery), responses(
    (status = 200, body = Page<OwedBackView>),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/admin/refunds/owed")]
pub(crate) async fn list_owed_refunds(
    _operator: Operator,
    state: Data<State>,
    page: Query<PageQuery>,
) -> Result<Json<Page<OwedBackView>>, Problem> {
    let limit = page.limit()?;
    let rows = refunds::owed_back(state.database.pool(), &page.name()?.unwrap_or_default(), limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.account_id.to_string(), OwedBackView::from)))
}

/// Refunds, newest first.
#[utoipa::path(tag = "operator", security(("operator" = [])), params(PageQuery), responses(
    (status = 200, body = Page<RefundView>),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/admin/refunds")]
pub(crate) async fn list_refunds(
    _operator: Operator,
    state: Data<State>,
    page: Query<PageQuery>,
) -> Result<Json<Page<RefundView>>, Problem> {
    let limit = page.limit()?;
    let rows = refunds::list(state.database.pool(), &page.created()?, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| created_cursor(row.recorded_ms, row.id), RefundView::from)))
}

/// Names the output with which the operator gives back what an account is owed. It is looked for on the chain, from a day
/// ago on, and booked when it is six blocks deep and pays exactly this.
#[utoipa::path(tag = "operator", security(("operator" = [])), request_body = RefundRequest,
    params(("Idempotency-Key" = String, Header, description = "The same for each repeat of this recording")),
    responses(
        (status = 201, body = RefundView),
        (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "no_refund_address, refund_recorded", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 422, description = "invalid_request", body = ProblemBody, content_type = "application/problem+json"),
    ))]
#[post("/admin/refunds")]
pub(crate) async fn record_refund(
    _operator: Operator,
    state: Data<State>,
    key: Key,
    request: Json<RefundRequest>,
) -> Result<HttpResponse, Problem> {
    let recording = Recording::parse(&request)?;
    let height = state.engine.node().tip().await.map_err(Problem::internal)?.height;
    once(&state, Some(key.scope(PRINCIPAL.into())), &*request, async |tx| recording.record(tx, height).await).await
}

async fn of_account(database: &Database, account_id: Uuid) -> Result<RefundsView, Problem> {
    let all = refunds::of_account(database.pool(), account_id).await?;
    let mut tx = database.begin().await?;
    let address = refunds::address_of(&mut tx, account_id).await?;
    let open = refunds::owed_to(&mut tx, account_id).await?.get();
    let on_its_way_sats = all.iter().filter(|refund| refund.state.is_open()).map(|refund| refund.amount.get()).sum();
    Ok(RefundsView {
        owed_sats: open + on_its_way_sats,
        on_its_way_sats,
        address: address.map(|address| address.address),
        refunds: all.into_iter().map(RefundView::from).collect(),
    })
}

impl From<OwedBack> for OwedBackView {
    fn from(owed: OwedBack) -> Self {
        let OwedBack { account_id, owed, on_its_way, address } = owed;
        Self { account_id, owed_sats: owed.get(), on_its_way_sats: on_its_way.get(), address }
    }
}

impl From<Refund> for RefundView {
    fn from(refund: Refund) -> Self {
        Self {
            id: refund.id,
            account_id: refund.account_id,
            address: refund.address,
            refund_sats: refund.amount.get(),
            output: refund.output.to_string(),
            state: refund.state.as_str(),
            recorded_ms: refund.recorded_ms,
            height: refund.block.map(|(height, _)| height),
        }
    }
}
