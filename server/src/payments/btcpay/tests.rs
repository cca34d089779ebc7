//! What only goes wrong with a payment server between buyers and us.

use std::sync::Arc;
use std::time::Duration;

use bdk_wallet::bitcoin::ScriptBuf;

use super::emulator::{Delivery, Emulator, Fault, STORE, WEBHOOK_SECRET, sign};
use super::{Secret, Webhook, WebhookRefused};
use crate::db::contracts::Status;
use crate::db::invoices::{self, Destination, State};
use crate::payments::tests::shop::{FAR_MS, PRICE, Shop, Sold};

impl Shop {
    fn webhook(&self) -> Webhook {
        let database = self.fixture.log.database.clone();
        Webhook::new(Secret::new(WEBHOOK_SECRET), STORE, database, self.payments.invoicing())
    }

    async fn gateway_invoice(&self, sold: &Sold) -> String {
        match self.invoice(&sold.contract).await.destination {
            Some(Destination::Checkout { gateway_invoice, .. }) => gateway_invoice,
            other => panic!("{other:?}"),
        }
    }

    /// Buys without looking.
    async fn order(&self) -> invoices::Invoice {
        let contract = self.reserve(FAR_MS).await;
        let mut tx = self.fixture.log.database.begin().await.unwrap();
        self.payments.invoicing().invoice(&mut tx, &contract).await.unwrap();
        tx.commit().await.unwrap();
        self.invoice(&contract).await
    }
}

async fn take_in(webhook: &Webhook, delivery: &Delivery) -> Result<bool, WebhookRefused> {
    webhook.take_in(delivery.body.as_bytes(), &delivery.signature).await
}

#[tokio::test]
async fn an_invoice_that_was_made_while_nobody_waited_is_found_again() {
    let (mut shop, emulator) = Shop::with_btcpay().await;
    let order = shop.order().await;
    let id = order.contract_id.to_string();
    emulator.fail_next(Fault::LateAnswer);
    shop.payments.round().await.unwrap_err();
    assert_eq!(emulator.made_for(&id).len(), 1);
    shop = shop.restart().await;
    shop.look().await;
    assert_eq!(emulator.made_for(&id).len(), 1, "not made twice");
    let found = invoices::by_contract(shop.fixture.log.database.pool(), order.contract_id).await.unwrap().unwrap();
    let Some(Destination::Checkout { gateway_invoice, url, .. }) = found.destination else { panic!("{found:?}") };
    assert_eq!(emulator.made_for(&id), std::slice::from_ref(&gateway_invoice));
    assert_eq!(url, format!("https://pay.example/i/{gateway_invoice}"));
    shop.check().await;
}

#[tokio::test]
async fn a_refused_invoice_holds_up_no_other() {
    let (shop, emulator) = Shop::with_btcpay().await;
    let (first, second) = (shop.order().await, shop.order().await);
    emulator.fail_next(Fault::Answer(422, "[]".into()));
    shop.look().await;
    let has_destination = async |order: &invoices::Invoice| {
        let pool = shop.fixture.log.database.pool();
        invoices::by_contract(pool, order.contract_id).await.unwrap().unwrap().destination.is_some()
    };
    assert_ne!(has_destination(&first).await, has_destination(&second).await);
    shop.look().await;
    assert!(has_destination(&first).await && has_destination(&second).await);
    shop.check().await;
}

#[tokio::test]
async fn a_server_that_is_down_slow_or_mad_changes_nothing_and_goes_on_later() {
    let (shop, emulator) = Shop::with_btcpay().await;
    let sold = shop.sell().await;
    shop.chain.pay(&sold.script, PRICE);
    shop.chain.mine(shop.needed());
    for mad in [(500, "oops"), (429, ""), (401, "{}"), (302, ""), (200, ""), (200, "{}"), (200, "[[")] {
        emulator.fail_next(Fault::Answer(mad.0, mad.1.into()));
        shop.payments.round().await.unwrap_err();
    }
    emulator.fail_next(Fault::Answer(200, " ".repeat(2 << 20)));
    let error = shop.payments.round().await.unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
    emulator.set_down(true);
    shop.payments.round().await.unwrap_err();
    assert!(shop.payments.invoicing().ready().await.is_err());
    emulator.set_down(false);
    emulator.set_behind(true);
    assert!(shop.payments.invoicing().ready().await.is_err());
    shop.look().await;
    assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::New, Status::Reserved));
    emulator.set_behind(false);
    assert!(shop.payments.invoicing().ready().await.is_ok());
    shop.look().await;
    assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Settled, Status::Active));
    emulator.stop().await;
    assert!(shop.payments.round().await.is_err());
    shop.check().await;
}

