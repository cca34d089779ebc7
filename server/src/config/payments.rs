//! How customers pay.

use clap::Args;

use crate::payments::Confirmations;

/// Payments on chain, watched by this server.
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
}
