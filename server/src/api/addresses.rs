//! Whom an account may be paid to: a list that only the password extends, and that takes a while to do so.
//!
//! Whoever gets hold of a session can't send what an account gets elsewhere, and whoever gets hold of the password can't for
//! a day, in which its owner may see it. Contracts keep the script that they were bought with, whatever becomes of the list.

mod standard;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::State;
use super::access::Customer;
use super::accounts::password::Password;
use crate::clock::now_ms;
use crate::db::Tx;
use crate::db::addresses::{self, ListedAddress};
use crate::problem::{Code, FieldError, Problem, ProblemBody};

pub use standard::StandardAddress;

/// Addresses on one list.
const LISTED: u64 = 50;
/// Longest label, in characters.
const LABEL_MAX: usize = 60;

/// An address to be put on the list.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressRequest {
    /// An address of the log's network.
    pub address: String,
    /// Your own word for it, at most 60 characters.
    #[serde(default)]
    pub label: String,
    /// The account's password, again.
    #[schema(format = Password)]
    pub password: String,
}

/// An address that is or was on the list.
#[derive(Serialize, ToSchema)]
pub struct AddressView {
    pub address: String,
    pub label: String,
    pub added_ms: u64,
    /// From then on it can be used.
    pub usable_ms: u64,
    /// Since when it is off the list again; null while it is on it.
    pub removed_ms: Option<u64>,
}

/// The account's addresses.
#[derive(Serialize, ToSchema)]
pub struct AddressesView {
    /// The server's clock, which decides what can be used.
    pub now_ms: u64,
    /// How long an address that is added now can't be used. With 0 a purchase adds its payout address by itself; else it
    /// has to be on the list.
    pub hold_ms: u64,
    /// On the list now, oldest first.
    pub listed: Vec<AddressView>,
    /// No longer on it.
    pub removed: Vec<AddressView>,
}

/// Whom the account may be paid to, and who it was before.
#[utoipa::path(tag = "account", security(("session" = [])), responses(
    (status = 200, body = AddressesView),
    (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/account/addresses")]
pub(crate) async fn list_addresses(customer: Customer, state: Data<State>) -> Result<Json<AddressesView>, Problem> {
    let trail = addresses::trail(state.database.pool(), customer.account.id).await?;
    let hold_ms = hold_of_next(trail.len() as u64, state.config.payments.address_hold_ms());
    let (listed, removed) = trail.into_iter().partition::<Vec<_>, _>(|address| address.removed_ms.is_none());
    let views = |addresses: Vec<ListedAddress>| addresses.into_iter().map(AddressView::from).collect();
    Ok(Json(AddressesView { now_ms: now_ms(), hold_ms, listed: views(listed), removed: views(removed) }))
}

/// Puts an address on the list. It can be used after a while (a day by default); an account's first one at once.
///
/// Takes no Idempotency-Key: repeated, it answers `address_listed` and changes nothing.
#[utoipa::path(tag = "account", security(("session" = [])), request_body = AddressRequest, responses(
    (status = 201, body = AddressView),
    (status = 401, description = "unauthenticated, wrong_credentials", body = ProblemBody,
     content_type = "application/problem+json"),
    (status = 409, description = "address_listed, too_many_addresses", body = ProblemBody,
     content_type = "application/problem+json"),
    (status = 422, description = "invalid_request", body = ProblemBody, content_type = "application/problem+json"),
    (status = 429, description = "rate_limited", body = ProblemBody, content_type = "application/problem+json"),
))]
#[post("/account/addresses")]
pub(crate) async fn add_address(
    http: HttpRequest,
    customer: Customer,
    state: Data<State>,
    request: Json<AddressRequest>,
) -> Result<HttpResponse, Problem> {
    let request = request.into_inner();
    let (address, label) = parse(&request, state.config.node.network)?;
    state.sign_in_rate.take(http.peer_addr(), now_ms())?;
    let stored = Some(customer.account.password_hash);
    if !Password::typed(&request.password).is(stored, &state.hashing).await? {
        return Err(Problem::new(Code::WrongCredentials, "this is not the account's password"));
    }
    let mut tx = state.database.begin().await?;
    let added = list(&mut tx, customer.account.id, &address, label, state.config.payments.address_hold_ms()).await?;
    tx.commit().await?;
    tracing::info!(account = %added.account_id, address = added.address, "address listed");
    Ok(HttpResponse::Created().json(AddressView::from(added)))
}

