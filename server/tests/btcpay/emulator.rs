//! A BTCPay Server with one store, as far as Provenhash asks it: the Greenfield API's invoices and health over real HTTP,
//! signed deliveries of its webhook with its schedule of repeats, and mishaps on demand.
//!
//! Its wallet is whatever the test says: what an address has received. Out of scope: Lightning, rates, users.

use std::collections::{BTreeMap, VecDeque};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bitcoin::hashes::{Hash as _, sha256};
use bitcoin::{Address, Network, ScriptBuf, WPubkeyHash};
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

pub(crate) const STORE: &str = "9CiNzKoANXxmk5ayZngSXrHTiVvvgCrwrpFQd4m2K776";
pub(crate) const API_KEY: &str = "0123456789abcdef0123456789abcdef01234567";
pub(crate) const WEBHOOK_SECRET: &str = "4vKzmXSyDmF7hfTuvxPMcJKKuJGw";
/// Waits before the repeats of a delivery: ten seconds, a minute, then six times ten minutes, here ten thousand times as
/// fast.
const REPEATS_MS: [u64; 8] = [1, 6, 60, 60, 60, 60, 60, 60];
/// Longer than any test's patience.
const LATE: Duration = Duration::from_secs(2);

/// An output that an address has received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// `txid-vout`, as NBitcoin writes it.
    pub(crate) id: String,
    pub(crate) sats: u64,
    pub(crate) confirmations: u32,
}

/// What an address has received, at this moment.
pub(crate) type Wallet = Box<dyn Fn(&Address) -> Vec<Received> + Send + Sync>;

/// Something that goes wrong once.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Makes the next invoice, and says so when nobody waits any more.
    LateAnswer,
    /// Answers the next question about invoices so, and does nothing.
    Answer(u16, String),
}

pub(crate) struct Emulator {
    pub(crate) url: String,
    shared: Arc<Shared>,
    server: ServerHandle,
}

/// A delivery as it goes over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) signature: String,
}

struct Shared {
    wallet: Wallet,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    invoices: Vec<Invoice>,
    faults: VecDeque<Fault>,
    then: Option<Box<dyn FnOnce() + Send>>,
    is_down: bool,
    is_behind: bool,
    questions: u64,
    deliveries: u64,
}

struct Invoice {
    id: String,
    order: String,
    amount: String,
    /// Blocks that its speed waits for.
    confirmations: u32,
    address: Address,
    created_s: u64,
    is_expired: bool,
    marked: Option<&'static str>,
    /// Every payment it has ever seen, with what it was worth.
    seen: BTreeMap<String, u64>,
}

impl Emulator {
    pub(crate) async fn start(wallet: Wallet) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/pay", listener.local_addr().unwrap());
        let shared = Arc::new(Shared { wallet, state: Mutex::default() });
        let data = Data::from(Arc::clone(&shared));
        let app = move || App::new().app_data(data.clone()).default_service(web::to(serve));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, shared, server: handle }
    }

    pub(crate) async fn stop(&self) {
        self.server.stop(false).await;
    }

    pub(crate) fn fail_next(&self, fault: Fault) {
        self.shared.lock().faults.push_back(fault);
    }

    /// Something that happens once the next question about invoices has been answered.
    pub(crate) fn after_next(&self, happens: impl FnOnce() + Send + 'static) {
        self.shared.lock().then = Some(Box::new(happens));
    }

    /// Answers nothing but 503.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.shared.lock().is_down = is_down;
    }

    /// Says that its node is not synchronized.
    pub(crate) fn set_behind(&self, is_behind: bool) {
        self.shared.lock().is_behind = is_behind;
    }

    /// Ids of the invoices made for an order, oldest first.
    pub(crate) fn made_for(&self, order: &str) -> Vec<String> {
        let state = self.shared.lock();
        state.invoices.iter().filter(|invoice| invoice.order == order).map(|invoice| invoice.id.clone()).collect()
    }

    /// Questions about invoices that were asked so far.
    pub(crate) fn questions(&self) -> u64 {
        self.shared.lock().questions
    }

    /// Lets an invoice's time run out.
    pub(crate) fn expire(&self, id: &str) {
        self.shared.lock().invoice(id).unwrap().is_expired = true;
    }

    /// Somebody marks an invoice as `Settled` or `Invalid` by hand.
    pub(crate) fn mark(&self, id: &str, status: &'static str) {
        self.shared.lock().invoice(id).unwrap().marked = Some(status);
    }

    /// A delivery about an invoice, or the repeat of one.
    pub(crate) fn delivery(&self, kind: &str, invoice: &str, original: Option<&Delivery>) -> Delivery {
        let mut state = self.shared.lock();
        state.deliveries += 1;
        let id = format!("delivery{}", state.deliveries);
        let body = json!({
            "deliveryId": id,
            "webhookId": "webhook1",
            "originalDeliveryId": original.map_or(id.clone(), |original| original.id.clone()),
            "isRedelivery": original.is_some(),
            "type": kind,
            "timestamp": now_s(),
            "storeId": STORE,
            "invoiceId": invoice,
            "metadata": {},
        });
        let body = serde_json::to_string_pretty(&body).unwrap();
        Delivery { id, signature: sign(WEBHOOK_SECRET, &body), body }
    }

    /// Delivers to `url`, with repeats until somebody takes it or says that he never will: the answers' statuses, 0 for none.
    pub(crate) async fn deliver(&self, url: &str, kind: &str, invoice: &str) -> Vec<u16> {
        let first = self.delivery(kind, invoice, None);
        let mut statuses = vec![send(url, &first).await];
        for wait_ms in REPEATS_MS {
            if !matches!(statuses.last(), Some(0 | 408 | 429 | 500..)) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            statuses.push(send(url, &self.delivery(kind, invoice, Some(&first))).await);
        }
        statuses
    }
}