#[tokio::test]
async fn an_invoice_that_the_server_has_lost_holds_up_no_other() {
    let (shop, emulator) = Shop::with_btcpay().await;
    let (lost, paid) = (shop.sell().await, shop.sell().await);
    shop.chain.pay(&paid.script, PRICE);
    shop.chain.mine(shop.needed());
    emulator.fail_next(Fault::Answer(404, "{}".into()));
    shop.look().await;
    shop.look().await;
    assert_eq!((shop.state(&lost).await, shop.state(&paid).await), (State::New, State::Settled));
    shop.check().await;
}

#[tokio::test]
async fn a_hint_lets_an_invoice_be_read_at_once_and_polling_finds_what_no_hint_told() {
    let (shop, emulator) = Shop::with_btcpay().await;
    let shop = shop.polling(Duration::from_millis(400));
    let webhook = shop.webhook();
    let sold = shop.sell().await;
    let invoice = shop.gateway_invoice(&sold).await;
    shop.chain.pay(&sold.script, PRICE);
    let asked = emulator.questions();
    shop.look().await;
    assert_eq!((shop.state(&sold).await, emulator.questions()), (State::New, asked), "not its turn");
    let delivery = emulator.delivery("InvoiceReceivedPayment", &invoice, None);
    assert!(take_in(&webhook, &delivery).await.unwrap());
    shop.look().await;
    assert_eq!(shop.state(&sold).await, State::Seen);
    let asked = emulator.questions();
    let again = emulator.delivery("InvoiceReceivedPayment", &invoice, Some(&delivery));
    assert!(!take_in(&webhook, &again).await.unwrap());
    shop.look().await;
    assert_eq!(emulator.questions(), asked, "a repeat is no new hint");
    shop.chain.mine(shop.needed());
    tokio::time::sleep(Duration::from_millis(450)).await;
    shop.look().await;
    assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Settled, Status::Active));
    shop.check().await;
}

#[tokio::test]
async fn a_hint_outlives_a_server_that_does_not_answer() {
    let (shop, emulator) = Shop::with_btcpay().await;
    let shop = shop.polling(Duration::from_secs(3_600));
    let (sold, other) = (shop.sell().await, shop.sell().await);
    for sold in [&sold, &other] {
        shop.chain.pay(&sold.script, PRICE);
        let delivery = emulator.delivery("InvoiceReceivedPayment", &shop.gateway_invoice(sold).await, None);
        take_in(&shop.webhook(), &delivery).await.unwrap();
    }
    emulator.fail_next(Fault::Answer(502, "".into()));
    shop.payments.round().await.unwrap_err();
    shop.look().await;
    assert_eq!((shop.state(&sold).await, shop.state(&other).await), (State::Seen, State::Seen));
    shop.check().await;
}

#[tokio::test]
async fn what_deliveries_say_is_not_believed_in_whatever_order() {
    let (shop, emulator) = Shop::with_btcpay().await;
    let webhook = shop.webhook();
    let sold = shop.sell().await;
    let invoice = shop.gateway_invoice(&sold).await;
    for kind in ["InvoiceSettled", "InvoiceInvalid", "InvoiceProcessing", "InvoiceExpired", "InvoiceCreated"] {
        assert!(take_in(&webhook, &emulator.delivery(kind, &invoice, None)).await.unwrap());
        shop.look().await;
        assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::New, Status::Reserved), "{kind}");
    }
    assert!(take_in(&webhook, &emulator.delivery("InvoiceSettled", "SomebodyElses", None)).await.unwrap());
    shop.check().await;
}

#[tokio::test]
async fn only_deliveries_with_the_stores_secret_are_taken_in() {
    let (shop, emulator) = Shop::with_btcpay().await;
    let webhook = shop.webhook();
    let delivery = emulator.delivery("InvoiceSettled", "Invoice1", None);
    let forged = Delivery { signature: sign("another secret of it", &delivery.body), ..delivery.clone() };
    let changed = Delivery { body: delivery.body.replace("Invoice1", "Invoice2"), ..delivery.clone() };
    for wrong in [&forged, &changed] {
        assert!(matches!(take_in(&webhook, wrong).await, Err(WebhookRefused::Signature)));
    }
    let body = delivery.body.replace(STORE, "AnotherStore");
    let foreign = Delivery { signature: sign(WEBHOOK_SECRET, &body), body, ..delivery.clone() };
    assert!(matches!(take_in(&webhook, &foreign).await, Err(WebhookRefused::Unreadable(_))));
    assert!(take_in(&webhook, &delivery).await.unwrap());
    shop.check().await;
}

