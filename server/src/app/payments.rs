//! How customers pay, from the configuration to the task that watches.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio_util::sync::CancellationToken;

use super::secret_file;
use crate::config::{BtcpayConfig, Config};
use crate::db::Database;
use crate::engine::Engine;
use crate::payments::{BtcpayGateway, BtcpaySettings, ChainGateway, Invoicing, Secret, Webhook};
use crate::wallet::{Descriptors, WalletConfig};

/// Shorter webhook secrets could be guessed; BTCPay's own have 20 characters and more.
const SHORTEST_SECRET: usize = 16;

/// What requests need of payments.
#[derive(Clone, Default)]
pub struct Paying {
    /// How purchases are paid; `None` while the operator confirms payments by hand.
    pub invoicing: Option<Invoicing>,
    /// Where a BTCPay Server's deliveries go.
    pub webhook: Option<Webhook>,
}

/// Watches `--receive-descriptor` and `--btcpay-url`, those that there are. With both, what is bought from now on is paid
/// through the BTCPay Server, and what is to be paid to the descriptor's addresses is watched on.
pub(super) fn watch(config: &Config, database: &Database, engine: &Engine, stop: CancellationToken) -> Result<Paying> {
    let on_chain = watch_chain(config, database, engine, stop.clone())?;
    let Some(settings) = btcpay(&config.payments.btcpay)? else {
        return Ok(Paying { invoicing: on_chain, webhook: None });
    };
    let gateway = BtcpayGateway::new(&settings, config.node.network, config.payments.confirmations.clone())?;
    let every = Duration::from_millis(config.payments.payments_every_ms);
    let invoicing = engine.watch_payments(Arc::new(gateway), every, config.money.capacity_hs, stop);
    let secret = secret(config.payments.btcpay.btcpay_webhook_secret.as_deref(), "--btcpay-webhook-secret")?;
    let webhook = Webhook::new(secret, &settings.store, database.clone(), invoicing.clone());
    Ok(Paying { invoicing: Some(invoicing), webhook: Some(webhook) })
}

fn btcpay(config: &BtcpayConfig) -> Result<Option<BtcpaySettings>> {
    let (Some(server), Some(store)) = (config.btcpay_url.clone(), config.btcpay_store.clone()) else { return Ok(None) };
    Ok(Some(BtcpaySettings {
        server,
        store,
        api_key: secret(config.btcpay_key.as_deref(), "--btcpay-key")?,
        timeout: Duration::from_millis(config.btcpay_timeout_ms),
        poll: Duration::from_millis(config.btcpay_poll_ms),
    }))
}

fn secret(file: Option<&Path>, flag: &'static str) -> Result<Secret> {
    let file = file.context(flag)?;
    let text = secret_file::read(file).with_context(|| format!("{flag} {}", file.display()))?;
    let text = text.trim();
    let is_secret = text.len() >= SHORTEST_SECRET && text.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(is_secret, "{flag} {}: not one line of {SHORTEST_SECRET} characters or more", file.display());
    Ok(Secret::new(text))
}

/// Watches the operator's own wallet.
fn watch_chain(
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
