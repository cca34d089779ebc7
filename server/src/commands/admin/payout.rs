//! `provenhash admin payout …`: what people do to payouts.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::json;

use super::Request;

/// What is done to a payout.
#[derive(Debug, Subcommand)]
pub(super) enum PayoutCommand {
    /// List payouts, newest first
    List {
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show one with its transactions and whom it pays
    Show { payout: u64 },
    /// Plan the next one now instead of at its time
    Plan,
    /// Agree to one above the limit; PROVENHASH_OPERATOR_TOKEN must hold the approver's token
    Approve { payout: u64 },
    /// Give up one that nobody can have signed
    Cancel { payout: u64 },
    /// Print one as a PSBT to be signed elsewhere; it can't be cancelled any more
    HandOut { payout: u64 },
    /// Take in a PSBT that was signed elsewhere: a file with base64, or - for standard input
    TakeIn { payout: u64, file: PathBuf },
    /// Replace the transaction by one with a higher fee
    Bump {
        payout: u64,
        /// Satoshis per 1,000 virtual bytes
        #[arg(long)]
        fee_rate: u64,
    },
}

impl PayoutCommand {
    pub(super) fn request(&self) -> Result<Request> {
        let post = |payout: &u64, what: &str| Request::post(format!("payouts/{payout}/{what}"), None);
        Ok(match self {
            Self::List { cursor } => Request::get("payouts", [("cursor", cursor.clone())]),
            Self::Show { payout } => Request::get(&format!("payouts/{payout}"), []),
            Self::Plan => Request::post("payouts".into(), None),
            Self::Approve { payout } => post(payout, "approve"),
            Self::Cancel { payout } => post(payout, "cancel"),
            Self::HandOut { payout } => post(payout, "hand-out"),
            Self::TakeIn { payout, file } => {
                Request::post(format!("payouts/{payout}/signed"), Some(json!({ "psbt": read(file)?.trim() })))
            }
            Self::Bump { payout, fee_rate } => {
                Request::post(format!("payouts/{payout}/bump"), Some(json!({ "fee_rate_sats_per_kvb": fee_rate })))
            }
        })
    }
}

fn read(file: &Path) -> Result<String> {
    if file != Path::new("-") {
        return std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()));
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("reading standard input")?;
    Ok(text)
}
