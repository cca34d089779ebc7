//! Customers' accounts.

pub mod email;
pub mod password;

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::State;
use super::access::Customer;
use crate::clock::now_ms;
use crate::db::accounts::{self, Account};
use crate::problem::{Code, Problem, ProblemBody};
use email::Email;
use password::Password;

/// What a person signs up and signs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    #[schema(example = "customer@example.org")]
    pub email: String,
    /// 10 to 200 bytes.
    #[schema(format = Password)]
    pub password: String,
}

/// A customer's account.
#[derive(Serialize, ToSchema)]
pub struct AccountView {
    pub id: Uuid,
    pub email: String,
    pub created_ms: u64,
}

/// Creates an account.
///
/// Takes no Idempotency-Key: repeated, it answers `email_taken` and changes nothing, and a stored fingerprint of a
/// password would be a weak hash of it.
#[utoipa::path(tag = "account", request_body = Credentials, responses(
    (status = 201, body = AccountView),
    (status = 409, description = "email_taken", body = ProblemBody, content_type = "application/problem+json"),
    (status = 422, description = "invalid_request", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "rate_limited", body = ProblemBody, content_type = "application/problem+json"),
))]
#[post("/accounts")]
pub(crate) async fn create_account(
    request: HttpRequest,
    state: Data<State>,
    credentials: Json<Credentials>,
) -> Result<HttpResponse, Problem> {
    state.sign_in_rate.take(request.peer_addr(), now_ms())?;
    let (email, password) = parse(credentials.into_inner())?;
    let account = Account {
        id: Uuid::new_v4(),
        email: email.into_string(),
        password_hash: password.hash(&state.hashing).await?,
        created_ms: now_ms(),
    };
    if !accounts::create(state.database.pool(), &account).await? {
        return Err(Problem::new(Code::EmailTaken, "sign in instead, or use another e-mail address"));
    }
    Ok(HttpResponse::Created().json(AccountView::of(&account)))
}

/// The account that is signed in.
#[utoipa::path(tag = "account", security(("session" = [])), responses(
    (status = 200, body = AccountView),
    (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/account")]
pub(crate) async fn read_account(customer: Customer) -> Json<AccountView> {
    Json(AccountView::of(&customer.account))
}

impl AccountView {
    fn of(account: &Account) -> Self {
        Self { id: account.id, email: account.email.clone(), created_ms: account.created_ms }
    }
}

fn parse(credentials: Credentials) -> Result<(Email, Password), Problem> {
    match (Email::parse(&credentials.email), Password::parse(credentials.password)) {
        (Ok(email), Ok(password)) => Ok((email, password)),
        (email, password) => Err(Problem::invalid(email.err().into_iter().chain(password.err()).collect())),
    }
}
