//! The operator's routes of payouts, and the approver's one.

mod view;

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpResponse, get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::State;
use crate::api::access::{Approver, Operator};
use crate::api::page::{Page, PageQuery};
use crate::db::payouts;
use crate::payouts::{FeeRate, KeyError, Payouts, Refused};
use crate::problem::{Code, FieldError, Problem, ProblemBody};

pub use view::{PayoutDetailView, PayoutView, PsbtView};

/// A signed PSBT.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedPsbtRequest {
    /// BIP 174, base64.
    pub psbt: String,
}

/// A higher fee.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BumpRequest {
    /// Satoshis per 1,000 virtual bytes, at most the cap.
    pub fee_rate_sats_per_kvb: u64,
}

/// What planning came to.
#[derive(Serialize, ToSchema)]
pub struct PlannedView {
    /// The payout's number; null when nobody is due or the coins don't suffice.
    pub payout: Option<u64>,
}

/// Payouts, newest first.
#[utoipa::path(tag = "operator", security(("operator" = [])), params(PageQuery), responses(
    (status = 200, body = Page<PayoutView>),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/admin/payouts")]
pub(crate) async fn list_payouts(
    _operator: Operator,
    state: Data<State>,
    page: Query<PageQuery>,
) -> Result<Json<Page<PayoutView>>, Problem> {
    let limit = page.limit()?;
    let rows = payouts::page(state.database.pool(), page.number()?, u64::from(limit) + 1).await?;
    Ok(Json(Page::of(rows, limit, |row| row.payout.to_string(), |row| PayoutView::of(&row))))
}

/// One payout with its transactions and whom it pays.
#[utoipa::path(tag = "operator", security(("operator" = [])), responses(
    (status = 200, body = PayoutDetailView),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/admin/payouts/{number}")]
pub(crate) async fn read_payout(
    _operator: Operator,
    state: Data<State>,
    number: Path<u64>,
) -> Result<Json<PayoutDetailView>, Problem> {
    Ok(Json(detail(&state, *number).await?))
}

/// Plans the next payout now instead of at its time. Repeated, it plans what is due then, which the first one paid already.
#[utoipa::path(tag = "operator", security(("operator" = [])), responses(
    (status = 200, body = PlannedView),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "payouts_off", body = ProblemBody, content_type = "application/problem+json"),
))]
#[post("/admin/payouts")]
pub(crate) async fn plan_payout(_operator: Operator, state: Data<State>) -> Result<Json<PlannedView>, Problem> {
    let payout = payouts_of(&state)?.plan_now().await.map_err(refused)?;
    Ok(Json(PlannedView { payout }))
}

/// A second person agrees to a payout above the limit. Needs the approver's token, not the operator's.
#[utoipa::path(tag = "operator", security(("approver" = [])), responses(
    (status = 200, body = PayoutDetailView),
    (status = 401, description = "approver_only", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "payout_state, payouts_off", body = ProblemBody, content_type = "application/problem+json"),
))]
#[post("/admin/payouts/{number}/approve")]
pub(crate) async fn approve_payout(
    _approver: Approver,
    state: Data<State>,
    number: Path<u64>,
) -> Result<Json<PayoutDetailView>, Problem> {
    payouts_of(&state)?.approve(*number).await.map_err(refused)?;
    Ok(Json(detail(&state, *number).await?))
}

/// Gives up a payout that nobody can have signed.
#[utoipa::path(tag = "operator", security(("operator" = [])), responses(
    (status = 200, body = PayoutDetailView),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "payout_state, payouts_off", body = ProblemBody, content_type = "application/problem+json"),
))]
#[post("/admin/payouts/{number}/cancel")]
pub(crate) async fn cancel_payout(
    _operator: Operator,
    state: Data<State>,
    number: Path<u64>,
) -> Result<Json<PayoutDetailView>, Problem> {
    payouts_of(&state)?.cancel(*number).await.map_err(refused)?;
    Ok(Json(detail(&state, *number).await?))
}

