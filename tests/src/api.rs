//! A client of the HTTP interface, as far as the tests need it.

use std::time::Duration;

use anyhow::{Context, bail};
use audit_core::contract::Receipt;
use audit_core::hash::Hash32;
use audit_core::work::{Units, Work};
use bitcoin::Transaction;
use bitcoin::consensus::encode::serialize_hex;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

/// Someone who talks to the server.
#[derive(Clone)]
pub struct Api {
    base: String,
    token: Option<String>,
    client: reqwest::Client,
}

/// An offer.
#[derive(Deserialize, Debug)]
pub struct Offer {
    pub id: String,
    pub name: String,
    pub min_units_hs: Units,
}

/// A contract as its buyer or the operator sees it.
#[derive(Deserialize, Debug)]
pub struct Contract {
    pub id: String,
    pub status: String,
    pub price_sats: u64,
    pub payment_reference: String,
    pub contract_id: Option<Hash32>,
    pub receipt: Option<Receipt>,
    pub credited_sats: u64,
    pub work: Work,
}

/// How a contract is paid.
#[derive(Deserialize, Debug)]
pub struct Invoice {
    pub state: String,
    /// Null for a moment after the purchase.
    pub address: Option<String>,
    pub price_sats: u64,
    pub missing_sats: u64,
    pub credited_sats: u64,
}

/// What the server says about itself.
#[derive(Deserialize, Debug)]
pub struct Status {
    pub network: String,
    pub log_vkey: String,
    pub tree_size: u64,
    pub signed_size: u64,
    pub witnesses: Vec<WitnessStatus>,
    /// Null until the first epoch is open.
    pub epoch: Option<u64>,
    pub sessions: u64,
    pub shares_total: u64,
    pub work_total: Work,
    pub blocks: Blocks,
    pub settlements: u64,
}

/// A witness of the log, as the server sees it.
#[derive(Deserialize, Debug)]
pub struct WitnessStatus {
    pub name: String,
    pub error: Option<String>,
}

/// Blocks by fate.
#[derive(Deserialize, Debug)]
pub struct Blocks {
    pub found: u64,
    pub matured: u64,
    pub orphaned: u64,
}

/// A payout address on regtest and one on signet: the program of BIP 173's first test vector.
pub const REGTEST_ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
pub const SIGNET_ADDRESS: &str = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx";

impl Api {
    /// Nobody in particular.
    pub fn new(base: String) -> Api {
        // The server closes what was idle for five seconds: a request on such a connection may meet its end.
        let client = reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(1));
        Api { base, token: None, client: client.build().expect("there is no TLS to set up") }
    }

    /// The same as whoever holds `token`.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Api {
        Api { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Creates an account and signs in.
    pub async fn register(&self, email: &str) -> anyhow::Result<Api> {
        let credentials = json!({ "email": email, "password": "correct horse battery staple" });
        self.post::<Value>("accounts", &credentials).await?;
        let session: Value = self.post("sessions", &credentials).await?;
        Ok(self.with_token(session["token"].as_str().context("no token in the session")?))
    }

    /// All offers (the first page).
    pub async fn offers(&self) -> anyhow::Result<Vec<Offer>> {
        Ok(self.get::<Page<Offer>>("offers").await?.items)
    }

    /// Reserves a contract.
    pub async fn buy(&self, offer: &Offer, units: Units, address: &str) -> anyhow::Result<Contract> {
        let nonce = Hash32::of(Uuid::new_v4().as_bytes());
        let order = json!({ "offer_id": offer.id, "units_hs": units, "payout_address": address, "nonce": nonce });
        self.post("contracts", &order).await
    }

    /// A contract by its id in the API.
    pub async fn contract(&self, id: &str) -> anyhow::Result<Contract> {
        self.get(&format!("contracts/{id}")).await
    }

    /// What a contract is owed and was not paid, as the server states it.
    pub async fn contract_unpaid(&self, id: &str) -> anyhow::Result<u64> {
        let contract: Value = self.get(&format!("contracts/{id}")).await?;
        contract["unpaid_sats"].as_u64().context("a contract without unpaid_sats")
    }

    /// As the operator: the price of a contract has arrived.
    pub async fn confirm_payment(&self, contract: &Contract) -> anyhow::Result<Contract> {
        let payment = json!({ "received_sats": contract.price_sats, "payment_note": "paid on the test chain" });
        self.post(&format!("admin/contracts/{}/confirm-payment", contract.id), &payment).await
    }

    /// A contract's invoice.
    pub async fn invoice(&self, id: &str) -> anyhow::Result<Invoice> {
        self.get(&format!("contracts/{id}/invoice")).await
    }

    /// As the operator: hands a transaction to the network; its txid.
    pub async fn broadcast(&self, transaction: &Transaction) -> anyhow::Result<String> {
        let body = json!({ "raw_transaction": serialize_hex(transaction) });
        let answer: Value = self.post("admin/transactions", &body).await?;
        Ok(answer["txid"].as_str().context("no txid")?.to_owned())
    }

    /// How the server is doing.
    pub async fn status(&self) -> anyhow::Result<Status> {
        self.get("status").await
    }

    /// A file of the evidence; `None` if there is none at that path.
    pub async fn evidence(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let response = self.client.get(format!("{}/{path}", self.base)).send().await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => Ok(Some(response.bytes().await?.into())),
            status => bail!("GET /{path}: {status}"),
        }
    }

    /// GET under /api/v1.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.ask(Method::GET, path, None).await
    }

    /// GET of a text under /api/v1, such as CSV.
    pub async fn text(&self, path: &str) -> anyhow::Result<String> {
        let request = self
            .client
            .get(format!("{}/api/v1/{path}", self.base))
            .bearer_auth(self.token.as_deref().unwrap_or_default());
        let response = request.send().await?.error_for_status().with_context(|| format!("GET /api/v1/{path}"))?;
        Ok(response.text().await?)
    }

    /// POST under /api/v1 with a fresh idempotency key.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<T> {
        let what = format!("{method} /api/v1/{path}");
        let mut request = self.client.request(method, format!("{}/api/v1/{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body).header("Idempotency-Key", Uuid::new_v4().to_string());
        }
        let response = request.send().await.with_context(|| what.clone())?;
        let (status, text) = (response.status(), response.text().await?);
        if !status.is_success() {
            bail!("{what}: {status}: {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("{what} answered {text}"))
    }
}

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
}
