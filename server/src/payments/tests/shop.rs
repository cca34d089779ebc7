//! A shop that sells, on a chain that the test decides, paid through either gateway.

use std::sync::Arc;
use std::time::Duration;

use audit_core::work::Units;
use bdk_wallet::bitcoin::{Address, Network, ScriptBuf, Transaction};
use pool_core::node::Node;

use crate::books;
use crate::clock::now_ms;
use crate::db::contracts::{self, Contract, Status};
use crate::db::invoices::{self, Event, Invoice, State};
use crate::db::ledger::{self, Account};
use crate::engine::fixture::Fixture;
use crate::payments::btcpay::emulator::{API_KEY, Emulator, Received, STORE, Wallet};
use crate::payments::{BtcpayGateway, BtcpaySettings, ChainGateway, PaymentGateway, Payments, Secret};
use crate::tlog::check::on_each_database;
use crate::wallet::fixture::TestChain;
use crate::wallet::{Descriptors, WalletConfig};

/// Public key of BIP 32's first test vector, as regtest writes it.
const XPUB: &str =
    "tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp";
pub(crate) const PRICE: u64 = 100_000;
pub(crate) const FAR_MS: u64 = u64::MAX >> 1;
/// Longer than the emulator takes, shorter than it can be late.
const PATIENCE: Duration = Duration::from_millis(800);

/// A shop: contracts, and a chain to pay them on.
pub(crate) struct Shop {
    pub(crate) fixture: Fixture,
    pub(crate) chain: Arc<TestChain>,
    pub(crate) payments: Payments,
    /// The payment server, if payments go through one.
    pub(crate) btcpay: Option<Arc<Emulator>>,
    capacity: u128,
}

/// A contract with its invoice and where to pay it.
pub(crate) struct Sold {
    pub(crate) contract: Contract,
    pub(crate) script: ScriptBuf,
}

/// Runs a test with each gateway on each database.
pub(crate) async fn on_each_shop(test: impl AsyncFn(Shop)) {
    on_each_shop_of_capacity(1_000, test).await;
}

pub(crate) async fn on_each_shop_of_capacity(capacity: u128, test: impl AsyncFn(Shop)) {
    on_each_database(async || {
        for has_btcpay in [false, true] {
            test(Shop::start(has_btcpay, capacity).await).await;
        }
    })
    .await;
}

/// A wallet of the addresses behind `branch`.
fn on_chain(fixture: &Fixture, chain: &Arc<TestChain>, branch: u8) -> Arc<dyn PaymentGateway> {
    let descriptors = Descriptors::watch_only(&format!("wpkh({XPUB}/{branch}/*)"), Network::Regtest).unwrap();
    let network = Network::Regtest;
    let wallet = WalletConfig { name: "receive", descriptors, network, birthday: Some(0), lookahead: 20 };
    let node = Arc::clone(chain) as Arc<dyn Node>;
    let confirmations = "1,50000:3".parse().unwrap();
    Arc::new(ChainGateway::new(wallet, fixture.log.database.clone(), node, confirmations))
}

fn through_btcpay(emulator: &Emulator, poll: Duration) -> Arc<dyn PaymentGateway> {
    let settings = BtcpaySettings {
        server: emulator.url.parse().unwrap(),
        store: STORE.into(),
        api_key: Secret::new(API_KEY),
        timeout: PATIENCE,
        poll,
    };
    Arc::new(BtcpayGateway::new(&settings, Network::Regtest, "1,50000:3".parse().unwrap()).unwrap())
}

/// The payment server's wallet sees the same chain.
fn wallet_on(chain: &Arc<TestChain>) -> Wallet {
    let chain = Arc::clone(chain);
    Box::new(move |address| {
        let received = chain.received(&address.script_pubkey()).into_iter();
        let told = received.map(|(outpoint, sats, confirmations)| Received {
            id: format!("{}-{}", outpoint.txid, outpoint.vout),
            sats,
            confirmations,
        });
        told.collect()
    })
}

impl Shop {
    /// Paid on chain.
    pub(crate) async fn new() -> Self {
        Self::start(false, 1_000).await
    }

    /// Paid through a payment server.
    pub(crate) async fn with_btcpay() -> (Self, Arc<Emulator>) {
        let shop = Self::start(true, 1_000).await;
        let emulator = shop.btcpay.clone().expect("a shop with a payment server");
        (shop, emulator)
    }

    async fn start(has_btcpay: bool, capacity: u128) -> Self {
        let chain = Arc::new(TestChain::new());
        chain.mine(3);
        let btcpay = if has_btcpay { Some(Arc::new(Emulator::start(wallet_on(&chain)).await)) } else { None };
        Self::on(Fixture::new().await, chain, btcpay, capacity, Duration::ZERO)
    }

    fn on(
        fixture: Fixture,
        chain: Arc<TestChain>,
        btcpay: Option<Arc<Emulator>>,
        capacity: u128,
        poll: Duration,
    ) -> Self {
        let gateway =
            btcpay.as_ref().map_or_else(|| on_chain(&fixture, &chain, 0), |btcpay| through_btcpay(btcpay, poll));
        let (database, sequencer) = (fixture.log.database.clone(), fixture.log.sequencer.clone());
        let units = Units::new(capacity).unwrap();
        let payments = Payments::new(gateway, database, sequencer, units, Duration::from_secs(1));
        Self { fixture, chain, payments, btcpay, capacity }
    }

