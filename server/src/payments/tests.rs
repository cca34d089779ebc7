use std::sync::Arc;
use std::time::Duration;

use audit_core::work::Sats;
use bdk_wallet::bitcoin::{Address, Network, ScriptBuf, Transaction};
use pool_core::node::Node;

use super::*;
use crate::db::contracts::{Contract, Status};
use crate::db::invoices::{Event, State};
use crate::db::ledger::{self, Account};
use crate::engine::fixture::Fixture;
use crate::wallet::fixture::TestChain;
use crate::wallet::{Descriptors, WalletConfig};

/// Public key of BIP 32's first test vector, as regtest writes it.
const XPUB: &str =
    "tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp";
const PRICE: u64 = 100_000;
const FAR_MS: u64 = u64::MAX >> 1;
/// Confirmations that the tests' price needs.
const NEEDED: usize = 3;

/// A shop: contracts, and a chain to pay them on.
struct Shop {
    fixture: Fixture,
    chain: Arc<TestChain>,
    payments: Payments,
}

/// A contract with its invoice and where to pay it.
struct Sold {
    contract: Contract,
    script: ScriptBuf,
}

fn watch(fixture: &Fixture, chain: &Arc<TestChain>, capacity: u128) -> Payments {
    let descriptors = Descriptors::watch_only(&format!("wpkh({XPUB}/0/*)"), Network::Regtest).unwrap();
    let network = Network::Regtest;
    let wallet = WalletConfig { name: "receive", descriptors, network, birthday: Some(0), lookahead: 20 };
    let node = Arc::clone(chain) as Arc<dyn Node>;
    let confirmations = "1,50000:3".parse().unwrap();
    let gateway = ChainGateway::new(wallet, fixture.log.database.clone(), node, confirmations);
    let (database, sequencer) = (fixture.log.database.clone(), fixture.log.sequencer.clone());
    let capacity = Units::new(capacity).unwrap();
    Payments::new(Arc::new(gateway), database, sequencer, capacity, Duration::from_secs(1))
}

impl Shop {
    async fn new() -> Self {
        Self::of_capacity(1_000).await
    }

    async fn of_capacity(capacity: u128) -> Self {
        let fixture = Fixture::new().await;
        let chain = Arc::new(TestChain::new());
        chain.mine(3);
        let payments = watch(&fixture, &chain, capacity);
        Self { fixture, chain, payments }
    }

    /// Everything in memory is gone, as after kill −9.
    async fn restart(self) -> Self {
        let fixture = self.fixture.restart().await;
        let payments = watch(&fixture, &self.chain, 1_000);
        Self { fixture, payments, ..self }
    }

    /// Sells 10 H/s.
    async fn sell(&self) -> Sold {
        self.sell_until(FAR_MS).await
    }

    async fn sell_until(&self, reserved_until_ms: u64) -> Sold {
        let contract = self.reserve(reserved_until_ms).await;
        let mut tx = self.fixture.log.database.begin().await.unwrap();
        let just_made = Contract { created_ms: now_ms() - 1, ..contract.clone() };
        self.payments.invoicing().invoice(&mut tx, &just_made).await.unwrap();
        tx.commit().await.unwrap();
        self.look().await;
        let script = self.address_of(&contract).await.script_pubkey();
        Sold { contract, script }
    }

    async fn reserve(&self, reserved_until_ms: u64) -> Contract {
        let (units, terms) = (Units::new(10).unwrap(), Fixture::promises("1").terms());
        self.fixture.reserve_at(units, 3_600_000, terms, PRICE, reserved_until_ms).await
    }

    async fn look(&self) {
        self.payments.round().await.unwrap();
    }

    async fn mine(&self, count: usize) {
        self.chain.mine(count);
        self.look().await;
    }

    async fn pay(&self, sold: &Sold, sats: u64) -> Transaction {
        let payment = self.chain.pay(&sold.script, sats);
        self.look().await;
        payment
    }

    async fn invoice(&self, contract: &Contract) -> Invoice {
        invoices::by_contract(self.fixture.log.database.pool(), contract.id).await.unwrap().unwrap()
    }

    async fn address_of(&self, contract: &Contract) -> Address {
        match self.invoice(contract).await.destination {
            Some(invoices::Destination::Address { address, .. }) => {
                address.parse::<Address<_>>().unwrap().assume_checked()
            }
            other => panic!("{other:?}"),
        }
    }

