//! Lots: who may mine, with what secret, and what came of it.

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpResponse, get, post};
use audit_core::hash::{Hash32, sha256};
use pool_core::LotStats;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::State;
use crate::api::access::Operator;
use crate::api::page::{Page, PageQuery};
use crate::clock::now_ms;
use crate::db::lots::{self, Lot};
use crate::problem::{Code, FieldError, Problem, ProblemBody};

/// Longest name, so that a worker's name fits behind it in the 64 bytes of a login.
const NAME_MAX: usize = 40;

/// A lot to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LotRequest {
    /// 1 to 40 of `A-Z a-z 0-9 _ -`; logins are this, a dot and a worker's name.
    #[schema(example = "nicehash-7")]
    pub name: String,
}

/// A lot's secret, which is told only here.
#[derive(Serialize, ToSchema)]
pub struct LotSecretView {
    pub name: String,
    /// The password of every login for this lot.
    #[schema(format = Password)]
    pub secret: String,
    pub created_ms: u64,
}

/// A lot, and what its rigs have brought since `counted_since_ms`, when the server started.
#[derive(Serialize, ToSchema)]
pub struct LotView {
    pub name: String,
    pub created_ms: u64,
    /// When it was closed; null while logins are admitted.
    pub closed_ms: Option<u64>,
    pub counted_since_ms: u64,
    /// Workers that are logged in now.
    pub workers: u64,
    /// Submissions of logged-in workers: `accepted` and all of `rejected`.
    pub received: u64,
    pub accepted: u64,
    /// Work of the accepted ones.
    pub work: String,
    /// Reasons that occurred.
    pub rejected: Vec<RejectedView>,
    /// Logins by what the rigs call their software; 32 names at most, all others together as `others`.
    pub agents: Vec<AgentView>,
}

/// How often rigs with this software have logged in.
#[derive(Serialize, ToSchema)]
pub struct AgentView {
    #[schema(example = "cgminer/4.12.1")]
    pub agent: String,
    pub logins: u64,
}

/// How often submissions were rejected for one reason.
#[derive(Serialize, ToSchema)]
pub struct RejectedView {
    /// As in an epoch's `rejects.json`.
    #[schema(example = "above_target")]
    pub reason: &'static str,
    pub count: u64,
}

/// Registers a lot and draws its secret.
///
/// Takes no Idempotency-Key: repeated, it answers `name_taken` and changes nothing, and a stored answer would be a stored
/// secret.
#[utoipa::path(tag = "operator", security(("operator" = [])), request_body = LotRequest, responses(
    (status = 201, body = LotSecretView),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
    (status = 409, description = "name_taken", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "invalid_request", body = ProblemBody, content_type = "application/problem+json"),
))]
#[post("/admin/lots")]
pub(crate) async fn create_lot(
    _operator: Operator,
    state: Data<State>,
    request: Json<LotRequest>,
) -> Result<HttpResponse, Problem> {
    let name = parse(request.into_inner())?;
    let secret = new_secret()?;
    let secret_hash = Hash32(sha256(secret.as_bytes()));
    let lot = Lot { name, secret_hash, created_ms: now_ms(), closed_ms: None };
    if !lots::create(state.database.pool(), &lot).await? {
        return Err(Problem::new(Code::NameTaken, "a lot has or had this name: its shares must stay its own"));
    }
    state.lots.open(&lot.name, lot.secret_hash);
    Ok(HttpResponse::Created().json(LotSecretView { name: lot.name, secret, created_ms: lot.created_ms }))
}

/// The registered lots by name, with what each has brought.
#[utoipa::path(tag = "operator", security(("operator" = [])), params(PageQuery), responses(
    (status = 200, body = Page<LotView>),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/admin/lots")]
pub(crate) async fn list_lots(
    _operator: Operator,
    state: Data<State>,
    page: Query<PageQuery>,
) -> Result<Json<Page<LotView>>, Problem> {
    let limit = page.limit()?;
    let after = page.name()?.unwrap_or_default();
    let rows = lots::list(state.database.pool(), &after, limit + 1).await?;
    Ok(Json(Page::of(rows, limit, |lot| lot.name.clone(), |lot| LotView::of(lot, &state))))
}

/// Closes a lot: further logins are refused, who is logged in goes on. Repeated, it changes nothing.
#[utoipa::path(tag = "operator", security(("operator" = [])), responses(
    (status = 200, body = LotView),
    (status = 401, description = "operator_only", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
))]
#[post("/admin/lots/{name}/close")]
pub(crate) async fn close_lot(
    _operator: Operator,
    state: Data<State>,
    name: Path<String>,
) -> Result<Json<LotView>, Problem> {
    // PostgreSQL's texts can't hold a NUL, so a name that no lot can have is not asked for.
    let name = Some(name.into_inner()).filter(|name| is_name(name));
    let lot = match name {
        Some(name) => lots::close(state.database.pool(), &name, now_ms()).await?,
        None => None,
    };
    let lot = lot.ok_or_else(|| Problem::new(Code::NotFound, "there is no lot of this name"))?;
    state.lots.close(&lot.name);
    Ok(Json(LotView::of(lot, &state)))
}

impl LotView {
    fn of(lot: Lot, state: &State) -> Self {
        let LotStats { workers, leg } = state.lots.stats(&lot.name).unwrap_or_default();
        Self {
            name: lot.name,
            created_ms: lot.created_ms,
            closed_ms: lot.closed_ms,
            counted_since_ms: state.started_ms,
            workers: workers as u64,
            received: leg.received(),
            accepted: leg.accepted,
            work: leg.work.to_string(),
            rejected: leg.rejected.iter().map(|(reason, count)| RejectedView::of(*reason, *count)).collect(),
            agents: leg.agents.into_iter().map(|(agent, logins)| AgentView { agent, logins }).collect(),
        }
    }
}

impl RejectedView {
    fn of(reason: pool_core::RejectReason, count: u64) -> Self {
        Self { reason: reason.name(), count }
    }
}

fn parse(request: LotRequest) -> Result<String, Problem> {
    if is_name(&request.name) {
        return Ok(request.name);
    }
    Err(Problem::invalid(vec![FieldError::new("name", "must be 1 to 40 of A-Z a-z 0-9 _ -")]))
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

/// 128 bits from the system's generator as hex: short enough for the password fields of rental markets.
fn new_secret() -> Result<String, Problem> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(Problem::internal)?;
    Ok(hex::encode(bytes))
}