/// Hands a delivery in: the answer's status, 0 for none.
pub(crate) async fn send(url: &str, delivery: &Delivery) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(url).header("BTCPay-Sig", &delivery.signature).header("Content-Type", "application/json");
    let answer = request.body(delivery.body.clone()).send().await;
    answer.map_or(0, |answer| answer.status().as_u16())
}

/// The value of `BTCPay-Sig`.
pub(crate) fn sign(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

async fn serve(request: HttpRequest, body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let path: Vec<&str> = request.path().trim_start_matches("/pay/api/v1/").split('/').collect();
    let (status, answer, is_late) = shared.answer(&request, &path, &body);
    if is_late {
        tokio::time::sleep(LATE).await;
    }
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).content_type("application/json").body(answer)
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn answer(&self, request: &HttpRequest, path: &[&str], body: &[u8]) -> (u16, String, bool) {
        let mut state = self.lock();
        if state.is_down {
            return (503, "resting".into(), false);
        }
        if path == ["health"] {
            return (200, json!({ "synchronized": !state.is_behind }).to_string(), false);
        }
        state.questions += 1;
        let authorization = request.headers().get("authorization").map(|value| value.to_str().unwrap());
        if authorization != Some(&format!("token {API_KEY}")) {
            return (401, json!({ "code": "unauthenticated" }).to_string(), false);
        }
        let is_made = request.method() == "POST";
        let is_late = match state.faults.pop_front() {
            Some(Fault::LateAnswer) if is_made => true,
            Some(Fault::LateAnswer) => {
                state.faults.push_front(Fault::LateAnswer);
                false
            }
            Some(Fault::Answer(status, answer)) => return (status, answer, false),
            None => false,
        };
        let (status, answer) = match path {
            ["stores", STORE, "invoices"] if is_made => state.make(&serde_json::from_slice(body).unwrap()),
            ["stores", STORE, "invoices"] => (200, state.list(request.query_string(), &self.wallet)),
            ["stores", STORE, "invoices", id] => state.of(id, |invoice| invoice.view(&self.wallet)),
            ["stores", STORE, "invoices", id, "payment-methods"] => {
                assert!(request.query_string().contains("onlyAccountedPayments=false"));
                state.of(id, |invoice| invoice.payment_methods(&self.wallet))
            }
            _ => (404, json!({ "code": "not-found" })),
        };
        state.then.take().into_iter().for_each(|happens| happens());
        (status, answer.to_string(), is_late)
    }
}

impl State {
    fn invoice(&mut self, id: &str) -> Option<&mut Invoice> {
        self.invoices.iter_mut().find(|invoice| invoice.id == id)
    }

    fn of(&mut self, id: &str, view: impl FnOnce(&mut Invoice) -> Value) -> (u16, Value) {
        let missing = || (404, json!({ "code": "invoice-not-found", "message": "The invoice was not found" }));
        self.invoice(id).map_or_else(missing, |invoice| (200, view(invoice)))
    }

    fn list(&mut self, query: &str, wallet: &Wallet) -> Value {
        let query: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let take = query.get("take").map_or(50, |take| take.parse().unwrap());
        let is_meant = |invoice: &&mut Invoice| query.get("orderId").is_none_or(|order| *order == invoice.order);
        // The newest first, as BTCPay lists them.
        let listed = self.invoices.iter_mut().rev().filter(is_meant).take(take);
        listed.map(|invoice| invoice.view(wallet)).collect()
    }

