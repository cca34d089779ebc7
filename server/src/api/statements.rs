//! Statements for customers, and the whole book for the operator.

use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpResponse, get};
use futures_util::stream;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::State;
use super::access::{Customer, Operator};
use crate::db::ledger::{self, After};
use crate::problem::{Code, Problem, ProblemBody};
use crate::statements::{Month, Statement, ledger_header, ledger_row};

/// The page has its own style and nothing else.
const STATEMENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
/// Transactions of the book that are read at a time.
const PAGE: u32 = 500;

/// In which form.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct StatementQuery {
    /// `csv` (by default) or `html`.
    #[serde(default)]
    #[param(inline)]
    pub format: StatementFormat,
}

/// What a statement is written as.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatementFormat {
    /// For spreadsheets and programs.
    #[default]
    Csv,
    /// For people, ready to be printed.
    Html,
}

/// What the account's contracts were credited and paid in a month (UTC), for example `2026-11`.
#[utoipa::path(tag = "account", security(("session" = []), ("session_cookie" = [])), params(StatementQuery), responses(
    (status = 200, description = "the statement", body = String, content_type = "text/csv"),
    (status = 400, description = "bad_query", body = ProblemBody, content_type = "application/problem+json"),
    (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/account/statements/{month}")]
pub(crate) async fn read_statement(
    customer: Customer,
    state: Data<State>,
    month: Path<String>,
    query: Query<StatementQuery>,
) -> Result<HttpResponse, Problem> {
    let no_month = |_| Problem::new(Code::BadQuery, "the month must be of the form 2026-11");
    let month: Month = month.parse().map_err(no_month)?;
    let account = (customer.account.id, customer.account.email.clone());
    let statement = Statement::read(state.database.pool(), account, month, state.engine.published()).await?;
    Ok(match query.format {
        StatementFormat::Csv => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
            .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"statement-{month}.csv\"")))
            .body(statement.csv()),
        StatementFormat::Html => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((CONTENT_SECURITY_POLICY, STATEMENT_POLICY))
            .body(statement.html()),
    })
}

/// Every posting of the ledger, oldest first, as CSV.
#[utoipa::path(tag = "operator", security(("operator" = [])), responses(
    (status = 200, description = "the whole book", body = String, content_type = "text/csv"),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/admin/ledger/export")]
pub(crate) async fn export_ledger(_operator: Operator, state: Data<State>) -> HttpResponse {
    // As long as the book is, a page at a time is in memory.
    let pages = stream::try_unfold((state, Some(After::default())), |(state, after)| async move {
        let Some(after) = after else { return Ok::<_, actix_web::Error>(None) };
        let lines = ledger::lines(state.database.pool(), &after, PAGE).await.map_err(Problem::from)?;
        let next =
            lines.last().map(|line| After { created_ms: line.created_ms, transaction: line.transaction.clone() });
        let mut text = if after == After::default() { ledger_header() } else { String::new() };
        text.extend(lines.iter().map(ledger_row));
        Ok(Some((Bytes::from(text), (state, next))))
    });
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"ledger.csv\""))
        .streaming(pages)
}
