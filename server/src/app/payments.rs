//! How customers pay, from the configuration to the task that watches.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::db::Database;
use crate::engine::Engine;
use crate::payments::{ChainGateway, Invoicing};
use crate::wallet::{Descriptors, WalletConfig};

/// Watches `--receive-descriptor`, if there is one.
pub(super) fn watch(
    config: &Config,
    database: &Database,
    engine: &Engine,
    stop: CancellationToken,
) -> Result<Option<Invoicing>> {
    let Some(descriptor) = &config.payments.receive_descriptor else { return Ok(None) };
    let descriptors = Descriptors::watch_only(descriptor, config.node.network).context("--receive-descriptor")?;
    let wallet = WalletConfig {
        name: "receive",
        descriptors,
        network: config.node.network,
        birthday: config.payments.receive_birthday,
        lookahead: config.payments.receive_lookahead,
    };
    let gateway = ChainGateway::new(wallet, database.clone(), engine.node(), config.payments.confirmations.clone());
    let every = Duration::from_millis(config.payments.payments_every_ms);
    Ok(Some(engine.watch_payments(Arc::new(gateway), every, config.money.capacity_hs, stop)))
}
