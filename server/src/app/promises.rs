//! What the configuration makes the operator promise in the log.

use std::str::FromStr;

use anyhow::{Context, Result};
use audit_core::hash::sha256;
use bitcoin::{Address, ScriptBuf, WitnessProgram, WitnessVersion};

use crate::assets;
use crate::config::Config;
use crate::engine::Promises;

const DAY_MS: u64 = 86_400_000;

pub(super) fn of(config: &Config) -> Result<Promises> {
    Ok(Promises {
        network: config.node.network.to_string(),
        payout_script: payout_script(config)?.to_bytes(),
        coinbase_tag: config.pool.coinbase_tag.clone().into_bytes(),
        epoch_ms: config.log.epoch_ms,
        grace_ms: config.log.grace_ms,
        accrual_epochs: config.log.accrual_epochs.unwrap_or((DAY_MS / config.log.epoch_ms).max(1)),
        fee_ppm: config.money.fee_ppm,
        verifier_wasm_sha256: assets::verifier_wasm_sha256().to_vec(),
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// The script of `--payout-address`. Without one the embedded chain's coins, which are worth nothing, go to a key that
/// nobody has.
fn payout_script(config: &Config) -> Result<ScriptBuf> {
    let Some(address) = &config.pool.payout_address else { return nobody() };
    script_of("--payout-address", address, config)
}

/// The script of the address that a flag names.
pub(super) fn script_of(flag: &str, address: &str, config: &Config) -> Result<ScriptBuf> {
    let address = Address::from_str(address)
        .with_context(|| format!("{flag} is no Bitcoin address"))?
        .require_network(config.node.network)
        .with_context(|| format!("{flag} is not of the network {}", config.node.network))?;
    Ok(address.script_pubkey())
}

fn nobody() -> Result<ScriptBuf> {
    let program = &sha256(b"provenhash embedded chain payout")[..20];
    Ok(ScriptBuf::new_witness_program(&WitnessProgram::new(WitnessVersion::V0, program)?))
}
