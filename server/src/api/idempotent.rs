//! Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): a mutation with a key happens once, and every repeat
//! of the request gets the first answer with `Idempotency-Replayed: true`.
//!
//! Key, effect and answer commit in one transaction. Refusals are not stored: a corrected request may use the key.

use std::collections::HashSet;
use std::future::{Ready, ready};
use std::sync::Mutex;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use audit_core::hash::{Hash32, sha256};
use serde::Serialize;

use super::State;
use crate::clock::now_ms;
use crate::db::Tx;
use crate::db::idempotency::{self, Answer, Scope, Start};
use crate::problem::{Code, Problem};

/// Name of the header with the client's key.
const HEADER: &str = "Idempotency-Key";

/// The key of a route that needs one, with the route it is for.
pub struct Key {
    key: String,
    route: String,
}

/// The key of a route that works without one.
pub struct OptionalKey(pub Option<Key>);

/// An answer that can be stored and given again.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    body: String,
}

/// Keys at work in this process.
#[derive(Debug, Default)]
pub struct InFlight(Mutex<HashSet<Scope>>);

/// Takes its key out of [`InFlight`] when dropped.
struct Turn<'a> {
    in_flight: &'a InFlight,
    scope: &'a Scope,
}

impl Key {
    /// The key as it is stored: unique for each account (or the operator) and route.
    pub fn scope(self, principal: String) -> Scope {
        Scope { principal, route: self.route, key: self.key }
    }
}

impl Reply {
    pub fn new(status: StatusCode, body: &impl Serialize) -> Result<Self, Problem> {
        Ok(Self { status, body: serde_json::to_string(body).map_err(Problem::internal)? })
    }

    fn respond(self, replayed: bool) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.content_type("application/json");
        if replayed {
            response.insert_header(("Idempotency-Replayed", "true"));
        }
        response.body(self.body)
    }
}

/// Runs `effect` in a transaction with its key, or gives the stored answer. Without a scope it only runs the effect.
///
/// Nothing is stored when the effect refuses.
pub async fn once(
    state: &State,
    scope: Option<Scope>,
    request: &impl Serialize,
    effect: impl AsyncFnOnce(&mut Tx) -> Result<Reply, Problem>,
) -> Result<HttpResponse, Problem> {
    let Some(scope) = scope else { return run(state, effect).await };
    let fingerprint = Hash32(sha256(&serde_json::to_vec(request).map_err(Problem::internal)?));
    let _turn = state.in_flight.enter(&scope)?;
    let mut tx = state.database.begin().await?;
    match idempotency::start(&mut tx, &scope, &fingerprint, now_ms()).await? {
        Start::Fresh => {
            let reply = effect(&mut tx).await?;
            let answer = Answer { status: reply.status.as_u16(), body: reply.body.clone() };
            idempotency::finish(&mut tx, &scope, &answer).await?;
            tx.commit().await?;
            Ok(reply.respond(false))
        }
        Start::Answered(answer) => {
            let status = StatusCode::from_u16(answer.status).map_err(Problem::internal)?;
            Ok(Reply { status, body: answer.body }.respond(true))
        }
        Start::OtherRequest => Err(Problem::new(
            Code::IdempotencyKeyReused,
            "this Idempotency-Key belongs to a request with other content: use a new key",
        )),
    }
}

async fn run(
    state: &State,
    effect: impl AsyncFnOnce(&mut Tx) -> Result<Reply, Problem>,
) -> Result<HttpResponse, Problem> {
    let mut tx = state.database.begin().await?;
    let reply = effect(&mut tx).await?;
    tx.commit().await?;
    Ok(reply.respond(false))
}

impl InFlight {
    fn enter<'a>(&'a self, scope: &'a Scope) -> Result<Turn<'a>, Problem> {
        if self.keys().insert(scope.clone()) {
            return Ok(Turn { in_flight: self, scope });
        }
        let detail = "a request with this Idempotency-Key is still at work: ask again in a moment";
        Err(Problem::new(Code::IdempotencyInFlight, detail).retry_after(1))
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, HashSet<Scope>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.in_flight.keys().remove(self.scope);
    }
}

impl FromRequest for Key {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let missing = "send an Idempotency-Key header, a fresh random one for each new intention";
        ready(key(request).and_then(|key| key.ok_or_else(|| Problem::new(Code::IdempotencyKeyMissing, missing))))
    }
}

impl FromRequest for OptionalKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(key(request).map(Self))
    }
}

fn key(request: &HttpRequest) -> Result<Option<Key>, Problem> {
    let Some(value) = request.headers().get(HEADER) else { return Ok(None) };
    let bytes = value.as_bytes();
    if !(1..=255).contains(&bytes.len()) || !bytes.iter().all(u8::is_ascii_graphic) {
        return Err(Problem::new(Code::IdempotencyKeyInvalid, "1 to 255 printable ASCII characters without spaces"));
    }
    let key = String::from_utf8_lossy(bytes).into_owned();
    Ok(Some(Key { key, route: format!("{} {}", request.method(), request.path()) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_in_flight_until_its_turn_ends() {
        let in_flight = InFlight::default();
        let scope = Scope { principal: "operator".into(), route: "POST /x".into(), key: "1".into() };
        let turn = in_flight.enter(&scope).ok().unwrap();
        assert_eq!(in_flight.enter(&scope).err().unwrap().code(), Code::IdempotencyInFlight);
        drop(turn);
        assert!(in_flight.enter(&scope).is_ok());
    }
}
