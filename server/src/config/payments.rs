//! How customers pay.

use std::path::PathBuf;

use clap::Args;

use crate::payments::{Confirmations, MOST_CONFIRMATIONS, ServerUrl};

/// Payments, watched by this server or by a BTCPay Server.
#[derive(Args, Clone, Debug)]
pub struct PaymentConfig {
    /// Output descriptor that customers' addresses are derived from, without private keys, such as
    /// wpkh([fingerprint/84h/0h/0h]xpub…/0/*); without one the operator confirms payments by hand
    #[arg(long, value_name = "DESCRIPTOR", env = "PROVENHASH_RECEIVE_DESCRIPTOR", hide_env_values = true)]
    pub receive_descriptor: Option<String>,
    /// First block in which a payment may be; by default the chain's height when the descriptor is first used. Another
    /// height than before reads the chain again from there
    #[arg(long, value_name = "HEIGHT")]
    pub receive_birthday: Option<u32>,
    /// Addresses watched behind the last one that was given out, for what a restored backup does not know
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(20..=100_000))]
    pub receive_lookahead: u32,
    /// Blocks that must confirm a payment, by price in sats
    #[arg(long, default_value = "1,1000000:3,10000000:6", value_name = "RULE")]
    pub confirmations: Confirmations,
    /// How long a contract's units are kept without a payment
    #[arg(long, default_value_t = 86_400_000, value_parser = clap::value_parser!(u64).range(1_000..=604_800_000))]
    pub reservation_ms: u64,
    /// Time from one look at the chain for payments to the next
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(100..=600_000))]
    pub payments_every_ms: u64,
    /// Hours before an address that a customer adds to the account's list can be used; 0 for none, as in demonstrations
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(0..=720))]
    pub address_hold_hours: u16,
    #[command(flatten)]
    pub btcpay: BtcpayConfig,
}

/// A BTCPay Server that takes the payments of what is bought from now on.
#[derive(Args, Clone, Debug)]
pub struct BtcpayConfig {
    /// Address of a BTCPay Server: https://…, or http://… on this machine
    #[arg(long, value_name = "URL", requires_all = ["btcpay_store", "btcpay_key", "btcpay_webhook_secret"])]
    pub btcpay_url: Option<ServerUrl>,
    /// Id of its store, as the store's settings show it
    #[arg(long, value_name = "ID", requires = "btcpay_url")]
    pub btcpay_store: Option<String>,
    /// File with an API key that may make and view invoices of the store, readable for its owner only
    #[arg(long, value_name = "FILE", requires = "btcpay_url")]
    pub btcpay_key: Option<PathBuf>,
    /// File with the secret of the store's webhook, readable for its owner only
    #[arg(long, value_name = "FILE", requires = "btcpay_url")]
    pub btcpay_webhook_secret: Option<PathBuf>,
    /// Time from one reading of an invoice to the next when no webhook hints at a change
    #[arg(long, default_value_t = 60_000, value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    pub btcpay_poll_ms: u64,
    /// Longest time that one question to it may take
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    pub btcpay_timeout_ms: u64,
}

impl PaymentConfig {
    /// Milliseconds before an address can be used that was added.
    pub fn address_hold_ms(&self) -> u64 {
        u64::from(self.address_hold_hours) * 3_600_000
    }

    /// The rule between fields. The message says which flag to change.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.btcpay.btcpay_url.is_some() && self.confirmations.most() > MOST_CONFIRMATIONS {
            return Err(format!(
                "--confirmations must not be above {MOST_CONFIRMATIONS} with --btcpay-url: a BTCPay Server waits for no more"
            ));
        }
        Ok(())
    }
}
