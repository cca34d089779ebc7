//! One running application per test and database, and short words for talking to it.

use std::net::SocketAddr;
use std::path::Path;

use clap::Parser;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use server::app::{App, operator_token};
use server::config::Config;
use server::db::{Database, epochs, ledger};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A regtest address (BIP 173's example key).
pub(crate) const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A running application with a fresh database.
pub(crate) struct TestApp {
    pub(crate) database: Database,
    pub(crate) operator: String,
    /// Where rigs connect.
    pub(crate) stratum: SocketAddr,
    address: String,
    client: reqwest::Client,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
    postgres: Option<(String, String)>,
}

/// What the server said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    config: Config,
}

/// Runs a test on SQLite, and on PostgreSQL when `DATABASE_URL` names one. Afterwards the ledger must be in balance and
/// the application must end in order.
pub(crate) async fn on_each_database(test: impl AsyncFn(&TestApp)) {
    on_each_database_with(&[], test).await;
}

/// The same, with more flags.
pub(crate) async fn on_each_database_with(flags: &[&str], test: impl AsyncFn(&TestApp)) {
    for url in [None, std::env::var("DATABASE_URL").ok()].into_iter().take(1 + usize::from(has_postgres())) {
        let folder = tempfile::tempdir().unwrap();
        let app = TestApp::start(url, folder.path(), flags).await;
        test(&app).await;
        app.finish().await;
    }
}

/// Runs a test on SQLite in a folder that may have served before.
pub(crate) async fn on_folder(folder: &Path, flags: &[&str], test: impl AsyncFn(&TestApp)) {
    let app = TestApp::start(None, folder, flags).await;
    test(&app).await;
    app.finish().await;
}

fn has_postgres() -> bool {
    std::env::var("DATABASE_URL").is_ok_and(|url| url.starts_with("postgres"))
}

impl TestApp {
    async fn start(server_url: Option<String>, folder: &Path, flags: &[&str]) -> Self {
        let data = folder.to_str().unwrap();
        let mut arguments =
            vec!["test", "--listen=127.0.0.1:0", "--stratum=127.0.0.1:0", "--epoch-ms=86400000", "--data", data];
        arguments.extend(flags);
        let postgres = match server_url {
            Some(url) => Some(create_postgres(url).await),
            None => None,
        };
        if let Some((_, url)) = &postgres {
            arguments.extend(["--database-url", url]);
        }
        let config = Arguments::parse_from(arguments).config;
        let database_url = config.database_url();
        let stop = CancellationToken::new();
        let app = App::start(config, stop.clone()).await.unwrap();
        let address = format!("http://{}", app.http_address());
        let stratum = app.stratum_addresses()[0];
        Self {
            database: Database::open(&database_url).await.unwrap(),
            operator: operator_token::read(folder).unwrap(),
            stratum,
            address,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            stop,
            running: tokio::spawn(app.run()),
            postgres,
        }
    }

    async fn finish(self) {
        ledger::check(self.database.pool()).await.unwrap();
        self.database.close().await;
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
        if let Some((server_url, url)) = self.postgres {
            let name = url.rsplit('/').next().unwrap().to_owned();
            let mut connection = AnyConnection::connect(&server_url).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)")))
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.address))
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        send(self.request(Method::GET, path).bearer_auth(token)).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        let key = Uuid::new_v4().to_string();
        self.post_with_key(path, token, &key, body).await
    }

    pub(crate) async fn post_with_key(&self, path: &str, token: &str, key: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).bearer_auth(token).header("Idempotency-Key", key).json(body)).await
    }

    /// Signs a customer up and in; gives the session token.
    pub(crate) async fn customer(&self, email: &str) -> String {
        let credentials = json!({"email": email, "password": PASSWORD});
        self.post("/api/v1/accounts", "", &credentials).await.expect(201);
        let session = self.post("/api/v1/sessions", "", &credentials).await.expect(201);
        session["token"].as_str().unwrap().to_owned()
    }

    /// Puts up an offer of 100 to 1,000 H/s in steps of 100 with this capacity; gives its id.
    pub(crate) async fn offer(&self, name: &str, capacity_hs: u64) -> String {
        let offer =
            self.post("/api/v1/admin/offers", &self.operator, &offer_request(name, capacity_hs)).await.expect(201);
        offer["id"].as_str().unwrap().to_owned()
    }

    /// Waits until the first epoch has opened; the next one does a day later.
    pub(crate) async fn first_epoch(&self) {
        while epochs::last(&mut self.database.pool().acquire().await.unwrap()).await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until the published log shows an entry.
    pub(crate) async fn published(&self, index: u64) {
        while self.get("/api/v1/status", "").await.expect(200)["tree_size"].as_u64().unwrap() <= index {
            tokio::task::yield_now().await;
        }
    }

    /// Buys 100 H/s.
    pub(crate) async fn buy(&self, token: &str, offer: &str) -> Answer {
        self.post("/api/v1/contracts", token, &purchase(offer, 100)).await
    }

    /// Confirms a contract's payment.
    pub(crate) async fn confirm(&self, contract: &Value, received_sats: u64) -> Answer {
        let path = format!("/api/v1/admin/contracts/{}/confirm-payment", contract["id"].as_str().unwrap());
        self.post(&path, &self.operator, &json!({"received_sats": received_sats, "payment_note": "txid"})).await
    }
}

impl Answer {
    /// The JSON body of an answer that must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap()
    }

    /// Checks that this is a problem with this status and code, and gives its body.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let body = self.expect(status);
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["type"], format!("urn:provenhash:problem:{code}"));
        assert_eq!(body["status"], status);
        body
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

pub(crate) fn offer_request(name: &str, capacity_hs: u64) -> Value {
    json!({
        "name": name,
        "price_sats_per_ths_day": 1_000_000_000_000u64,
        "min_units_hs": "100",
        "max_units_hs": "1000",
        "step_units_hs": "100",
        "term_ms": 86_400_000,
        "capacity_hs": capacity_hs.to_string(),
    })
}

pub(crate) fn purchase(offer: &str, units_hs: u64) -> Value {
    let nonce = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    json!({"offer_id": offer, "units_hs": units_hs.to_string(), "payout_address": ADDRESS, "nonce": nonce})
}

/// A fresh database: the server's URL, and the new database's.
async fn create_postgres(server_url: String) -> (String, String) {
    sqlx::any::install_default_drivers();
    let name = format!("provenhash_{}", Uuid::new_v4().simple());
    let mut connection = AnyConnection::connect(&server_url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    let (address, _) = server_url.rsplit_once('/').unwrap();
    let url = format!("{address}/{name}");
    (server_url, url)
}
