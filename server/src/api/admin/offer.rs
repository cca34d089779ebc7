//! A new offer, read and checked.

use actix_web::http::StatusCode;
use audit_core::entry::Terms;
use audit_core::work::{Sats, Units};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::idempotent::Reply;
use crate::api::offers::{OfferView, available};
use crate::clock::now_ms;
use crate::db::Tx;
use crate::db::offers::{self, Offer, Pricing};
use crate::db::quotes::Rate;
use crate::hashprice;
use crate::problem::{Code, FieldError, Problem};

/// Ten times of what can be expected to be earned is no price but a slip.
const HASHPRICE_PPM: std::ops::RangeInclusive<u32> = 1..=10_000_000;
/// A term is a second at least and ten years at most.
const TERM_MS: std::ops::RangeInclusive<u64> = 1_000..=10 * 366 * 24 * 3_600_000;

/// What the operator sends. Hashrates are decimal strings.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferRequest {
    /// 1 to 100 characters, unique.
    pub name: String,
    /// The price of 1 TH/s (10^12 hashes a second) for a day; or `hashprice_ppm`.
    #[serde(default)]
    pub price_sats_per_ths_day: Option<u64>,
    /// The price in millionths of what the hashrate can be expected to earn, by the hashprice in the log; 1 to 10,000,000.
    #[serde(default)]
    pub hashprice_ppm: Option<u32>,
    #[schema(example = "100000")]
    pub min_units_hs: String,
    pub max_units_hs: String,
    pub step_units_hs: String,
    pub term_ms: u64,
    /// What may be reserved or active at the same time.
    pub capacity_hs: String,
    /// What its contracts are sold under, as in the log (docs/LOG.md §4); the operator's usual terms when left out.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub terms: Option<Terms>,
}

/// An offer whose fields fit each other.
#[derive(Debug)]
pub struct NewOffer {
    name: String,
    pricing: Pricing,
    min: Units,
    max: Units,
    step: Units,
    term_ms: u64,
    capacity: Units,
}

impl NewOffer {
    /// Reads the fields; names every one that has to change.
    pub fn parse(request: &OfferRequest) -> Result<Self, Problem> {
        let mut errors = Vec::new();
        let name = request.name.trim().to_owned();
        if !(1..=100).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            errors.push(FieldError::new("name", "must have 1 to 100 characters"));
        }
        if !TERM_MS.contains(&request.term_ms) {
            errors.push(FieldError::new("term_ms", "must be from a second to ten years"));
        }
        let mut units = |field: &str, text: &str| {
            let units: Option<Units> = text.parse().ok();
            if units.is_none() {
                errors.push(FieldError::new(field, "must be a whole number of hashes per second, as a string"));
            }
            units
        };
        let sizes = (
            units("min_units_hs", &request.min_units_hs),
            units("max_units_hs", &request.max_units_hs),
            units("step_units_hs", &request.step_units_hs),
            units("capacity_hs", &request.capacity_hs),
        );
        if let Some(fault) = request.terms.as_ref().and_then(Terms::fault) {
            errors.push(FieldError::new("terms", fault));
        }
        let pricing = pricing(request).map_err(|error| errors.push(error)).ok();
        if let (Some(min), Some(max), Some(step), Some(capacity), Some(pricing)) =
            (sizes.0, sizes.1, sizes.2, sizes.3, pricing)
        {
            let offer = Self { name, pricing, min, max, step, term_ms: request.term_ms, capacity };
            errors.extend(offer.misfits());
            if errors.is_empty() {
                return Ok(offer);
            }
        }
        Err(Problem::invalid(errors))
    }

    /// Stores the offer under the terms at a leaf of the log. `capacity` is what all offers share.
    pub async fn create(&self, tx: &mut Tx, terms_index: u64, capacity: Units) -> Result<Reply, Problem> {
        let offer = self.offer(terms_index);
        if offers::create(tx, &offer).await? {
            let left = available(&mut *tx, &offer, capacity, offer.created_ms).await?;
            let newest = hashprice::of_offer(tx, offer.pricing).await.map_err(Problem::internal)?;
            return Reply::new(StatusCode::CREATED, &OfferView::of(&offer, left, newest));
        }
        Err(Problem::new(Code::NameTaken, "an offer has this name: offers never change, so use a new name"))
    }

    fn offer(&self, terms_index: u64) -> Offer {
        Offer {
            id: Uuid::new_v4(),
            name: self.name.clone(),
            pricing: self.pricing,
            min_units: self.min,
            max_units: self.max,
            step_units: self.step,
            term_ms: self.term_ms,
            capacity: self.capacity,
            terms_index,
            created_ms: now_ms(),
        }
    }

    /// What is wrong between the fields.
    fn misfits(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if self.max < self.min {
            errors.push(FieldError::new("max_units_hs", "must not be below min_units_hs"));
        } else if !(self.max.get() - self.min.get()).is_multiple_of(self.step.get()) {
            errors.push(FieldError::new("step_units_hs", "must divide the distance from minimum to maximum"));
        }
        if self.capacity < self.min {
            errors.push(FieldError::new("capacity_hs", "must not be below min_units_hs"));
        }
        let fixed = match self.pricing {
            Pricing::Fixed { sats_per_ths_day } => Some(Rate::Fixed { sats_per_ths_day }),
            Pricing::Hashprice { .. } => None,
        };
        if fixed.is_some_and(|rate| rate.price(self.max.get(), self.term_ms).is_none()) {
            let detail = "makes the largest contract cost more than 21 million bitcoin";
            errors.push(FieldError::new("price_sats_per_ths_day", detail));
        }
        errors
    }
}

