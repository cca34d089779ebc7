//! The offer that the demo has from the start: small enough for the hashrate of a CPU.

use anyhow::{Result, anyhow};
use audit_core::work::Units;

use crate::api::admin::offer::{NewOffer, OfferRequest};
use crate::api::page::PageQuery;
use crate::db::{Database, offers};
use crate::engine::Engine;

/// Creates the offer unless there is one of this name.
pub(super) async fn ensure(name: &str, capacity: Units, database: &Database, engine: &Engine) -> Result<()> {
    let start = PageQuery::default().created().map_err(|problem| anyhow!("{problem}"))?;
    let exists = offers::list(database.pool(), &start, u32::MAX).await?.iter().any(|offer| offer.name == name);
    if exists {
        return Ok(());
    }
    let offer = NewOffer::parse(&sample(name)).map_err(|problem| anyhow!("{problem}"))?;
    let terms_index = engine.terms_index(None).await?;
    let mut tx = database.begin().await?;
    offer.create(&mut tx, terms_index, capacity).await.map_err(|problem| anyhow!("{problem}"))?;
    tx.commit().await?;
    Ok(())
}

/// 100 kH/s to 1 MH/s for ten minutes. A real price for 1 TH/s would round to one sat at these sizes; this one makes the
/// numbers readable.
fn sample(name: &str) -> OfferRequest {
    OfferRequest {
        name: name.to_owned(),
        price_sats_per_ths_day: Some(1_000_000_000_000),
        hashprice_ppm: None,
        min_units_hs: "100000".into(),
        max_units_hs: "1000000".into(),
        step_units_hs: "100000".into(),
        term_ms: 600_000,
        capacity_hs: "4000000".into(),
        terms: None,
    }
}