    /// A second watcher of the same payments.
    pub(crate) fn second(&self) -> Payments {
        self.watching(self.payments.gateway.clone())
    }

    /// The same shop with a wallet of other addresses.
    pub(crate) fn receiving_at(self, branch: u8) -> Self {
        let payments = self.watching(on_chain(&self.fixture, &self.chain, branch));
        Self { payments, ..self }
    }

    fn watching(&self, gateway: Arc<dyn PaymentGateway>) -> Payments {
        let (database, sequencer) = (self.fixture.log.database.clone(), self.fixture.log.sequencer.clone());
        Payments::new(gateway, database, sequencer, Units::new(self.capacity).unwrap(), Duration::from_secs(1))
    }

    /// The payment server is asked again about an invoice after this time only.
    pub(crate) fn polling(self, poll: Duration) -> Self {
        Self::on(self.fixture, self.chain, self.btcpay, self.capacity, poll)
    }

    /// Confirmations that the tests' price needs: three on chain; a payment server waits for one, two or six.
    pub(crate) fn needed(&self) -> usize {
        if self.btcpay.is_some() { 6 } else { 3 }
    }

    /// Everything in memory is gone, as after kill −9.
    pub(crate) async fn restart(self) -> Self {
        Self::on(self.fixture.restart().await, self.chain, self.btcpay, self.capacity, Duration::ZERO)
    }

    /// Sells 10 H/s.
    pub(crate) async fn sell(&self) -> Sold {
        self.sell_until(FAR_MS).await
    }

    pub(crate) async fn sell_until(&self, reserved_until_ms: u64) -> Sold {
        let contract = self.reserve(reserved_until_ms).await;
        let mut tx = self.fixture.log.database.begin().await.unwrap();
        let just_made = Contract { created_ms: now_ms() - 1, ..contract.clone() };
        self.payments.invoicing().invoice(&mut tx, &just_made).await.unwrap();
        tx.commit().await.unwrap();
        self.look().await;
        let script = self.address_of(&contract).await.script_pubkey();
        Sold { contract, script }
    }

    pub(crate) async fn reserve(&self, reserved_until_ms: u64) -> Contract {
        let (units, terms) = (Units::new(10).unwrap(), Fixture::promises("1").terms());
        self.fixture.reserve_at(units, 3_600_000, terms, PRICE, reserved_until_ms).await
    }

    pub(crate) async fn look(&self) {
        self.payments.round().await.unwrap();
    }

    pub(crate) async fn mine(&self, count: usize) {
        self.chain.mine(count);
        self.look().await;
    }

    pub(crate) async fn pay(&self, sold: &Sold, sats: u64) -> Transaction {
        let payment = self.chain.pay(&sold.script, sats);
        self.look().await;
        payment
    }

    pub(crate) async fn invoice(&self, contract: &Contract) -> Invoice {
        invoices::by_contract(self.fixture.log.database.pool(), contract.id).await.unwrap().unwrap()
    }

    pub(crate) async fn address_of(&self, contract: &Contract) -> Address {
        match self.invoice(contract).await.destination {
            Some(
                invoices::Destination::Address { address, .. }
                | invoices::Destination::Checkout { address: Some(address), .. },
            ) => address.parse::<Address<_>>().unwrap().assume_checked(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn state(&self, sold: &Sold) -> State {
        self.invoice(&sold.contract).await.state
    }

    pub(crate) async fn status(&self, sold: &Sold) -> Status {
        let contract = contracts::by_id(self.fixture.log.database.pool(), sold.contract.id).await.unwrap().unwrap();
        contract.status_at(now_ms())
    }

    /// What has happened, in our own words.
    pub(crate) async fn kinds(&self, sold: &Sold) -> Vec<String> {
        let kinds = self.all_kinds(sold).await.into_iter();
        kinds.filter(|kind| !kind.starts_with("btcpay_")).collect()
    }

    /// The same, with what the payment server says.
    pub(crate) async fn all_kinds(&self, sold: &Sold) -> Vec<String> {
        let events: Vec<Event> = invoices::events(self.fixture.log.database.pool(), sold.contract.id).await.unwrap();
        events.into_iter().map(|event| event.kind).collect()
    }

    /// What the customer is owed back, and what all customers have paid.
    pub(crate) async fn credit(&self, sold: &Sold) -> (i64, i64) {
        let pool = self.fixture.log.database.pool();
        let account = Account::Overpaid { account_id: sold.contract.account_id };
        let owed = -ledger::balance_of(pool, &account).await.unwrap();
        (owed, ledger::balance_of(pool, &Account::ContractPayments).await.unwrap())
    }

    /// Lets the reservation's time run out.
    pub(crate) async fn expire(&self, sold: &Sold) {
        let sql = "UPDATE contracts SET reserved_until_ms = 1 WHERE status = 'reserved'";
        self.fixture.log.database.execute(sql).await;
        assert_eq!(self.status(sold).await, Status::Cancelled);
    }

    /// The book sums to zero and agrees with what invoices took, and the log verifies.
    pub(crate) async fn check(self) {
        let log = &self.fixture.log;
        let compared = books::check(&log.database, &log.store, log.sequencer.origin()).await.unwrap();
        assert!(compared.iter().all(|comparison| comparison.difference.is_none()), "{compared:#?}");
        log.check();
    }
}
