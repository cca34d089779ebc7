//! `provenhash admin`: the operator's routes from a shell. Prints the server's JSON answer; exit code 1 on a refusal.
//! `check` and `check-log` ask no server.

mod check;
mod check_log;
mod offer;
mod payout;
mod refund;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::operator_token;

/// Which server, and what to do.
#[derive(Args, Debug)]
pub(super) struct AdminArgs {
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The server's data folder with its operator.token, unless PROVENHASH_OPERATOR_TOKEN is set
    #[arg(long, default_value = "provenhash-data")]
    data: PathBuf,
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    #[command(flatten)]
    Route(RouteCommand),
    /// Hold the ledger against the log, the chain and the payouts' coins; exit code 1 at a difference. Works on the data
    /// folder and the database, also beside a running server
    Check(check::CheckArgs),
    /// Hash the whole log again and compare every row and file with it; exit code 1 when something is wrong. Works on the
    /// data folder itself, also beside a running server
    CheckLog(check_log::CheckLogArgs),
}

/// What one of the operator's routes does.
#[derive(Debug, Subcommand)]
enum RouteCommand {
    /// Put something up for sale
    CreateOffer(Box<offer::OfferArgs>),
    /// List contracts, newest first
    Contracts {
        /// reserved, active, fulfilled or cancelled
        #[arg(long)]
        status: Option<String>,
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Confirm the payment of a reserved contract, which opens it
    ConfirmPayment {
        contract: Uuid,
        #[arg(long)]
        received_sats: u64,
        /// For example the txid
        #[arg(long)]
        note: Option<String>,
    },
    /// Cancel a reserved contract
    Cancel { contract: Uuid },
    /// Close a contract before its term is over, where its terms refund unused time
    Close {
        contract: Uuid,
        /// For everyone to read in the log
        #[arg(long)]
        reason: String,
    },
    /// Register a lot and print its secret, the password of its logins; it is told only once
    CreateLot { name: String },
    /// List lots with what each has sent, and what became of it
    Lots {
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Refuse further logins for a lot
    CloseLot { name: String },
    /// Plan, approve, sign and follow payouts
    #[command(subcommand)]
    Payout(payout::PayoutCommand),
    /// Give back what customers paid above prices or too late
    #[command(subcommand)]
    Refund(refund::RefundCommand),
    /// Show the accounts of the ledger and their balances
    Ledger {
        #[arg(long)]
        cursor: Option<String>,
    },
}

/// A request to one of the operator's routes.
struct Request {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
}

pub(super) fn run(args: &AdminArgs) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match &args.command {
        AdminCommand::Route(command) => runtime.block_on(send(args, command.request()?)),
        AdminCommand::Check(check) => runtime.block_on(check::run(&args.data, check)),
        AdminCommand::CheckLog(check) => runtime.block_on(check_log::run(&args.data, check)),
    }
}

impl RouteCommand {
    fn request(&self) -> Result<Request> {
        Ok(match self {
            Self::CreateOffer(offer) => Request::post("offers".into(), Some(offer.body()?)),
            Self::Contracts { status, cursor } => {
                Request::get("contracts", [("status", status.clone()), ("cursor", cursor.clone())])
            }
            Self::ConfirmPayment { contract, received_sats, note } => {
                let body = json!({"received_sats": received_sats, "payment_note": note});
                Request::post(format!("contracts/{contract}/confirm-payment"), Some(body))
            }
            Self::Cancel { contract } => Request::post(format!("contracts/{contract}/cancel"), None),
            Self::Close { contract, reason } => {
                Request::post(format!("contracts/{contract}/close"), Some(json!({"reason": reason})))
            }
            Self::CreateLot { name } => Request::post("lots".into(), Some(json!({"name": name}))),
            Self::Lots { cursor } => Request::get("lots", [("cursor", cursor.clone())]),
            Self::CloseLot { name } => Request::post(format!("lots/{name}/close"), None),
            Self::Payout(command) => command.request()?,
            Self::Refund(command) => command.request(),
            Self::Ledger { cursor } => Request::get("ledger", [("cursor", cursor.clone())]),
        })
    }
}

impl Request {
    fn get<const N: usize>(path: &str, query: [(&'static str, Option<String>); N]) -> Self {
        let query = query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        Self { method: Method::GET, path: path.into(), query, body: None }
    }

    fn post(path: String, body: Option<Value>) -> Self {
        Self { method: Method::POST, path, query: Vec::new(), body }
    }
}

async fn send(args: &AdminArgs, request: Request) -> Result<ExitCode> {
    let token = operator_token::read(&args.data)?;
    let url = format!("{}/api/v1/admin/{}", args.url.trim_end_matches('/'), request.path);
    let mut call = reqwest::Client::new().request(request.method, &url).query(&request.query).bearer_auth(token);
    // One key for one run of this command: the server does it once, whatever happens to the connection.
    call = call.header("Idempotency-Key", Uuid::new_v4().to_string());
    if let Some(body) = &request.body {
        call = call.json(body);
    }
    let answer = call.send().await.with_context(|| format!("asking {url}"))?;
    let done = answer.status().is_success();
    println!("{}", answer.text().await?);
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
