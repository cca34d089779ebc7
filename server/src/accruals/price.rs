//! What an epoch's price depends on, fixed when it opens: the network target on top of its tip, and the fees that the
//! chain's blocks paid lately, which are logged before the epoch where something is sold that depends on them.

#[cfg(test)]
mod tests;

use anyhow::{Context, Result, bail};
use audit_core::entry::{ChainTip, Entry, ExternalInput};
use audit_core::scheme::{FEE_BLOCKS, FEES_INPUT, FeesPpm};
use sqlx::AnyConnection;

use super::terms::has_fpps;
use crate::chain::Archive;
use crate::db::epochs::EpochPrice;
use crate::db::log_entries;
use crate::inputs;

/// The last block whose fees count is this far below the tip: no reorganisation is expected to reach it.
const FEES_BELOW_TIP: u32 = 10;

/// The price of an epoch that opens on this tip, and the input to be logged before it, where one is due.
///
/// # Errors
/// The database, or a tip that the archive has left behind meanwhile: the next attempt asks for another.
pub(crate) async fn of_next_epoch(
    connection: &mut AnyConnection,
    archive: &Archive,
    tip: &ChainTip,
    at_ms: u64,
) -> Result<(EpochPrice, Option<ExternalInput>)> {
    let nbits = archive.required_nbits(tip).await;
    let nbits = nbits.with_context(|| format!("the chain has left block {} behind", tip.hash))?;
    let newest = inputs::newest(connection, FEES_INPUT).await?.and_then(|(_, input)| FeesPpm::of(&input));
    let is_old = newest.is_none_or(|fees| fees.height + FEE_BLOCKS + FEES_BELOW_TIP <= tip.height);
    let due = if is_old && has_fpps(connection).await? { fees_of(archive, tip).await? } else { None };
    let fees_ppm = due.or(newest).map_or(0, |fees| fees.ppm.into());
    let price = EpochPrice { height: tip.height.saturating_add(1), nbits, fees_ppm };
    Ok((price, due.map(|fees| fees.to_input(at_ms))))
}

/// Epochs of an accrual: what the log's first manifest says; `None` before there is one.
///
/// # Errors
/// The database.
pub(crate) async fn accrual_epochs(connection: &mut AnyConnection) -> Result<Option<u64>> {
    let Some(row) = log_entries::first_of_kind(connection, "manifest").await? else { return Ok(None) };
    match Entry::from_bytes(&row.entry)? {
        Entry::Manifest(manifest) => Ok(Some(manifest.accrual_epochs)),
        _ => bail!("log entry {} is no manifest", row.leaf_index),
    }
}

async fn fees_of(archive: &Archive, tip: &ChainTip) -> Result<Option<FeesPpm>> {
    let height = tip.height.saturating_sub(FEES_BELOW_TIP);
    let Some(hash) = archive.hash_at(height).await else { return Ok(None) };
    Ok(Some(FeesPpm { ppm: archive.fees_ppm(height).await?, height, hash }))
}
