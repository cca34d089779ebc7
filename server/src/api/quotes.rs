//! What a purchase costs, item by item, held for a while.

pub mod itemise;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::State;
use super::access::Customer;
use super::idempotent::{OptionalKey, once};
use crate::db::quotes::{Quote, Rate};
use crate::problem::{Problem, ProblemBody};

/// What a buyer asks for.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuoteRequest {
    pub offer_id: Uuid,
    /// Hashes per second as a decimal string.
    #[schema(example = "200000")]
    pub units_hs: String,
}

/// What it costs. A purchase that names the quote before it runs out pays this price, or is refused.
#[derive(Serialize, ToSchema)]
pub struct QuoteView {
    pub id: Uuid,
    pub offer_id: Uuid,
    pub units_hs: String,
    pub term_ms: u64,
    /// Price of 1 TH/s (10^12 hashes a second) for a day; `null` where the price follows the hashprice.
    pub price_sats_per_ths_day: Option<u64>,
    /// What the price follows; `null` where it is fixed.
    pub hashprice: Option<QuotedHashprice>,
    /// To be paid now: units × term of the one or the other, rounded up.
    pub price_sats: u64,
    /// Maintenance over the whole term at full delivery, rounded up. Not paid now but taken from credits, never more than
    /// they are.
    pub maintenance_sats: u64,
    /// Price and maintenance together.
    pub total_sats: u64,
    /// The operator's part of each reward, in parts per million; taken from credits too.
    pub fee_ppm: u32,
    /// The log entry with the terms.
    pub terms_index: u64,
    /// SHA-256 of that entry.
    pub terms_sha256: String,
    pub created_ms: u64,
    /// From then on it can't be used.
    pub expires_ms: u64,
}

/// A hashprice that a price is of.
#[derive(Serialize, ToSchema)]
pub struct QuotedHashprice {
    /// The price is so many millionths of it.
    pub ppm: u32,
    /// Satoshis for 1 PH/s (10^15 hashes a second) in a day, as a decimal string.
    pub sats_per_phs_day: String,
    /// The log entry that says so.
    pub log_index: u64,
}

/// Says what a purchase costs. The price holds for some minutes; the units are not kept.
#[utoipa::path(tag = "offers", security(("session" = [])), request_body = QuoteRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeat harmless")),
    responses(
        (status = 201, body = QuoteView),
        (status = 401, description = "unauthenticated", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "sold_out, too_many_quotes, no_hashprice", body = ProblemBody,
         content_type = "application/problem+json"),
        (status = 422, description = "invalid_request", body = ProblemBody, content_type = "application/problem+json"),
    ))]
#[post("/quotes")]
pub(crate) async fn create_quote(
    customer: Customer,
    state: Data<State>,
    key: OptionalKey,
    request: Json<QuoteRequest>,
) -> Result<HttpResponse, Problem> {
    let units = itemise::units(&request.units_hs).map_err(|error| Problem::invalid(vec![error]))?;
    let scope = key.0.map(|key| key.scope(format!("account:{}", customer.account.id)));
    let wanted = itemise::Wanted { account_id: customer.account.id, offer_id: request.offer_id, units };
    once(&state, scope, &*request, async |tx| wanted.quote(tx, &state.config.money).await).await
}

impl QuoteView {
    pub fn of(quote: &Quote) -> Self {
        let (price_sats_per_ths_day, hashprice) = match quote.rate {
            Rate::Fixed { sats_per_ths_day } => (Some(sats_per_ths_day), None),
            Rate::Hashprice { ppm, sats_per_phs_day, index } => {
                let sats_per_phs_day = sats_per_phs_day.to_string();
                (None, Some(QuotedHashprice { ppm, sats_per_phs_day, log_index: index }))
            }
        };
        Self {
            id: quote.id,
            offer_id: quote.offer_id,
            units_hs: quote.units.to_string(),
            term_ms: quote.term_ms,
            price_sats_per_ths_day,
            hashprice,
            price_sats: quote.price.get(),
            maintenance_sats: quote.maintenance.get(),
            total_sats: quote.price.get() + quote.maintenance.get(),
            fee_ppm: quote.fee_ppm,
            terms_index: quote.terms_index,
            terms_sha256: quote.terms_sha256.to_string(),
            created_ms: quote.created_ms,
            expires_ms: quote.expires_ms,
        }
    }
}