/// Hands out a planned payout to be signed elsewhere. From then on it can't be cancelled. Repeated, it gives the same.
#[utoipa::path(tag = "operator", security(("operator" = [])), responses(
    (status = 200, body = PsbtView),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "payout_state, payouts_off", body = ProblemBody, content_type = "application/problem+json"),
))]
#[post("/admin/payouts/{number}/hand-out")]
pub(crate) async fn hand_out_payout(
    _operator: Operator,
    state: Data<State>,
    number: Path<u64>,
) -> Result<Json<PsbtView>, Problem> {
    let attempt = payouts_of(&state)?.hand_out(*number).await.map_err(refused)?;
    Ok(Json(PsbtView::of(&attempt)))
}

/// Takes in a payout that was signed elsewhere; every signature is verified. The server broadcasts it.
#[utoipa::path(tag = "operator", security(("operator" = [])), request_body = SignedPsbtRequest, responses(
    (status = 200, body = PayoutDetailView),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "payout_state, payouts_off", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "invalid_request", body = ProblemBody, content_type = "application/problem+json"),
))]
#[post("/admin/payouts/{number}/signed")]
pub(crate) async fn take_in_payout(
    _operator: Operator,
    state: Data<State>,
    number: Path<u64>,
    request: Json<SignedPsbtRequest>,
) -> Result<HttpResponse, Problem> {
    let psbt = STANDARD.decode(request.psbt.trim());
    let psbt = psbt.map_err(|_| Problem::invalid(vec![FieldError::new("psbt", "must be base64")]))?;
    payouts_of(&state)?.take_in(*number, &psbt).await.map_err(refused)?;
    Ok(HttpResponse::Ok().json(detail(&state, *number).await?))
}

/// Replaces a payout's transaction by one with a higher fee, which is signed like the first one.
#[utoipa::path(tag = "operator", security(("operator" = [])), request_body = BumpRequest, responses(
    (status = 200, body = PayoutDetailView),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "payout_state, payouts_off", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "invalid_request", body = ProblemBody, content_type = "application/problem+json"),
))]
#[post("/admin/payouts/{number}/bump")]
pub(crate) async fn bump_payout(
    _operator: Operator,
    state: Data<State>,
    number: Path<u64>,
    request: Json<BumpRequest>,
) -> Result<Json<PayoutDetailView>, Problem> {
    let rate = FeeRate::new(request.fee_rate_sats_per_kvb);
    let least = || Problem::invalid(vec![FieldError::new("fee_rate_sats_per_kvb", "must be at least 1000")]);
    payouts_of(&state)?.bump(*number, rate.ok_or_else(least)?).await.map_err(refused)?;
    Ok(Json(detail(&state, *number).await?))
}

fn payouts_of(state: &State) -> Result<&Payouts, Problem> {
    let off = || Problem::new(Code::PayoutsOff, "start the server with --payout-key or --payout-descriptor");
    state.engine.payouts().ok_or_else(off)
}

async fn detail(state: &State, number: u64) -> Result<PayoutDetailView, Problem> {
    let pool = state.database.pool();
    let payout = payouts::by_number(pool, number).await?.ok_or_else(|| Problem::not_found("payout"))?;
    let (rows, attempts) = (payouts::rows(pool, number).await?, payouts::attempts(pool, number).await?);
    Ok(PayoutDetailView::of(&payout, &rows, &attempts))
}

fn refused(refusal: Refused) -> Problem {
    match refusal {
        Refused::Unknown => Problem::not_found("payout"),
        Refused::State(detail) => Problem::new(Code::PayoutState, detail),
        Refused::Signatures(error @ (KeyError::Unsigned(_) | KeyError::OtherTransaction(_))) => {
            Problem::invalid(vec![FieldError::new("psbt", error.to_string())])
        }
        failed => Problem::internal(failed),
    }
}
