//! Signing in and out.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, delete, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::State;
use super::access::{Customer, SESSION_COOKIE, new_session_token};
use super::accounts::Credentials;
use super::accounts::email::Email;
use super::accounts::password::Password;
use crate::clock::now_ms;
use crate::db::accounts::{self, Account, LoginSession};
use crate::problem::{Code, Problem, ProblemBody};

/// How long a session lasts. Two weeks: a buyer comes back within days, a stolen token doesn't live for months.
const SESSION_MS: u64 = 14 * 24 * 3_600_000;

/// A new session.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    /// For programs: send it as `Authorization: Bearer`. Browsers have it as a cookie that scripts can't read.
    pub token: String,
    pub expires_ms: u64,
}

/// Signs in: sets the session cookie and returns the same token for programs.
#[utoipa::path(tag = "account", request_body = Credentials, responses(
    (status = 201, body = SessionView),
    (status = 401, description = "wrong_credentials", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "rate_limited", body = ProblemBody, content_type = "application/problem+json"),
))]
#[post("/sessions")]
pub(crate) async fn sign_in(
    request: HttpRequest,
    state: Data<State>,
    credentials: Json<Credentials>,
) -> Result<HttpResponse, Problem> {
    state.sign_in_rate.take(request.peer_addr(), now_ms())?;
    let Some(account) = identify(&state, &credentials).await? else {
        state.metrics.refused_sign_ins.add();
        return Err(Problem::new(Code::WrongCredentials, "check the e-mail address and the password"));
    };
    let (token, token_hash) = new_session_token()?;
    let created_ms = now_ms();
    let expires_ms = created_ms + SESSION_MS;
    let session = LoginSession { token_hash, account_id: account.id, created_ms, expires_ms };
    accounts::open_session(&state.database, &session).await?;
    let cookie = cookie(&state, token.clone());
    Ok(HttpResponse::Created().cookie(cookie).json(SessionView { token, expires_ms }))
}

/// Signs out.
#[utoipa::path(tag = "account", security(("session" = [])), responses(
    (status = 204, description = "The session has ended"),
    (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
))]
#[delete("/sessions/current")]
pub(crate) async fn sign_out(state: Data<State>, customer: Customer) -> Result<HttpResponse, Problem> {
    accounts::close_session(state.database.pool(), &customer.token_hash).await?;
    let mut cookie = cookie(&state, String::new());
    cookie.make_removal();
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}

/// The account with these credentials; the work done is the same whether the address has one or not.
async fn identify(state: &State, credentials: &Credentials) -> Result<Option<Account>, Problem> {
    let account = match Email::parse(&credentials.email) {
        Ok(email) => accounts::by_email(state.database.pool(), email.as_str()).await?,
        Err(_) => None,
    };
    let stored = account.as_ref().map(|account| account.password_hash.clone());
    let right = Password::typed(&credentials.password).is(stored, &state.hashing).await?;
    Ok(account.filter(|_| right))
}

fn cookie(state: &State, token: String) -> Cookie<'static> {
    Cookie::build(SESSION_COOKIE, token)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(state.config.secure_cookies())
        .max_age(Duration::milliseconds(SESSION_MS as i64))
        .finish()
}
