//! A customer's wallet for the demo: pays an invoice on the embedded chain, whose first coin is its own.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tests::api::Api;
use tests::wallet::Wallet;

/// Pays on the chain of a running `provenhash demo`.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the address that the demo endows
    Address,
    /// Pay an address
    Pay {
        /// The demo's folder: the wallet keeps its coins there, and hands its payments in with the operator's token
        #[arg(long, default_value = "target/demo")]
        data: PathBuf,
        /// Where the demo is
        #[arg(long, default_value = "http://127.0.0.1:8080")]
        url: String,
        address: String,
        sats: u64,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Args::parse().command {
        Command::Address => println!("{}", Wallet::demo()?.address()),
        Command::Pay { data, url, address, sats } => {
            let file = data.join("demo-wallet.json");
            let mut wallet = Wallet::load(&file)?;
            let payment = wallet.pay(&address, sats)?;
            let token = std::fs::read_to_string(data.join("operator.token")).context("no operator token")?;
            let txid = Api::new(url).with_token(token.trim()).broadcast(&payment).await?;
            wallet.save(&file)?;
            println!("paid {sats} sats to {address} with {txid}");
        }
    }
    Ok(())
}