    async fn state(&self, sold: &Sold) -> State {
        self.invoice(&sold.contract).await.state
    }

    async fn status(&self, sold: &Sold) -> Status {
        let contract = contracts::by_id(self.fixture.log.database.pool(), sold.contract.id).await.unwrap().unwrap();
        contract.status_at(now_ms())
    }

    async fn kinds(&self, sold: &Sold) -> Vec<String> {
        let events: Vec<Event> = invoices::events(self.fixture.log.database.pool(), sold.contract.id).await.unwrap();
        events.into_iter().map(|event| event.kind).collect()
    }

    /// What the customer is owed back, and what all customers have paid.
    async fn credit(&self, sold: &Sold) -> (i64, i64) {
        let pool = self.fixture.log.database.pool();
        let account = Account::Overpaid { account_id: sold.contract.account_id };
        let owed = -ledger::balance_of(pool, &account).await.unwrap();
        (owed, ledger::balance_of(pool, &Account::ContractPayments).await.unwrap())
    }

    /// Lets the reservation's time run out.
    async fn expire(&self, sold: &Sold) {
        let sql = "UPDATE contracts SET reserved_until_ms = 1 WHERE status = 'reserved'";
        self.fixture.log.database.execute(sql).await;
        assert_eq!(self.status(sold).await, Status::Cancelled);
    }

    /// The ledger sums to zero and the log verifies.
    async fn check(self) {
        ledger::check(self.fixture.log.database.pool()).await.unwrap();
        self.fixture.log.check();
    }
}

#[tokio::test]
async fn a_paid_contract_opens_when_its_price_is_deep_enough() {
    let shop = Shop::new().await;
    let sold = shop.sell().await;
    assert_eq!(shop.state(&sold).await, State::New);
    shop.pay(&sold, PRICE).await;
    assert_eq!(shop.state(&sold).await, State::Seen);
    shop.mine(1).await;
    assert_eq!(shop.state(&sold).await, State::Confirming);
    shop.mine(NEEDED - 2).await;
    assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Confirming, Status::Reserved));
    shop.mine(1).await;
    assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Settled, Status::Active));
    assert_eq!(shop.credit(&sold).await, (0, PRICE as i64));
    shop.mine(5).await;
    let kinds = ["opened", "seen", "seen", "confirmed", "confirming", "final", "settled"];
    assert_eq!(shop.kinds(&sold).await, kinds);
    shop.check().await;
}

#[tokio::test]
async fn every_step_may_be_followed_by_a_crash() {
    let mut shop = Shop::new().await;
    let sold = shop.sell().await;
    shop = shop.restart().await;
    shop.pay(&sold, PRICE + 7).await;
    for _ in 0..NEEDED {
        shop = shop.restart().await;
        shop.mine(1).await;
    }
    shop = shop.restart().await;
    shop.look().await;
    assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Settled, Status::Active));
    assert_eq!(shop.credit(&sold).await, (7, PRICE as i64 + 7));
    shop.check().await;
}

#[tokio::test]
async fn two_looks_at_once_book_one_payment_once() {
    let shop = Shop::new().await;
    let sold = shop.sell().await;
    let other = watch(&shop.fixture, &shop.chain, 1_000);
    shop.chain.pay(&sold.script, PRICE);
    shop.chain.mine(NEEDED);
    let (one, two) = tokio::join!(shop.payments.round(), other.round());
    one.unwrap();
    two.unwrap();
    assert_eq!((shop.status(&sold).await, shop.credit(&sold).await), (Status::Active, (0, PRICE as i64)));
    shop.check().await;
}

#[tokio::test]
async fn what_is_paid_above_the_price_or_again_is_credited() {
    let shop = Shop::new().await;
    let sold = shop.sell().await;
    shop.pay(&sold, PRICE + 5).await;
    shop.mine(NEEDED).await;
    assert_eq!(shop.credit(&sold).await, (5, PRICE as i64 + 5));
    shop.pay(&sold, 2_000).await;
    assert_eq!(shop.credit(&sold).await.0, 5, "not deep enough yet");
    shop.mine(NEEDED).await;
    shop.mine(1).await;
    assert_eq!((shop.state(&sold).await, shop.credit(&sold).await), (State::Settled, (2_005, PRICE as i64 + 2_005)));
    shop.check().await;
}

