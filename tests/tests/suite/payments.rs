//! Payments on Bitcoin Core: paid, underpaid, replaced, reorganised.

use anyhow::Context;
use bitcoin::Transaction;
use bitcoin::consensus::encode::serialize_hex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::api::{Api, Contract, Invoice, REGTEST_ADDRESS};
use tests::bitcoind::{Bitcoind, Network};
use tests::poll::{SOON, until};
use tests::server::{Plan, Server};
use tests::wallet::Wallet;

/// Public key of BIP 32's first test vector, as regtest writes it.
const DESCRIPTOR: &str = "wpkh(tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp/0/*)";
/// Blocks on a coinbase until it can be spent.
const MATURITY: u64 = 101;

/// A shop on a node, and a customer with coins.
struct Shop {
    // Dropped in this order: programs before their files.
    server: Server,
    node: Bitcoind,
    customer: Api,
    wallet: Wallet,
    _folder: TempDir,
}

impl Shop {
    async fn start(confirmations: u32) -> anyhow::Result<Shop> {
        let folder = tempfile::tempdir()?;
        let node = Bitcoind::start(Network::Regtest).await?;
        let mut wallet = Wallet::empty()?;
        node.mine(1, &wallet.address().to_string()).await?;
        node.mine(MATURITY, REGTEST_ADDRESS).await?;
        wallet.receive(&node.coinbase(1).await?);
        let plan = Plan::bitcoin_core(folder.path(), "regtest", &node.url()?, REGTEST_ADDRESS)
            .with_flag(&format!("--receive-descriptor={DESCRIPTOR}"))
            .with_flag(&format!("--confirmations={confirmations}"))
            .with_flag("--payments-every-ms=200");
        let server = Server::start(plan).await?;
        let customer = server.api().register("payer@example.org").await?;
        Ok(Shop { server, node, customer, wallet, _folder: folder })
    }

    /// Buys, and waits for the address.
    async fn buy(&self) -> anyhow::Result<(Contract, Invoice)> {
        let offers = self.customer.offers().await?;
        let offer = offers.first().context("no offer")?;
        let contract = self.customer.buy(offer, offer.min_units_hs, REGTEST_ADDRESS).await?;
        let invoice = until("an address to pay to", SOON, async || {
            Ok(Some(self.customer.invoice(&contract.id).await?).filter(|invoice| invoice.address.is_some()))
        })
        .await?;
        Ok((contract, invoice))
    }

    async fn hand_in(&self, transaction: &Transaction) -> anyhow::Result<()> {
        self.node.rpc("sendrawtransaction", json!([serialize_hex(transaction)])).await.map(drop)
    }

    async fn pay(&mut self, invoice: &Invoice, sats: u64) -> anyhow::Result<Transaction> {
        let payment = self.wallet.pay(invoice.address.as_deref().context("no address")?, sats)?;
        self.hand_in(&payment).await?;
        Ok(payment)
    }

    async fn mine(&self, count: u64) -> anyhow::Result<()> {
        self.node.mine(count, REGTEST_ADDRESS).await
    }

    /// Waits until the invoice is in a state.
    async fn is(&self, contract: &Contract, state: &str) -> anyhow::Result<Invoice> {
        until(&format!("the invoice to be {state}"), SOON, async || {
            Ok(Some(self.customer.invoice(&contract.id).await?).filter(|invoice| invoice.state == state))
        })
        .await
    }

    async fn is_active(&self, contract: &Contract) -> anyhow::Result<()> {
        let contract = self.customer.contract(&contract.id).await?;
        anyhow::ensure!(contract.status == "active" && contract.receipt.is_some(), "{}", contract.status);
        Ok(())
    }
}

#[tokio::test]
async fn bitcoin_core_shows_payments_and_the_contract_opens_by_itself() -> anyhow::Result<()> {
    let mut shop = Shop::start(2).await?;
    let (contract, invoice) = shop.buy().await?;
    shop.pay(&invoice, contract.price_sats).await?;
    shop.is(&contract, "seen").await?;
    shop.mine(1).await?;
    shop.is(&contract, "confirming").await?;
    shop.server.kill().await?;
    shop.mine(1).await?;
    shop.server.restart().await?;
    shop.is(&contract, "settled").await?;
    shop.is_active(&contract).await?;

    let (topped_up, invoice) = shop.buy().await?;
    shop.pay(&invoice, topped_up.price_sats - 300).await?;
    let short = shop.is(&topped_up, "underpaid").await?;
    assert_eq!(short.missing_sats, 300);
    shop.pay(&invoice, 300).await?;
    shop.is(&topped_up, "seen").await?;
    shop.mine(2).await?;
    assert_eq!(shop.is(&topped_up, "settled").await?.credited_sats, 0);
    shop.is_active(&topped_up).await?;
    shop.server.stop().await
}

#[tokio::test]
async fn a_payment_that_is_replaced_on_bitcoin_core_opens_nothing() -> anyhow::Result<()> {
    let mut shop = Shop::start(1).await?;
    let (contract, invoice) = shop.buy().await?;
    let payment = shop.pay(&invoice, contract.price_sats).await?;
    shop.is(&contract, "seen").await?;
    let back = shop.wallet.replace(&payment, REGTEST_ADDRESS, contract.price_sats)?;
    shop.hand_in(&back).await?;
    shop.is(&contract, "new").await?;
    shop.mine(3).await?;
    shop.pay(&invoice, contract.price_sats + 700).await?;
    shop.is(&contract, "seen").await?;
    shop.mine(1).await?;
    assert_eq!(shop.is(&contract, "settled").await?.credited_sats, 700);
    shop.is_active(&contract).await?;
    shop.server.stop().await
}

/// Payments at each depth are thrown out of their blocks, before the contract opened and after, and come back.
#[tokio::test]
async fn reorganisations_of_one_to_six_blocks_on_bitcoin_core_lose_and_double_nothing() -> anyhow::Result<()> {
    let mut shop = Shop::start(3).await?;
    for depth in 1..=6 {
        let (contract, invoice) = shop.buy().await?;
        shop.pay(&invoice, contract.price_sats).await?;
        shop.mine(depth).await?;
        shop.is(&contract, if depth >= 3 { "settled" } else { "confirming" }).await?;
        shop.node.reorganise(depth, REGTEST_ADDRESS).await?;
        shop.is(&contract, if depth >= 3 { "reorged" } else { "seen" }).await?;
        shop.mine(3).await?;
        shop.is(&contract, "settled").await?;
        shop.is_active(&contract).await?;
    }
    let ledger: Value = shop.server.operator()?.get("admin/ledger").await?;
    let balance = |name: &str| {
        let rows = ledger["items"].as_array().into_iter().flatten();
        rows.filter(|row| row["account"] == name).filter_map(|row| row["balance_sats"].as_i64()).sum::<i64>()
    };
    assert_eq!(balance("asset:contract_payments"), -balance("income:contract_sales"));
    assert!(balance("asset:contract_payments") > 0);
    shop.server.stop().await
}
