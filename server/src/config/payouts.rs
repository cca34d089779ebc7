//! How customers are paid.

use std::path::PathBuf;

use audit_core::hash::Hash32;
use audit_core::work::Sats;
use clap::Args;

use crate::payouts::FeeRate;

/// Payouts. Without a key file or a descriptor nothing is paid.
#[derive(Args, Clone, Debug)]
pub struct PayoutConfig {
    /// File with the descriptor of --payout-address and its private key, readable for its owner only: the server signs
    /// payouts
    #[arg(long, value_name = "FILE", conflicts_with = "payout_descriptor")]
    pub payout_key: Option<PathBuf>,
    /// Descriptor of --payout-address without private keys: payouts are signed elsewhere, as PSBTs
    #[arg(long, value_name = "DESCRIPTOR")]
    pub payout_descriptor: Option<String>,
    /// Who is owed less waits; after a contract's end everything above dust is paid
    #[arg(long, value_name = "SATS", default_value = "100000", value_parser = sats)]
    pub payout_threshold_sats: Sats,
    /// Outputs of one payout at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub payout_outputs: u16,
    /// Highest fee rate that is offered, in satoshis per 1,000 virtual bytes
    #[arg(long, value_name = "SATS", default_value = "100000", value_parser = fee_rate)]
    pub payout_fee_cap: FeeRate,
    /// What the server signs by itself in 24 hours at most, without fees
    #[arg(long, value_name = "SATS", default_value = "10000000", value_parser = sats)]
    pub payout_day_limit_sats: Sats,
    /// Payouts above this wait for a second person, see --approver-token-sha256
    #[arg(long, value_name = "SATS", value_parser = sats, requires = "approver_token_sha256")]
    pub payout_approval_above_sats: Option<Sats>,
    /// SHA-256 of the token of the person who approves payouts, who alone knows it (at least 128 random bits)
    #[arg(long, value_name = "HEX", value_parser = hash)]
    pub approver_token_sha256: Option<Hash32>,
    /// Time from one round of payouts to the next
    #[arg(long, default_value_t = 86_400_000, value_parser = clap::value_parser!(u64).range(1_000..=2_592_000_000))]
    pub payout_ms: u64,
    /// Blocks from a payout's to the tip, both counted, after which it goes into the log for good
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub payout_final_depth: u32,
}

/// An amount as a flag's value.
///
/// # Errors
/// What an amount is.
pub(crate) fn sats(text: &str) -> Result<Sats, String> {
    let sats = text.parse().ok().and_then(Sats::new);
    sats.ok_or_else(|| "a whole number of satoshis, at most 21 million bitcoin".into())
}

fn fee_rate(text: &str) -> Result<FeeRate, String> {
    let rate = text.parse().ok().and_then(FeeRate::new);
    rate.ok_or_else(|| format!("a whole number, at least {}: nodes relay nothing below", FeeRate::MIN.get()))
}

fn hash(text: &str) -> Result<Hash32, String> {
    text.parse().map_err(|_| "64 lower-case hex digits".into())
}
