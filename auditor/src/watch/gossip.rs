//! Checkpoints that others saw: a file somebody sent, or a URL such as a witness's or a friend's.

use anyhow::{Context, Result, bail};
use audit_core::checkpoint::CHECKPOINT_MAX;

use crate::source::Source;

/// The note at a place.
pub(super) fn read(place: &str) -> Result<Vec<u8>> {
    if place.starts_with("http://") || place.starts_with("https://") {
        let Some((base, name)) = place.rsplit_once('/') else { bail!("not a URL of a file") };
        return Ok(Source::open(base)?.read(name, CHECKPOINT_MAX as u64)?);
    }
    std::fs::read(place).context("can't be read")
}