/// One price, of the one kind or the other.
fn pricing(request: &OfferRequest) -> Result<Pricing, FieldError> {
    match (request.price_sats_per_ths_day, request.hashprice_ppm) {
        (Some(sats_per_ths_day), None) if (1..=Sats::MAX.get()).contains(&sats_per_ths_day) => {
            Ok(Pricing::Fixed { sats_per_ths_day })
        }
        (Some(_), None) => Err(FieldError::new("price_sats_per_ths_day", "must be from 1 to 21 million bitcoin")),
        (None, Some(ppm)) if HASHPRICE_PPM.contains(&ppm) => Ok(Pricing::Hashprice { ppm }),
        (None, Some(_)) => Err(FieldError::new("hashprice_ppm", "must be from 1 to 10,000,000")),
        _ => Err(FieldError::new("price_sats_per_ths_day", "either this or hashprice_ppm must be given, not both")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> OfferRequest {
        OfferRequest {
            name: "Small".into(),
            price_sats_per_ths_day: Some(50),
            hashprice_ppm: None,
            min_units_hs: "100".into(),
            max_units_hs: "1000".into(),
            step_units_hs: "100".into(),
            term_ms: 60_000,
            capacity_hs: "5000".into(),
            terms: None,
        }
    }

    #[test]
    fn offer_whose_fields_fit_is_accepted() {
        assert!(NewOffer::parse(&request()).is_ok());
    }

    #[test]
    fn misfits_are_named() {
        #[track_caller]
        fn check(change: impl FnOnce(&mut OfferRequest), field: &str) {
            let mut request = request();
            change(&mut request);
            let problem = NewOffer::parse(&request).unwrap_err().to_string();
            assert!(problem.starts_with(&format!("invalid_request: {field}: ")), "{problem}");
        }
        check(|it| it.name = " ".into(), "name");
        check(|it| it.term_ms = 0, "term_ms");
        check(|it| it.min_units_hs = "0".into(), "min_units_hs");
        check(|it| it.max_units_hs = "50".into(), "max_units_hs");
        check(|it| it.step_units_hs = "700".into(), "step_units_hs");
        check(|it| it.capacity_hs = "99".into(), "capacity_hs");
        check(|it| it.price_sats_per_ths_day = Some(0), "price_sats_per_ths_day");
        check(|it| it.price_sats_per_ths_day = Some(u64::MAX), "price_sats_per_ths_day");
        check(|it| it.price_sats_per_ths_day = None, "price_sats_per_ths_day");
        check(|it| it.hashprice_ppm = Some(1), "price_sats_per_ths_day");
        let by_hashprice =
            |ppm| move |it: &mut OfferRequest| (it.price_sats_per_ths_day, it.hashprice_ppm) = (None, Some(ppm));
        check(by_hashprice(0), "hashprice_ppm");
        check(by_hashprice(10_000_001), "hashprice_ppm");
    }
}
