//! How a contract is paid: where, how much, what came in, and what has become of it.

pub mod view;

use actix_web::get;
use actix_web::web::{Data, Json, Path, Query};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::State;
use super::access::{Customer, Operator};
use super::contracts::own;
use super::page::{Page, PageQuery, created_cursor};
use crate::db::invoices;
use crate::problem::{Problem, ProblemBody};
use view::{InvoiceStateView, InvoiceView};

/// Which invoices, and which page of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct InvoicesQuery {
    /// Only invoices in this state.
    pub state: Option<InvoiceStateView>,
    /// Items at most, 1 to 200, by default 50.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// The contract's invoice. There is none while the operator confirms payments by hand.
#[utoipa::path(tag = "contracts", security(("session" = [])), responses(
    (status = 200, body = InvoiceView),
    (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/contracts/{id}/invoice")]
pub(crate) async fn read_invoice(
    customer: Customer,
    state: Data<State>,
    id: Path<Uuid>,
) -> Result<Json<InvoiceView>, Problem> {
    let contract = own(&customer, &state, *id).await?;
    let invoice = invoices::by_contract(state.database.pool(), contract.id).await?;
    let invoice = invoice.ok_or_else(|| Problem::not_found("invoice"))?;
    Ok(Json(view::read(state.database.pool(), &invoice).await?))
}

/// All customers' invoices, newest first.
#[utoipa::path(tag = "operator", security(("operator" = [])), params(InvoicesQuery), responses(
    (status = 200, body = Page<InvoiceView>),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/admin/invoices")]
pub(crate) async fn list_invoices(
    _operator: Operator,
    state: Data<State>,
    query: Query<InvoicesQuery>,
) -> Result<Json<Page<InvoiceView>>, Problem> {
    let InvoicesQuery { state: wanted, limit, cursor } = query.into_inner();
    let page = PageQuery { limit, cursor };
    let (limit, cursor) = (page.limit()?, page.created()?);
    let pool = state.database.pool();
    let rows = invoices::list(pool, wanted.map(invoices::State::from), &cursor, limit + 1).await?;
    let mut views = Vec::with_capacity(rows.len());
    for invoice in rows {
        views.push(view::read(pool, &invoice).await?);
    }
    Ok(Json(Page::of(views, limit, |view| created_cursor(view.created_ms, view.contract_id), |view| view)))
}
