//! Twenty buyers: what they buy and where they are paid.

use anyhow::ensure;
use audit_core::hash::sha256;
use audit_core::work::Units;
use bitcoin::secp256k1::{Secp256k1, SecretKey};
use bitcoin::{Address, CompressedPublicKey, Network, XOnlyPublicKey};
use serde_json::Value;
use tests::api::{Api, Contract, Offer};
use tests::poll::{SOON, until};

use super::market::Market;
use super::products::products;

/// Where buyers are paid: every common kind of address.
const KINDS: [&str; 4] = ["wpkh", "tr", "sh-wpkh", "pkh"];
/// Buyers before the first kill.
const FIRST_BUYERS: usize = 10;

/// Somebody with one contract.
pub(super) struct Customer {
    pub api: Api,
    pub contract: Contract,
    pub scheme: &'static str,
    /// Where it is paid.
    pub address: String,
    /// Where it pays.
    pub invoice_address: String,
    /// What it has paid there.
    pub paid_sats: u64,
}

impl Customer {
    /// The invoice with payments and events.
    pub(super) async fn invoice(&self) -> anyhow::Result<Value> {
        self.api.get(&format!("contracts/{}/invoice", self.contract.id)).await
    }

    /// How often something happened to the invoice.
    pub(super) async fn events(&self, kind: &str) -> anyhow::Result<usize> {
        let invoice = self.invoice().await?;
        let events = invoice["events"].as_array().into_iter().flatten();
        Ok(events.filter(|event| event["kind"] == kind).count())
    }

    /// Waits until the invoice is in a state.
    pub(super) async fn is(&self, state: &str) -> anyhow::Result<()> {
        until(&format!("the invoice of {} to be {state}", self.address), SOON, async || {
            Ok((self.invoice().await?["state"] == state).then_some(()))
        })
        .await
    }
}

impl Market {
    /// The first buyer reserves and lets the deadline pass.
    pub(super) async fn sell_one_that_runs_out(&mut self) -> anyhow::Result<()> {
        for product in products() {
            product.offer(&self.server.operator()?).await?;
        }
        self.sell_to_next().await?;
        self.customers[0].is("expired").await?;
        self.keep_reservations().await
    }

    /// All others reserve; the server is killed in between.
    pub(super) async fn sell_the_others(&mut self) -> anyhow::Result<()> {
        let orders = orders().len();
        while self.customers.len() < orders {
            if self.customers.len() == FIRST_BUYERS {
                self.kill().await?;
            }
            self.sell_to_next().await?;
        }
        Ok(())
    }

    async fn sell_to_next(&mut self) -> anyhow::Result<()> {
        let number = self.customers.len();
        let (scheme, name, units) = orders()[number];
        let api = self.server.api().register(&format!("buyer{number}@example.org")).await?;
        let offers = api.offers().await?;
        let offer: Vec<&Offer> = offers.iter().filter(|offer| offer.name == name).collect();
        ensure!(offer.len() == 1, "{} offers are named {name}", offer.len());
        let address = address_of(KINDS[number % KINDS.len()], u32::try_from(number)?)?;
        let contract = api.buy(offer[0], units, &address).await?;
        let invoice_address =
            until("an address to pay to", SOON, async || Ok(api.invoice(&contract.id).await?.address)).await?;
        self.customers.push(Customer { api, contract, scheme, address, invoice_address, paid_sats: 0 });
        Ok(())
    }
}

/// Scheme, offer and units of every order. The first is of the offer that is sold first.
fn orders() -> Vec<(&'static str, &'static str, Units)> {
    let of = |product: super::products::Product| {
        let orders: Vec<Units> = product.orders().collect();
        orders.into_iter().map(move |units| (product.scheme, product.name, units))
    };
    products().into_iter().flat_map(of).collect()
}

/// An address of a kind, whose key is made from its number.
pub(super) fn address_of(kind: &str, number: u32) -> anyhow::Result<String> {
    let secret = SecretKey::from_slice(&sha256(format!("buyer {number}").as_bytes()))?;
    let key = CompressedPublicKey(secret.public_key(&Secp256k1::new()));
    let network = Network::Regtest;
    let address = match kind {
        "tr" => Address::p2tr(&Secp256k1::new(), XOnlyPublicKey::from(key.0), None, network),
        "sh-wpkh" => Address::p2shwpkh(&key, network),
        "pkh" => Address::p2pkh(key, network),
        _ => Address::p2wpkh(&key, network),
    };
    Ok(address.to_string())
}
