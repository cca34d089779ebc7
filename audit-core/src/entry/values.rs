//! Values that their types alone would let through.

use alloc::format;

use super::{Entry, EntryError, FORMAT, Manifest};
use crate::{
    chain::Network,
    coinbase::TAG_MAX,
    scheme::{FEES_INPUT, FeesPpm, HASHPRICE_INPUT, Hashprice},
    text::decimal,
};

impl Entry {
    /// Refuses what this verifier does not know, and numbers out of range.
    pub(super) fn check_values(&self) -> Result<(), EntryError> {
        match self {
            Self::Manifest(manifest) => check_manifest(manifest),
            Self::EpochClose(close) => check_format(close.format),
            Self::Terms(terms) => terms.fault().map_or(Ok(()), |fault| Err(EntryError::Value(fault))),
            Self::ExternalInput(input) if input.name == FEES_INPUT && FeesPpm::of(input).is_none() => {
                Err(EntryError::Value("block_fees_ppm: a 32-bit number of millionths, its source a block"))
            }
            Self::ExternalInput(input) if input.name == HASHPRICE_INPUT && Hashprice::of(input).is_none() => {
                Err(EntryError::Value("hashprice_sats_per_phs_day: a 128-bit number of satoshis, its source a block"))
            }
            Self::ExternalInput(input) if decimal::<u128>(&input.value).is_none() => {
                Err(EntryError::Value("an external input's value is a decimal number"))
            }
            _ => Ok(()),
        }
    }
}

fn check_manifest(manifest: &Manifest) -> Result<(), EntryError> {
    check_format(manifest.format)?;
    let known = [
        ("network", &manifest.network, Network::of_manifest(&manifest.network).is_some()),
        ("coin", &manifest.coin, manifest.coin == "BTC"),
        ("proof of work", &manifest.proof_of_work, manifest.proof_of_work == "sha256d"),
    ];
    if let Some((what, value, _)) = known.iter().find(|(_, _, is_known)| !is_known) {
        return Err(EntryError::TooNew(format!("{what} {value:?}")));
    }
    if manifest.accrual_epochs == 0 {
        return Err(EntryError::Value("accruals of no epochs"));
    }
    if manifest.coinbase_tag.len() > TAG_MAX {
        return Err(EntryError::Value("a coinbase tag of more than 20 bytes"));
    }
    Ok(())
}

fn check_format(format: u32) -> Result<(), EntryError> {
    if format == FORMAT { Ok(()) } else { Err(EntryError::TooNew(format!("format {format}"))) }
}