#[tokio::test]
async fn what_somebody_marks_by_hand_is_shown_and_opens_nothing() {
    for status in ["Settled", "Invalid"] {
        let (shop, emulator) = Shop::with_btcpay().await;
        let sold = shop.sell().await;
        emulator.mark(&shop.gateway_invoice(&sold).await, status);
        shop.look().await;
        let word = format!("{}_marked", status.to_lowercase());
        assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::New, Status::Reserved));
        assert_eq!(shop.invoice(&sold.contract).await.gateway_status.as_deref(), Some(word.as_str()));
        shop.look().await;
        assert_eq!(shop.all_kinds(&sold).await, ["opened", &format!("btcpay_{word}")], "told once");
        shop.check().await;
    }
}

#[tokio::test]
async fn the_servers_own_states_are_shown_beside_ours() {
    let (shop, emulator) = Shop::with_btcpay().await;
    let word = async |sold: &Sold| shop.invoice(&sold.contract).await.gateway_status.unwrap();
    let (over, part, late) = (shop.sell().await, shop.sell().await, shop.sell().await);
    shop.pay(&over, PRICE + 1).await;
    assert_eq!((word(&over).await, shop.state(&over).await), ("processing_paid_over".into(), State::Seen));
    shop.pay(&part, PRICE - 1).await;
    assert_eq!((word(&part).await, shop.state(&part).await), ("new_paid_partial".into(), State::Underpaid));
    for sold in [&part, &late] {
        emulator.expire(&shop.gateway_invoice(sold).await);
    }
    shop.expire(&part).await;
    shop.pay(&late, PRICE).await;
    assert_eq!((word(&part).await, shop.state(&part).await), ("expired_paid_partial".into(), State::Expired));
    assert_eq!((word(&late).await, shop.state(&late).await), ("expired_paid_late".into(), State::PaidLate));
    shop.mine(shop.needed()).await;
    assert_eq!((word(&over).await, shop.state(&over).await), ("settled_paid_over".into(), State::Settled));
    assert_eq!((shop.credit(&over).await.0, shop.credit(&part).await.0), (1, PRICE as i64 - 1));
    shop.check().await;
}

#[tokio::test]
async fn the_servers_own_state_is_never_older_than_the_payments_beside_it() {
    let (shop, emulator) = Shop::with_btcpay().await;
    let sold = shop.sell().await;
    let (chain, script, needed) = (Arc::clone(&shop.chain), sold.script.clone(), shop.needed());
    emulator.after_next(move || {
        chain.pay(&script, PRICE);
        chain.mine(needed);
    });
    shop.look().await;
    assert_eq!(shop.invoice(&sold.contract).await.gateway_status.as_deref(), Some("settled"));
    shop.look().await;
    assert_eq!(shop.state(&sold).await, State::Settled);
    shop.check().await;
}

#[tokio::test]
async fn a_payment_that_is_replaced_or_leaves_its_block_is_told() {
    let (shop, _emulator) = Shop::with_btcpay().await;
    let sold = shop.sell().await;
    let first = shop.pay(&sold, PRICE).await;
    shop.chain.replace(&first, &ScriptBuf::from_bytes(vec![0x51]), PRICE);
    shop.look().await;
    assert_eq!(shop.state(&sold).await, State::New);
    assert!(shop.kinds(&sold).await.contains(&"replaced".to_owned()));
    shop.pay(&sold, PRICE).await;
    shop.mine(shop.needed()).await;
    assert_eq!(shop.state(&sold).await, State::Settled);
    shop.chain.reorganise(shop.needed());
    shop.look().await;
    assert_eq!(shop.state(&sold).await, State::Reorged);
    shop.mine(shop.needed()).await;
    assert_eq!((shop.state(&sold).await, shop.credit(&sold).await), (State::Settled, (0, PRICE as i64)));
    shop.check().await;
}

#[tokio::test]
async fn deliveries_are_repeated_until_they_are_taken_and_then_no_more() {
    let emulator = Emulator::start(Box::new(|_| Vec::new())).await;
    assert_eq!(emulator.deliver(&emulator.url, "InvoiceSettled", "i").await, [401]);
    emulator.set_down(true);
    assert_eq!(emulator.deliver(&emulator.url, "InvoiceSettled", "i").await, [503; 9]);
    emulator.stop().await;
    assert_eq!(emulator.deliver(&emulator.url, "InvoiceSettled", "i").await, [0; 9]);
}
