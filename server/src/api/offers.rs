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
use crate::db::offers::{self, Offer, Pricing};
use crate::hashprice::{self, Logged};
use crate::problem::{Problem, ProblemBody};

/// An offer: hashrate for a term at a price.
#[derive(Serialize, ToSchema)]
pub struct OfferView {
    pub id: Uuid,
    pub name: String,
    /// Price of 1 TH/s (10^12 hashes a second) for a day. A contract costs units × term of that, rounded up. `null` where
    /// the price follows the hashprice.
    pub price_sats_per_ths_day: Option<u64>,
    /// What a contract costs in millionths of what its hashrate can be expected to earn in its term, by the hashprice
    /// that was logged last; `null` where the price is fixed.
    pub hashprice_ppm: Option<u32>,
    /// The hashprice that a quote would be of now. `null` where the price is fixed, and while no recent one is in the
    /// log: then the offer can't be bought.
    pub hashprice: Option<HashpriceView>,
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

/// What hashrate can be expected to earn, as the log says it and anyone can compute it from the chain.
#[derive(Serialize, ToSchema)]
pub struct HashpriceView {
    /// Satoshis for 1 PH/s (10^15 hashes a second) in a day, as a decimal string.
    #[schema(example = "45678")]
    pub sats_per_phs_day: String,
    /// Its log entry.
    pub log_index: u64,
    /// The block on top of which it is computed.
    pub height: u32,
    pub block_hash: String,
    pub at_ms: u64,
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
        let newest = hashprice::of_offer(&mut connection, offer.pricing).await.map_err(Problem::internal)?;
        offers.push((created_cursor(offer.created_ms, offer.id), OfferView::of(&offer, left, newest)));
    }
    Ok(Json(Page::of(offers, limit, |(cursor, _)| cursor.clone(), |(_, view)| view)))
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
    let newest = hashprice::of_offer(&mut connection, offer.pricing).await.map_err(Problem::internal)?;
    Ok(Json(OfferView::of(&offer, left, newest)))
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

impl HashpriceView {
    fn of(logged: Logged) -> Self {
        Self {
            sats_per_phs_day: logged.price.sats_per_phs_day.to_string(),
            log_index: logged.index,
            height: logged.price.height,
            block_hash: logged.price.hash.to_string(),
            at_ms: logged.at_ms,
        }
    }
}

impl OfferView {
    /// With the hashprice that its price follows now.
    pub fn of(offer: &Offer, available: u128, newest: Option<Logged>) -> Self {
        let (price_sats_per_ths_day, hashprice_ppm) = match offer.pricing {
            Pricing::Fixed { sats_per_ths_day } => (Some(sats_per_ths_day), None),
            Pricing::Hashprice { ppm } => (None, Some(ppm)),
        };
        Self {
            id: offer.id,
            name: offer.name.clone(),
            price_sats_per_ths_day,
            hashprice_ppm,
            hashprice: newest.map(HashpriceView::of),
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
