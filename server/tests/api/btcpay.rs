//! Contracts that are paid through a BTCPay Server, from the purchase to the open contract.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::emulator::{API_KEY, Emulator, Received, STORE, WEBHOOK_SECRET};
use super::harness::{TestApp, on_each_database_with, on_folder, purchase, send};

const WEBHOOK: &str = "/api/v1/payments/btcpay";

/// A payment server with a wallet, and how to use it.
struct Btcpay {
    emulator: Emulator,
    received: Arc<Mutex<Vec<(String, Received)>>>,
    flags: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Btcpay {
    /// Read again every `poll_ms`, when no delivery hints at a change.
    async fn start(poll_ms: u64) -> Self {
        let received = Arc::<Mutex<Vec<(String, Received)>>>::default();
        let seen = Arc::clone(&received);
        let emulator = Emulator::start(Box::new(move |address| {
            let seen = seen.lock().unwrap();
            let paid = seen.iter().filter(|(paid, _)| *paid == address.to_string());
            paid.map(|(_, received)| received.clone()).collect()
        }))
        .await;
        let folder = tempfile::tempdir().unwrap();
        let flags = vec![
            format!("--btcpay-url={}", emulator.url),
            format!("--btcpay-store={STORE}"),
            format!("--btcpay-key={}", secret(folder.path(), "key", API_KEY)),
            format!("--btcpay-webhook-secret={}", secret(folder.path(), "webhook", WEBHOOK_SECRET)),
            format!("--btcpay-poll-ms={poll_ms}"),
            "--payments-every-ms=100".into(),
            "--confirmations=1".into(),
        ];
        Self { emulator, received, flags, _folder: folder }
    }

    fn flags(&self) -> Vec<&str> {
        self.flags.iter().map(String::as_str).collect()
    }

    fn pay(&self, invoice: &Value, sats: u64, confirmations: u32) {
        let mut received = self.received.lock().unwrap();
        let id = format!("{:064x}-0", received.len() + 1);
        received.push((invoice["address"].as_str().unwrap().to_owned(), Received { id, sats, confirmations }));
    }

    /// What the payment server calls a contract's invoice.
    fn invoice_of(&self, contract: &Value) -> String {
        self.emulator.made_for(contract["id"].as_str().unwrap()).remove(0)
    }
}

fn secret(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    fs::write(&file, format!("{text}\n")).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    file.to_str().unwrap().to_owned()
}

/// The invoice once it is as wanted.
async fn until(app: &TestApp, token: &str, contract: &Value, is_so: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/api/v1/contracts/{}/invoice", contract["id"].as_str().unwrap());
    for _ in 0..400 {
        let invoice = app.get(&path, token).await.expect(200);
        if is_so(&invoice) {
            return invoice;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{}", app.get(&path, token).await.text);
}

async fn bought(app: &TestApp, token: &str) -> (Value, Value) {
    let offer = app.offer(&format!("Small {}", uuid::Uuid::new_v4()), 5_000).await;
    let contract = app.post("/api/v1/contracts", token, &purchase(&offer, 600)).await.expect(201);
    let invoice = until(app, token, &contract, |invoice| invoice["address"].is_string()).await;
    (contract, invoice)
}

fn is_settled(invoice: &Value) -> bool {
    invoice["state"] == "settled"
}

#[tokio::test]
async fn a_delivery_lets_a_paid_contract_open_long_before_its_turn() {
    let btcpay = Btcpay::start(3_600_000).await;
    on_each_database_with(&btcpay.flags(), async |app| {
        let token = app.customer("ada@example.org").await;
        let (contract, invoice) = bought(app, &token).await;
        assert_eq!(invoice["gateway"], "btcpay");
        let address = invoice["address"].as_str().unwrap();
        assert_eq!(invoice["uri"], format!("bitcoin:{address}?amount=0.00000600"));
        let id = btcpay.invoice_of(&contract);
        assert_eq!(invoice["checkout_url"], format!("https://pay.example/i/{id}"));
        btcpay.pay(&invoice, 607, 1);
        let url = app.request(reqwest::Method::POST, WEBHOOK).build().unwrap().url().to_string();
        assert_eq!(btcpay.emulator.deliver(&url, "InvoicePaymentSettled", &id).await, [204]);
        let invoice = until(app, &token, &contract, is_settled).await;
        assert_eq!((&invoice["credited_sats"], &invoice["gateway_status"]), (&json!(7), &json!("settled_paid_over")));
        let contract = app.get(&format!("/api/v1/contracts/{}", contract["id"].as_str().unwrap()), &token).await;
        assert_eq!(contract.expect(200)["status"], "active");
        btcpay.received.lock().unwrap().clear();
    })
    .await;
}

#[tokio::test]
async fn lost_deliveries_are_made_up_for_by_polling() {
    let btcpay = Btcpay::start(200).await;
    on_each_database_with(&btcpay.flags(), async |app| {
        let token = app.customer("ada@example.org").await;
        let (contract, invoice) = bought(app, &token).await;
        btcpay.pay(&invoice, 600, 1);
        until(app, &token, &contract, is_settled).await;
        btcpay.received.lock().unwrap().clear();
    })
    .await;
}

#[tokio::test]
async fn forged_and_endless_deliveries_are_refused() {
    let btcpay = Btcpay::start(3_600_000).await;
    on_each_database_with(&btcpay.flags(), async |app| {
        let delivery = btcpay.emulator.delivery("InvoiceSettled", "Invoice1", None);
        let hand_in = async |body: String, signature: &str| {
            send(app.request(reqwest::Method::POST, WEBHOOK).header("BTCPay-Sig", signature).body(body)).await
        };
        hand_in(delivery.body.clone(), "sha256=00").await.problem(401, "wrong_signature");
        hand_in(delivery.body.replace("Invoice1", "Invoice2"), &delivery.signature)
            .await
            .problem(401, "wrong_signature");
        hand_in("x".repeat(70_000), &delivery.signature).await.problem(413, "body_too_large");
        assert_eq!(hand_in(delivery.body.clone(), &delivery.signature).await.status, 204);
        let signed = super::emulator::sign(WEBHOOK_SECRET, "{}");
        hand_in("{}".into(), &signed).await.problem(400, "bad_json");
    })
    .await;
    on_each_database_with(&[], async |app| {
        let delivery = btcpay.emulator.delivery("InvoiceSettled", "Invoice1", None);
        let request = app.request(reqwest::Method::POST, WEBHOOK).header("BTCPay-Sig", &delivery.signature);
        send(request.body(delivery.body)).await.problem(503, "unavailable");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_sold_that_can_not_be_paid() {
    let btcpay = Btcpay::start(3_600_000).await;
    on_each_database_with(&btcpay.flags(), async |app| {
        let token = app.customer("ada@example.org").await;
        let offer = app.offer("Small", 600).await;
        for refuse in [Emulator::set_down, Emulator::set_behind] {
            refuse(&btcpay.emulator, true);
            let refused = app.post("/api/v1/contracts", &token, &purchase(&offer, 600)).await;
            assert_eq!(refused.header("retry-after"), "60");
            let problem = refused.problem(503, "payments_unavailable");
            assert!(problem["detail"].as_str().unwrap().contains("nothing was reserved"), "{problem}");
            refuse(&btcpay.emulator, false);
        }
        app.post("/api/v1/contracts", &token, &purchase(&offer, 600)).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn an_invoice_outlives_restarts_of_the_server() {
    let btcpay = Btcpay::start(200).await;
    let folder = tempfile::tempdir().unwrap();
    let sold = Mutex::new(None);
    on_folder(folder.path(), &btcpay.flags(), async |app| {
        let token = app.customer("ada@example.org").await;
        let (contract, invoice) = bought(app, &token).await;
        btcpay.pay(&invoice, 600, 0);
        until(app, &token, &contract, |invoice| invoice["state"] == "seen").await;
        *sold.lock().unwrap() = Some((token, contract));
    })
    .await;
    btcpay.received.lock().unwrap()[0].1.confirmations = 1;
    let (token, contract) = sold.into_inner().unwrap().unwrap();
    on_folder(folder.path(), &btcpay.flags(), async |app| {
        until(app, &token, &contract, is_settled).await;
    })
    .await;
    assert_eq!(btcpay.emulator.made_for(contract["id"].as_str().unwrap()).len(), 1);
}
