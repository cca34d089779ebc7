//! The OpenAPI document, made of the route table in [`super::routes`].

use actix_web::web::Data;
use actix_web::{App, HttpResponse, get};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_actix_web::AppExt;

use super::access::SESSION_COOKIE;
use crate::problem::{Problem, ProblemBody};

/// What is in the document besides the routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Provenhash API",
        description = "Cloud mining that its customers can check. Refusals are RFC 9457 problem details with a stable \
            `code`. Lists are pages of `{items, next_cursor}`. Times are Unix ms, amounts sats, hashrates and work \
            decimal strings. The evidence itself is not here but in static files under /log, /epoch, /allocation, \
            /settlement, /liabilities and /payout.",
    ),
    tags(
        (name = "account", description = "Signing up, in and out"),
        (name = "offers", description = "What is for sale"),
        (name = "contracts", description = "What was bought"),
        (name = "records", description = "The server's claims about epochs, blocks, settlements and reserves; the verifier checks them"),
        (name = "proofs", description = "Texts to keep: that an entry is in the log, that shares are in a sealed epoch"),
        (name = "payments", description = "For payment servers"),
        (name = "operator", description = "With the operator's token"),
        (name = "probes", description = "For machines"),
    ),
    components(schemas(ProblemBody)),
    modifiers(&Schemes),
)]
struct Base;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(SESSION_COOKIE)));
        components.add_security_scheme("session_cookie", cookie);
        for (name, description) in [
            ("session", "token of POST /api/v1/sessions"),
            ("operator", "the operator's token"),
            ("approver", "the token of the person who approves payouts"),
        ] {
            let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build();
            components.add_security_scheme(name, SecurityScheme::Http(bearer));
        }
    }
}

/// The document without routes.
pub fn base() -> utoipa::openapi::OpenApi {
    Base::openapi()
}

/// The whole document.
pub fn document() -> utoipa::openapi::OpenApi {
    App::new().into_utoipa_app().openapi(base()).configure(super::routes).split_for_parts().1
}

/// The document as it is served.
pub struct Document(String);

impl Document {
    pub fn of(document: &utoipa::openapi::OpenApi) -> Self {
        Self(document.to_json().unwrap_or_default())
    }
}

/// This document.
#[utoipa::path(tag = "probes", responses((status = 200, description = "The OpenAPI document of this API")))]
#[get("/openapi.json")]
pub(crate) async fn read_document(document: Data<Document>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().content_type("application/json").body(document.0.clone()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn document_has_every_family_of_routes() {
        let document = super::document();
        for path in ["/api/v1/contracts/{id}", "/api/v1/admin/ledger", "/api/openapi.json", "/readyz"] {
            assert!(document.paths.paths.contains_key(path), "{path} is missing");
        }
    }
}