/// Takes an address off the list. Contracts that pay to it go on to do so.
#[utoipa::path(tag = "account", security(("session" = [])), responses(
    (status = 204, description = "It is off the list"),
    (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
))]
#[delete("/account/addresses/{address}")]
pub(crate) async fn remove_address(
    customer: Customer,
    state: Data<State>,
    address: Path<String>,
) -> Result<HttpResponse, Problem> {
    let mut tx = state.database.begin().await?;
    if !addresses::remove(&mut tx, customer.account.id, &address, now_ms()).await? {
        return Err(Problem::not_found("address on your list"));
    }
    tx.commit().await?;
    tracing::info!(account = %customer.account.id, address = *address, "address taken off the list");
    Ok(HttpResponse::NoContent().finish())
}

/// Whether an account may be paid to an address now. One that could be used at once if it were listed is listed by this: an
/// account's first one, and any one where the operator holds none back.
pub(super) async fn allow(
    tx: &mut Tx,
    account_id: Uuid,
    address: &StandardAddress,
    hold_ms: u64,
) -> Result<(), Problem> {
    addresses::lock(tx, account_id).await?;
    let now_ms = now_ms();
    match addresses::listed(tx, account_id, address.script.as_bytes()).await? {
        Some(listed) if listed.usable_ms <= now_ms => Ok(()),
        Some(listed) => Err(on_hold(&listed, now_ms)),
        None if hold_of_next(addresses::count(tx, account_id).await?.1, hold_ms) == 0 => {
            list(tx, account_id, address, String::new(), hold_ms).await.map(drop)
        }
        None => {
            let detail =
                "the address is not on your list: add it with POST /api/v1/account/addresses and your password";
            Err(Problem::new(Code::AddressNotListed, detail))
        }
    }
}

/// Lists an address.
async fn list(
    tx: &mut Tx,
    account_id: Uuid,
    address: &StandardAddress,
    label: String,
    hold_ms: u64,
) -> Result<ListedAddress, Problem> {
    addresses::lock(tx, account_id).await?;
    let (listed, ever) = addresses::count(tx, account_id).await?;
    if listed >= LISTED {
        return Err(Problem::new(Code::TooManyAddresses, format!("a list has at most {LISTED}: remove one first")));
    }
    let added_ms = now_ms();
    let added = ListedAddress {
        account_id,
        script: address.script.to_bytes(),
        address: address.text.clone(),
        label,
        added_ms,
        usable_ms: added_ms.saturating_add(hold_of_next(ever, hold_ms)),
        removed_ms: None,
    };
    if addresses::add(tx, &added).await? {
        return Ok(added);
    }
    Err(Problem::new(Code::AddressListed, "the address is on your list already"))
}

/// How long the next address waits when so many ever were on the list. The first one does not: an account that never had one
/// has nothing that could be turned away.
fn hold_of_next(ever: u64, hold_ms: u64) -> u64 {
    if ever == 0 { 0 } else { hold_ms }
}

fn on_hold(listed: &ListedAddress, now_ms: u64) -> Problem {
    let left_s = listed.usable_ms.saturating_sub(now_ms).div_ceil(1_000);
    let detail = format!(
        "the address was added a short while ago: it can be used from {} (Unix ms), in {} min",
        listed.usable_ms,
        left_s.div_ceil(60)
    );
    Problem::new(Code::AddressOnHold, detail).retry_after(left_s)
}

fn parse(request: &AddressRequest, network: bitcoin::Network) -> Result<(StandardAddress, String), Problem> {
    let address = StandardAddress::parse("address", &request.address, network);
    let label = request.label.trim();
    let fits = label.chars().count() <= LABEL_MAX && !label.chars().any(char::is_control);
    let wrong = || FieldError::new("label", format!("must have at most {LABEL_MAX} characters, none of them control"));
    match (address, fits) {
        (Ok(address), true) => Ok((address, label.to_owned())),
        (address, fits) => Err(Problem::invalid(address.err().into_iter().chain((!fits).then(wrong)).collect())),
    }
}

impl From<ListedAddress> for AddressView {
    fn from(listed: ListedAddress) -> Self {
        let ListedAddress { address, label, added_ms, usable_ms, removed_ms, .. } = listed;
        Self { address, label, added_ms, usable_ms, removed_ms }
    }
}