    fn make(&mut self, request: &Value) -> (u16, Value) {
        let (checkout, amount) = (&request["checkout"], request["amount"].as_str().unwrap_or_default());
        let is_meant = request["currency"] == "BTC"
            && checkout["paymentMethods"] == json!(["BTC-CHAIN"])
            && checkout["lazyPaymentMethods"] == json!(false)
            && checkout["paymentTolerance"] == json!(0)
            && checkout["monitoringMinutes"] == json!(30 * 24 * 60)
            && checkout["expirationMinutes"].as_u64().is_some_and(|minutes| minutes > 0)
            && amount.split_once('.').is_some_and(|(_, fraction)| fraction.len() == 8);
        let confirmations = match checkout["speedPolicy"].as_str() {
            Some("MediumSpeed") => 1,
            Some("LowMediumSpeed") => 2,
            Some("LowSpeed") => 6,
            _ => return (422, json!([{ "path": "checkout.speedPolicy" }])),
        };
        if !is_meant {
            return (422, json!([{ "path": "checkout", "message": request }]));
        }
        let number = self.invoices.len() as u64 + 1;
        let hash = sha256::Hash::hash(&number.to_be_bytes());
        let script = ScriptBuf::new_p2wpkh(&WPubkeyHash::from_slice(&hash[..20]).unwrap());
        self.invoices.push(Invoice {
            id: format!("Invoice{number}"),
            order: request["metadata"]["orderId"].as_str().unwrap().to_owned(),
            amount: amount.to_owned(),
            confirmations,
            address: Address::from_script(&script, Network::Regtest).unwrap(),
            created_s: now_s() + number,
            is_expired: false,
            marked: None,
            seen: BTreeMap::new(),
        });
        let wallet: Wallet = Box::new(|_| Vec::new());
        (200, self.invoices.last_mut().unwrap().view(&wallet))
    }
}

impl Invoice {
    /// Each payment with its status.
    fn payments(&mut self, wallet: &Wallet) -> Vec<(String, u64, &'static str)> {
        let received = wallet(&self.address);
        self.seen.extend(received.iter().map(|received| (received.id.clone(), received.sats)));
        let status = |id: &str| match received.iter().find(|received| received.id == *id) {
            Some(received) if received.confirmations >= self.confirmations => "Settled",
            Some(_) => "Processing",
            None => "Invalid",
        };
        self.seen.iter().map(|(id, sats)| (id.clone(), *sats, status(id))).collect()
    }

    fn status(&mut self, wallet: &Wallet) -> (&'static str, &'static str) {
        if let Some(marked) = self.marked {
            return (marked, "Marked");
        }
        let payments = self.payments(wallet);
        let sum = |is_meant: &dyn Fn(&str) -> bool| -> u64 {
            payments.iter().filter(|(_, _, status)| is_meant(status)).map(|(_, sats, _)| sats).sum()
        };
        let price: u64 = self.amount.replace('.', "").parse().unwrap();
        let (paid, settled) = (sum(&|status| status != "Invalid"), sum(&|status| status == "Settled"));
        let over = if paid > price { "PaidOver" } else { "None" };
        match (paid >= price, settled >= price, self.is_expired) {
            (true, true, _) => ("Settled", over),
            (true, false, false) => ("Processing", over),
            (true, false, true) => ("Expired", "PaidLate"),
            (false, _, true) => ("Expired", if paid > 0 { "PaidPartial" } else { "None" }),
            (false, _, false) => ("New", if paid > 0 { "PaidPartial" } else { "None" }),
        }
    }

    fn view(&mut self, wallet: &Wallet) -> Value {
        let (status, additional) = self.status(wallet);
        json!({
            "id": self.id,
            "storeId": STORE,
            "amount": self.amount,
            "currency": "BTC",
            "type": "Standard",
            "checkoutLink": format!("https://pay.example/i/{}", self.id),
            "createdTime": self.created_s,
            "status": status,
            "additionalStatus": additional,
            "metadata": { "orderId": self.order },
            "checkout": { "paymentMethods": ["BTC-CHAIN"] },
            "archived": false,
        })
    }

    fn payment_methods(&mut self, wallet: &Wallet) -> Value {
        let payments = self.payments(wallet).into_iter().map(|(id, sats, status)| {
            let value = format!("{}.{:08}", sats / 100_000_000, sats % 100_000_000);
            json!({ "id": id, "receivedDate": now_s(), "value": value, "fee": "0", "status": status,
                "destination": self.address.to_string() })
        });
        let payments: Vec<Value> = payments.collect();
        json!([{
            "paymentMethodId": "BTC-CHAIN",
            "currency": "BTC",
            "destination": self.address.to_string(),
            "paymentLink": format!("bitcoin:{}?amount={}", self.address, self.amount),
            "rate": "1",
            "activated": true,
            "payments": payments,
        }])
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