#[tokio::test]
async fn what_is_missing_can_be_paid_to_the_same_address() {
    let shop = Shop::new().await;
    let sold = shop.sell().await;
    shop.pay(&sold, PRICE - 1_000).await;
    shop.mine(NEEDED).await;
    assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Underpaid, Status::Reserved));
    shop.pay(&sold, 1_000).await;
    assert_eq!(shop.state(&sold).await, State::Seen);
    shop.mine(NEEDED).await;
    assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Settled, Status::Active));
    assert_eq!(shop.credit(&sold).await, (0, PRICE as i64));
    shop.check().await;
}

#[tokio::test]
async fn what_stays_short_until_the_deadline_is_credited() {
    let shop = Shop::new().await;
    let sold = shop.sell().await;
    shop.pay(&sold, PRICE - 1_000).await;
    shop.expire(&sold).await;
    shop.mine(1).await;
    assert_eq!((shop.state(&sold).await, shop.credit(&sold).await), (State::Expired, (0, 0)));
    shop.mine(NEEDED).await;
    assert_eq!(
        (shop.state(&sold).await, shop.credit(&sold).await),
        (State::Expired, (PRICE as i64 - 1_000, PRICE as i64 - 1_000))
    );
    assert_eq!(shop.status(&sold).await, Status::Cancelled);
    shop.check().await;
}

#[tokio::test]
async fn an_unpaid_invoice_expires() {
    let shop = Shop::new().await;
    let sold = shop.sell().await;
    shop.expire(&sold).await;
    shop.look().await;
    assert_eq!(shop.kinds(&sold).await, ["opened", "expired"]);
    shop.check().await;
}

#[tokio::test]
async fn what_comes_late_opens_while_the_units_are_left() {
    let shop = Shop::new().await;
    let sold = shop.sell().await;
    shop.expire(&sold).await;
    shop.pay(&sold, PRICE).await;
    assert_eq!(shop.state(&sold).await, State::PaidLate);
    shop.mine(NEEDED).await;
    assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Settled, Status::Active));
    shop.check().await;
}

#[tokio::test]
async fn what_comes_late_is_credited_when_the_units_are_gone() {
    let shop = Shop::of_capacity(19).await;
    let late = shop.sell().await;
    shop.expire(&late).await;
    shop.sell().await;
    shop.pay(&late, PRICE).await;
    shop.mine(NEEDED).await;
    shop.mine(1).await;
    assert_eq!((shop.state(&late).await, shop.status(&late).await), (State::Expired, Status::Cancelled));
    assert_eq!(shop.credit(&late).await, (PRICE as i64, PRICE as i64));
    shop.check().await;
}

#[tokio::test]
async fn the_units_are_kept_while_the_price_is_on_its_way() {
    let shop = Shop::new().await;
    let soon_ms = now_ms() + 60_000;
    let (paid, unpaid) = (shop.sell_until(soon_ms).await, shop.sell_until(soon_ms).await);
    shop.pay(&paid, PRICE).await;
    let pool = shop.fixture.log.database.pool();
    let kept = contracts::by_id(pool, paid.contract.id).await.unwrap().unwrap();
    let left = contracts::by_id(pool, unpaid.contract.id).await.unwrap().unwrap();
    assert!(kept.reserved_until_ms > soon_ms + 3_600_000);
    assert_eq!(left.reserved_until_ms, soon_ms);
    shop.look().await;
    assert_eq!(shop.kinds(&paid).await, ["opened", "seen", "held", "seen"]);
    shop.check().await;
}

