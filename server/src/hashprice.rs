//! The hashprice that prices of offers may follow: computed from the pool's own chain and logged while something is sold by
//! it, so that everyone can recompute it.
//!
//! Out of scope: the formula (`audit_core::scheme`), what a purchase costs by it (`crate::api::offers::price`).

use anyhow::{Context, Result};
use audit_core::entry::{ChainTip, Entry, ExternalInput};
use audit_core::scheme::{HASHPRICE_INPUT, Hashprice, Price};
use sqlx::AnyConnection;

use crate::chain::Archive;
use crate::db::offers::{self, Pricing};
use crate::db::{epochs, log_entries};
use crate::inputs;

/// The block that an input names is this far below the tip: no reorganisation is expected to reach it.
const BELOW_TIP: u32 = 10;
/// Blocks between two inputs: a quarter of a day. The target changes every 2,016 blocks, mean fees of a day move slowly.
const EVERY: u32 = 36;
/// Blocks that the named one may be below the newest epoch's tip for its price to be sold at: a day of them.
const USABLE: u32 = 144;

/// A hashprice in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Logged {
    /// Leaf index of its entry.
    pub index: u64,
    /// When it was logged, Unix ms.
    pub at_ms: u64,
    /// The price and its block.
    pub price: Hashprice,
}

/// The input to be logged before an epoch that opens on this tip, where one is due.
///
/// # Errors
/// The database, or files of the chain that are missing.
pub(crate) async fn due(
    connection: &mut AnyConnection,
    archive: &Archive,
    tip: &ChainTip,
    at_ms: u64,
) -> Result<Option<ExternalInput>> {
    if !offers::any_by_hashprice(connection).await? {
        return Ok(None);
    }
    let newest = newest(connection).await?;
    if newest.is_some_and(|logged| logged.price.height + EVERY + BELOW_TIP > tip.height) {
        return Ok(None);
    }
    let price = on_top_of(archive, tip.height.saturating_sub(BELOW_TIP)).await?;
    Ok(price.map(|price| price.to_input(at_ms)))
}

/// The newest hashprice, unless it is too old to sell anything at.
///
/// # Errors
/// The database.
async fn usable(connection: &mut AnyConnection) -> Result<Option<Logged>> {
    let Some(next_height) = epochs::newest_height(connection).await? else { return Ok(None) };
    let newest = newest(connection).await?;
    Ok(newest.filter(|logged| logged.price.height + USABLE >= next_height))
}

/// What an offer's price follows now: nothing where it is fixed.
///
/// # Errors
/// The database.
pub async fn of_offer(connection: &mut AnyConnection, pricing: Pricing) -> Result<Option<Logged>> {
    match pricing {
        Pricing::Fixed { .. } => Ok(None),
        Pricing::Hashprice { .. } => usable(connection).await,
    }
}

/// The hashprice at a leaf of the log.
///
/// # Errors
/// The database.
pub async fn at(connection: &mut AnyConnection, index: u64) -> Result<Option<Logged>> {
    let Some(row) = log_entries::at(connection, index).await? else { return Ok(None) };
    match Entry::from_bytes(&row.entry)? {
        Entry::ExternalInput(input) if input.name == HASHPRICE_INPUT => Ok(read(index, &input)),
        _ => Ok(None),
    }
}

async fn newest(connection: &mut AnyConnection) -> Result<Option<Logged>> {
    let newest = inputs::newest(connection, HASHPRICE_INPUT).await?;
    Ok(newest.and_then(|(index, input)| read(index, &input)))
}

fn read(index: u64, input: &ExternalInput) -> Option<Logged> {
    Some(Logged { index, at_ms: input.at_ms, price: Hashprice::of(input)? })
}

/// `None` where the archive does not reach.
async fn on_top_of(archive: &Archive, height: u32) -> Result<Option<Hashprice>> {
    let Some(hash) = archive.hash_at(height).await else { return Ok(None) };
    let Some(nbits) = archive.required_nbits(&ChainTip { height, hash }).await else { return Ok(None) };
    let fees_ppm = archive.fees_ppm(height).await?.into();
    let price = Price::of(archive.network(), height.saturating_add(1), nbits, fees_ppm);
    let sats_per_phs_day = price.and_then(|price| price.hashprice()).context("a block that nothing can follow")?;
    Ok(Some(Hashprice { sats_per_phs_day, height, hash }))
}

#[cfg(test)]
mod tests;
