//! Who is asking. A request function that needs a permission takes it as a parameter, and the value can only come from here.

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use audit_core::hash::{Hash32, sha256};
use futures_util::future::LocalBoxFuture;

use super::State;
use crate::clock::now_ms;
use crate::db::accounts::{self, Account};
use crate::problem::{Code, Problem};

/// Name of the session cookie. Scripts can't read it and other sites can't send it (HttpOnly, SameSite=Strict).
pub const SESSION_COOKIE: &str = "provenhash_session";

/// A signed-in customer.
pub struct Customer {
    pub account: Account,
    /// Names the session in the database.
    pub(super) token_hash: Hash32,
}

/// The operator: whoever has the operator token.
pub struct Operator(());

/// The person who approves payouts: whoever has the approver's token.
pub struct Approver(());

/// The operator's token, kept as its hash.
#[derive(Clone)]
pub struct OperatorToken(Hash32);

impl OperatorToken {
    pub fn new(token: &str) -> Self {
        Self(Hash32(sha256(token.as_bytes())))
    }

    /// The token with this SHA-256.
    fn of_hash(hash: Hash32) -> Self {
        Self(hash)
    }

    /// Compares hashes in constant time: neither the token's length nor a common prefix shows in the time it takes.
    fn matches(&self, token: &str) -> bool {
        let given = sha256(token.as_bytes());
        self.0.0.iter().zip(given).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
    }
}

/// A new session token, 256 bits from the system's generator as hex, and the hash it is stored under.
pub(super) fn new_session_token() -> Result<(String, Hash32), Problem> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(Problem::internal)?;
    let token = hex::encode(bytes);
    let hash = token_hash(&token);
    Ok((token, hash))
}

/// What a session token is stored as. One plain hash is enough, the token has 256 bits of entropy.
fn token_hash(token: &str) -> Hash32 {
    Hash32(sha256(token.as_bytes()))
}

impl FromRequest for Customer {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = bearer(request).or_else(|| request.cookie(SESSION_COOKIE).map(|cookie| cookie.value().to_owned()));
        let state = request.app_data::<Data<State>>().cloned();
        Box::pin(async move {
            let state = state.ok_or_else(|| Problem::internal("the application has no state"))?;
            let token = token.ok_or_else(unauthenticated)?;
            let token_hash = token_hash(&token);
            let account = accounts::by_session(state.database.pool(), &token_hash, now_ms()).await?;
            let account = account.ok_or_else(unauthenticated)?;
            Ok(Self { account, token_hash })
        })
    }
}

impl FromRequest for Operator {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let allowed = match (request.app_data::<Data<State>>(), bearer(request)) {
            (Some(state), Some(token)) => state.operator_token.matches(&token),
            _ => false,
        };
        let refusal = || Problem::new(Code::OperatorOnly, "send the operator's token as Authorization: Bearer");
        std::future::ready(if allowed { Ok(Self(())) } else { Err(refusal()) })
    }
}

impl FromRequest for Approver {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    /// The operator's own token is never enough: two people agree, or there is nothing to agree to.
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<Data<State>>();
        let allowed = match (state.and_then(|state| state.config.payouts.approver_token_sha256), bearer(request)) {
            (Some(hash), Some(token)) => OperatorToken::of_hash(hash).matches(&token),
            _ => false,
        };
        let refusal = || Problem::new(Code::ApproverOnly, "send the approver's token as Authorization: Bearer");
        std::future::ready(if allowed { Ok(Self(())) } else { Err(refusal()) })
    }
}

fn unauthenticated() -> Problem {
    Problem::new(Code::Unauthenticated, "sign in with POST /api/v1/sessions; the session may have expired")
}

fn bearer(request: &HttpRequest) -> Option<String> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}
