//! `provenhash admin create-offer`: what is put up for sale.

mod terms;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use terms::TermsArgs;

/// An offer, and where its flags say so terms of its own.
#[derive(Args, Debug)]
pub(super) struct OfferArgs {
    #[arg(long)]
    name: String,
    /// The price of 1 TH/s for a day; or --hashprice-ppm
    #[arg(long, required_unless_present = "hashprice_ppm", conflicts_with = "hashprice_ppm")]
    price_sats_per_ths_day: Option<u64>,
    /// The price in millionths of what the hashrate can be expected to earn
    #[arg(long)]
    hashprice_ppm: Option<u32>,
    #[arg(long)]
    min_units_hs: String,
    #[arg(long)]
    max_units_hs: String,
    #[arg(long)]
    step_units_hs: String,
    #[arg(long)]
    term_ms: u64,
    #[arg(long)]
    capacity_hs: String,
    #[command(flatten)]
    terms: TermsArgs,
}

impl OfferArgs {
    /// What the server is asked for.
    ///
    /// # Errors
    /// Flags of the terms that do not fit each other.
    pub(super) fn body(&self) -> Result<Value> {
        Ok(json!({
            "name": self.name,
            "price_sats_per_ths_day": self.price_sats_per_ths_day,
            "hashprice_ppm": self.hashprice_ppm,
            "min_units_hs": self.min_units_hs,
            "max_units_hs": self.max_units_hs,
            "step_units_hs": self.step_units_hs,
            "term_ms": self.term_ms,
            "capacity_hs": self.capacity_hs,
            "terms": self.terms.terms()?,
        }))
    }
}