#[tokio::test]
async fn a_replaced_payment_counts_for_nothing_and_is_told() {
    let shop = Shop::new().await;
    let sold = shop.sell().await;
    let first = shop.pay(&sold, PRICE).await;
    shop.chain.replace(&first, &ScriptBuf::from_bytes(vec![0x51]), PRICE);
    shop.look().await;
    assert_eq!(shop.state(&sold).await, State::New);
    assert!(shop.kinds(&sold).await.contains(&"replaced".to_owned()));
    let dropped = shop.pay(&sold, PRICE).await;
    shop.chain.drop_mempool();
    shop.look().await;
    assert!(shop.kinds(&sold).await.contains(&"dropped".to_owned()));
    shop.chain.add_waiting(dropped.clone());
    shop.look().await;
    assert_eq!(shop.state(&sold).await, State::Seen);
    shop.chain.replace(&dropped, &ScriptBuf::from_bytes(vec![0x51]), PRICE);
    shop.look().await;
    let second = shop.pay(&sold, PRICE).await;
    shop.chain.replace(&second, &sold.script, PRICE - 1);
    shop.look().await;
    assert_eq!(shop.state(&sold).await, State::Underpaid);
    shop.mine(NEEDED).await;
    assert_eq!(shop.status(&sold).await, Status::Reserved);
    shop.check().await;
}

#[tokio::test]
async fn reorganisations_before_and_after_opening_are_told_and_book_nothing_twice() {
    for depth in 1..=6 {
        let shop = Shop::new().await;
        let sold = shop.sell().await;
        shop.pay(&sold, PRICE).await;
        shop.mine(depth).await;
        let was_open = depth >= NEEDED;
        shop.chain.reorganise(depth);
        shop.look().await;
        let state = if was_open { State::Reorged } else { State::Seen };
        assert_eq!(shop.state(&sold).await, state, "{depth}");
        assert!(shop.kinds(&sold).await.contains(&"unconfirmed".to_owned()));
        shop.mine(NEEDED).await;
        assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Settled, Status::Active), "{depth}");
        assert_eq!(shop.credit(&sold).await, (0, PRICE as i64));
        shop.check().await;
    }
}

#[tokio::test]
async fn nothing_becomes_final_on_a_chain_that_got_shorter() {
    let shop = Shop::new().await;
    let sold = shop.sell().await;
    shop.pay(&sold, PRICE).await;
    shop.mine(NEEDED - 1).await;
    shop.chain.mine(1);
    shop.chain.shorten(2);
    shop.look().await;
    assert_eq!(shop.status(&sold).await, Status::Reserved);
    shop.check().await;
}

#[tokio::test]
async fn cancelled_contracts_payments_are_credited() {
    let shop = Shop::new().await;
    let sold = shop.sell().await;
    shop.fixture.log.database.execute("UPDATE contracts SET status = 'cancelled'").await;
    shop.pay(&sold, PRICE).await;
    shop.mine(NEEDED).await;
    assert_eq!((shop.state(&sold).await, shop.credit(&sold).await.0), (State::Cancelled, PRICE as i64));
    shop.check().await;
}

#[tokio::test]
async fn an_address_is_never_given_to_two_invoices() {
    let mut shop = Shop::new().await;
    let mut scripts = Vec::new();
    for _ in 0..3 {
        scripts.push(shop.sell().await.script);
        shop = shop.restart().await;
    }
    let paid = shop.sell().await;
    shop.pay(&paid, PRICE).await;
    // A restored backup: the database knows neither the invoices nor the wallet.
    for table in ["invoice_events", "invoice_payments", "invoices", "wallet_changes"] {
        shop.fixture.log.database.execute(&format!("DELETE FROM {table}")).await;
    }
    shop = shop.restart().await;
    shop.look().await;
    let next = shop.sell().await;
    assert!(!scripts.contains(&next.script) && next.script != paid.script);
    assert_eq!(scripts.iter().collect::<std::collections::HashSet<_>>().len(), 3);
    shop.check().await;
}

#[test]
fn amounts_that_the_gateway_forgot_stay_as_they_were() {
    let row = PaymentRow {
        payment: "a:0".into(),
        contract_id: Uuid::nil(),
        amount: Sats::new(5).unwrap(),
        first_seen_ms: 1,
        position: invoices::Position::Waiting,
        booked: None,
    };
    let gone = Payment { id: "a:0".into(), amount: Sats::ZERO, position: invoices::Position::Dropped };
    let rows = merged(std::slice::from_ref(&row), vec![gone], Uuid::nil());
    assert_eq!(rows, [PaymentRow { position: invoices::Position::Dropped, ..row.clone() }]);
    assert_eq!(merged(std::slice::from_ref(&row), Vec::new(), Uuid::nil()), [row]);
}
