//! `provenhash admin refund …`: giving back what customers are owed.

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::Request;

/// What is done about refunds.
#[derive(Debug, Subcommand)]
pub(super) enum RefundCommand {
    /// List the accounts that are owed something back, and where they want it
    Owed {
        #[arg(long)]
        cursor: Option<String>,
    },
    /// List refunds, newest first
    List {
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Name the output with which you have refunded an account; it is looked for on the chain and booked
    Record {
        account: Uuid,
        /// As txid:vout
        output: String,
        /// What it pays
        #[arg(long)]
        refund_sats: u64,
    },
}

impl RefundCommand {
    pub(super) fn request(&self) -> Request {
        match self {
            Self::Owed { cursor } => Request::get("refunds/owed", [("cursor", cursor.clone())]),
            Self::List { cursor } => Request::get("refunds", [("cursor", cursor.clone())]),
            Self::Record { account, output, refund_sats } => {
                let body = json!({ "account_id": account, "output": output, "refund_sats": refund_sats });
                Request::post("refunds".into(), Some(body))
            }
        }
    }
}
