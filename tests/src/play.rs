//! The buyer's part, which several tests and the headless demo play: register, buy, have the payment confirmed.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use audit_core::json::to_canonical;

use crate::api::{Api, Contract, REGTEST_ADDRESS};
use crate::poll::{MINED, SOON, until};
use crate::server::Server;
use crate::wallet::Wallet;

/// A buyer with an active contract.
pub struct Buyer {
    pub api: Api,
    pub contract: Contract,
}

impl Buyer {
    /// Registers `email`, buys the smallest piece of the first offer, and lets the operator confirm the payment.
    pub async fn with_contract(server: &Server, email: &str) -> anyhow::Result<Buyer> {
        Buyer::paid_to(server, email, REGTEST_ADDRESS).await
    }

    /// The same, paying on the embedded chain with the wallet that the demo endows.
    pub async fn paying_on_chain(server: &Server, email: &str, wallet: &mut Wallet) -> anyhow::Result<Buyer> {
        let api = server.api().register(email).await?;
        let offers = api.offers().await?;
        let offer = offers.first().context("the server has no offer")?;
        let reserved = api.buy(offer, offer.min_units_hs, REGTEST_ADDRESS).await?;
        let address =
            until("an address to pay to", SOON, async || Ok(api.invoice(&reserved.id).await?.address)).await?;
        let txid = server.operator()?.broadcast(&wallet.pay(&address, reserved.price_sats)?).await?;
        println!("paid {} sats to {address} with {txid}", reserved.price_sats);
        let contract = until("the paid contract to open", MINED, async || {
            Ok(Some(api.contract(&reserved.id).await?).filter(|contract| contract.status == "active"))
        })
        .await?;
        ensure!(contract.receipt.is_some(), "an active contract has no receipt");
        Ok(Buyer { api, contract })
    }

    /// The same, paid to an address of another network.
    pub async fn paid_to(server: &Server, email: &str, address: &str) -> anyhow::Result<Buyer> {
        let api = server.api().register(email).await?;
        let offers = api.offers().await?;
        let offer = offers.first().context("the server has no offer")?;
        let reserved = api.buy(offer, offer.min_units_hs, address).await?;
        ensure!(reserved.status == "reserved", "a new contract is {}", reserved.status);
        server.operator()?.confirm_payment(&reserved).await?;
        let contract = api.contract(&reserved.id).await?;
        ensure!(contract.status == "active", "a paid contract is {}", contract.status);
        ensure!(contract.receipt.is_some(), "an active contract has no receipt");
        Ok(Buyer { api, contract })
    }

    /// Keeps the receipt as the buyer would.
    pub fn save_receipt(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        let receipt = self.contract.receipt.as_ref().context("no receipt")?;
        let file = folder.join("receipt.json");
        std::fs::write(&file, to_canonical(receipt))?;
        Ok(file)
    }

    /// Waits until a settlement has credited the contract.
    pub async fn wait_until_credited(&self) -> anyhow::Result<Contract> {
        until("a settlement that credits the contract", MINED, async || {
            let contract = self.api.contract(&self.contract.id).await?;
            Ok((contract.credited_sats > 0).then_some(contract))
        })
        .await
    }
}
