//! What is for sale.

pub mod price;

use actix_web::get;
use actix_web::web::{Data, Json, Path, Query};
use audit_core::work::Units;
use serde::Serialize;
use sqlx::AnyConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::State;
use super::page::{Page, PageQuery, created_cursor};
use crate::clock::now_ms;
use crate::db::DbError;
use crate::db::offers::{self, Offer};
use crate::problem::{Problem, ProblemBody};

/// An offer: hashrate for a term at a price.
#[derive(Serialize, ToSchema)]
pub struct OfferView {
    pub id: Uuid,
    pub name: String,
    /// Price of 1 TH/s (10^12 hashes a second) for a day. A contract costs units × term of that, rounded up.
    pub price_sats_per_ths_day: u64,
    #[schema(example = "100000")]
    pub min_units_hs: String,
    pub max_units_hs: String,
    /// Units are the minimum plus a multiple of this.
    pub step_units_hs: String,
    pub term_ms: u64,
    pub capacity_hs: String,
    /// What is left of it now, and of the operator's declared capacity, which all offers share.
    pub available_hs: String,
    /// The log entry with the terms.
    pub terms_index: u64,
    pub created_ms: u64,
}

/// Offers, newest first.
#[utoipa::path(tag = "offers", params(PageQuery), responses(
    (status = 200, body = Page<OfferView>),
    (status = 400, description = "bad_query", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/offers")]
pub(crate) async fn list_offers(state: Data<State>, page: Query<PageQuery>) -> Result<Json<Page<OfferView>>, Problem> {
    let limit = page.limit()?;
    let rows = offers::list(state.database.pool(), &page.created()?, limit + 1).await?;
    let mut offers = Vec::with_capacity(rows.len());
    let mut connection = state.database.pool().acquire().await?;
    for offer in rows {
        let left = available(&mut connection, &offer, state.config.money.capacity_hs, now_ms()).await?;
        offers.push((offer, left));
    }
    let cursor = |(offer, _): &(Offer, u128)| created_cursor(offer.created_ms, offer.id);
    Ok(Json(Page::of(offers, limit, cursor, |(offer, left)| OfferView::of(&offer, left))))
}

/// One offer.
#[utoipa::path(tag = "offers", responses(
    (status = 200, body = OfferView),
    (status = 404, description = "not_found", body = ProblemBody, content_type = "application/problem+json"),
))]
#[get("/offers/{id}")]
pub(crate) async fn read_offer(state: Data<State>, id: Path<Uuid>) -> Result<Json<OfferView>, Problem> {
    let pool = state.database.pool();
    let offer = offers::by_id(pool, *id).await?.ok_or_else(|| Problem::not_found("offer"))?;
    let mut connection = pool.acquire().await?;
    let left = available(&mut connection, &offer, state.config.money.capacity_hs, now_ms()).await?;
    Ok(Json(OfferView::of(&offer, left)))
}

/// What is left of an offer and of the declared capacity, which all offers share.
pub async fn available(
    connection: &mut AnyConnection,
    offer: &Offer,
    capacity: Units,
    now_ms: u64,
) -> Result<u128, DbError> {
    let of_offer = offer.capacity.get().saturating_sub(offers::taken(connection, offer.id, now_ms).await?);
    let of_all = capacity.get().saturating_sub(offers::taken_of_all(connection, now_ms).await?);
    Ok(of_offer.min(of_all))
}

impl OfferView {
    pub fn of(offer: &Offer, available: u128) -> Self {
        Self {
            id: offer.id,
            name: offer.name.clone(),
            price_sats_per_ths_day: offer.price_sats_per_ths_day,
            min_units_hs: offer.min_units.to_string(),
            max_units_hs: offer.max_units.to_string(),
            step_units_hs: offer.step_units.to_string(),
            term_ms: offer.term_ms,
            capacity_hs: offer.capacity.to_string(),
            available_hs: available.to_string(),
            terms_index: offer.terms_index,
            created_ms: offer.created_ms,
        }
    }
}
