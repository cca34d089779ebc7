//! What payments mean for contracts, whichever way they come in.

pub(crate) mod shop;

use audit_core::work::Sats;
use bdk_wallet::bitcoin::ScriptBuf;

use super::*;
use crate::db::contracts::Status;
use crate::db::invoices::State;
use crate::tlog::check::on_each_database;
use shop::{PRICE, Shop, on_each_shop, on_each_shop_of_capacity};

/// Confirmations that the tests' price needs on chain.
const NEEDED: usize = 3;

#[tokio::test]
async fn a_paid_contract_opens_when_its_price_is_deep_enough() {
    on_each_database(async || {
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
    })
    .await;
}

#[tokio::test]
async fn every_step_may_be_followed_by_a_crash() {
    on_each_shop(async |mut shop| {
        let sold = shop.sell().await;
        shop = shop.restart().await;
        shop.pay(&sold, PRICE + 7).await;
        for _ in 0..shop.needed() {
            shop = shop.restart().await;
            shop.mine(1).await;
        }
        shop = shop.restart().await;
        shop.look().await;
        assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Settled, Status::Active));
        assert_eq!(shop.credit(&sold).await, (7, PRICE as i64 + 7));
        shop.check().await;
    })
    .await;
}

#[tokio::test]
async fn two_looks_at_once_book_one_payment_once() {
    on_each_shop(async |shop| {
        let sold = shop.sell().await;
        let other = shop.second();
        shop.chain.pay(&sold.script, PRICE);
        shop.chain.mine(shop.needed());
        let (one, two) = tokio::join!(shop.payments.round(), other.round());
        one.unwrap();
        two.unwrap();
        assert_eq!((shop.status(&sold).await, shop.credit(&sold).await), (Status::Active, (0, PRICE as i64)));
        shop.check().await;
    })
    .await;
}

/// Between a look and what it books another one may book the same.
#[tokio::test]
async fn a_look_that_is_behind_another_one_books_nothing_again() {
    on_each_shop(async |shop| {
        let sold = shop.sell().await;
        shop.pay(&sold, PRICE).await;
        shop.chain.mine(shop.needed());
        shop.payments.gateway.refresh().await.unwrap();
        let (invoice, stored) =
            (shop.invoice(&sold.contract).await, shop.payments.stored(sold.contract.id).await.unwrap());
        let seen = shop.payments.see(&invoice, &stored).await.unwrap().unwrap();
        assert!(seen.rows.iter().all(|row| row.booked.is_none() && is_final(row)), "{:?}", seen.rows);
        shop.look().await;
        assert_eq!(shop.status(&sold).await, Status::Active);
        shop.payments.bookkeeper.book(sold.contract.id, seen, decide::Act::Activate).await.unwrap();
        assert_eq!((shop.state(&sold).await, shop.credit(&sold).await), (State::Settled, (0, PRICE as i64)));
        shop.check().await;
    })
    .await;
}

fn is_final(row: &PaymentRow) -> bool {
    matches!(row.position, invoices::Position::Final { .. })
}

#[tokio::test]
async fn what_is_paid_above_the_price_or_again_is_credited() {
    on_each_shop(async |shop| {
        let sold = shop.sell().await;
        shop.pay(&sold, PRICE + 5).await;
        shop.mine(shop.needed()).await;
        assert_eq!(shop.credit(&sold).await, (5, PRICE as i64 + 5));
        shop.pay(&sold, 2_000).await;
        assert_eq!(shop.credit(&sold).await.0, 5, "not deep enough yet");
        shop.mine(shop.needed()).await;
        shop.mine(1).await;
        assert_eq!(
            (shop.state(&sold).await, shop.credit(&sold).await),
            (State::Settled, (2_005, PRICE as i64 + 2_005))
        );
        let told = shop.kinds(&sold).await.into_iter().filter(|kind| kind == "credited").count();
        assert_eq!(told, 2, "each credit is told once");
        shop.check().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_can_be_paid_to_the_same_address() {
    on_each_shop(async |shop| {
        let sold = shop.sell().await;
        shop.pay(&sold, PRICE - 1_000).await;
        shop.mine(shop.needed()).await;
        assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Underpaid, Status::Reserved));
        shop.pay(&sold, 1_000).await;
        assert_eq!(shop.state(&sold).await, State::Seen);
        shop.mine(shop.needed()).await;
        assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Settled, Status::Active));
        assert_eq!(shop.credit(&sold).await, (0, PRICE as i64));
        shop.check().await;
    })
    .await;
}

#[tokio::test]
async fn what_stays_short_until_the_deadline_is_credited() {
    on_each_shop(async |shop| {
        let sold = shop.sell().await;
        shop.pay(&sold, PRICE - 1_000).await;
        shop.expire(&sold).await;
        shop.mine(1).await;
        assert_eq!((shop.state(&sold).await, shop.credit(&sold).await), (State::Expired, (0, 0)));
        shop.mine(shop.needed()).await;
        assert_eq!(
            (shop.state(&sold).await, shop.credit(&sold).await),
            (State::Expired, (PRICE as i64 - 1_000, PRICE as i64 - 1_000))
        );
        assert_eq!(shop.status(&sold).await, Status::Cancelled);
        shop.check().await;
    })
    .await;
}

#[tokio::test]
async fn what_was_credited_pays_for_no_contract_any_more() {
    on_each_shop(async |shop| {
        let sold = shop.sell().await;
        shop.pay(&sold, PRICE - 1_000).await;
        shop.expire(&sold).await;
        shop.mine(shop.needed()).await;
        shop.mine(1).await;
        shop.pay(&sold, 1_000).await;
        shop.mine(shop.needed()).await;
        shop.mine(1).await;
        assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Expired, Status::Cancelled));
        assert_eq!(shop.credit(&sold).await, (PRICE as i64, PRICE as i64));
        shop.check().await;
    })
    .await;
}

#[tokio::test]
async fn an_unpaid_invoice_expires() {
    on_each_shop(async |shop| {
        let sold = shop.sell().await;
        shop.expire(&sold).await;
        shop.look().await;
        assert_eq!(shop.kinds(&sold).await, ["opened", "expired"]);
        shop.check().await;
    })
    .await;
}

#[tokio::test]
async fn what_comes_late_opens_while_the_units_are_left() {
    on_each_shop(async |shop| {
        let sold = shop.sell().await;
        shop.expire(&sold).await;
        shop.pay(&sold, PRICE).await;
        assert_eq!(shop.state(&sold).await, State::PaidLate);
        shop.mine(shop.needed()).await;
        assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Settled, Status::Active));
        shop.check().await;
    })
    .await;
}

#[tokio::test]
async fn what_comes_late_is_credited_when_the_units_are_gone() {
    on_each_shop_of_capacity(19, async |shop| {
        let late = shop.sell().await;
        shop.expire(&late).await;
        shop.sell().await;
        shop.pay(&late, PRICE).await;
        shop.mine(shop.needed()).await;
        shop.mine(1).await;
        assert_eq!((shop.state(&late).await, shop.status(&late).await), (State::Expired, Status::Cancelled));
        assert_eq!(shop.credit(&late).await, (PRICE as i64, PRICE as i64));
        shop.check().await;
    })
    .await;
}

#[tokio::test]
async fn the_units_are_kept_while_the_price_is_on_its_way() {
    on_each_shop(async |shop| {
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
    })
    .await;
}

#[tokio::test]
async fn a_replaced_payment_counts_for_nothing_and_is_told() {
    on_each_database(async || {
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
    })
    .await;
}

#[tokio::test]
async fn reorganisations_before_and_after_opening_are_told_and_book_nothing_twice() {
    on_each_database(async || {
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
            assert_eq!(
                (shop.state(&sold).await, shop.status(&sold).await),
                (State::Settled, Status::Active),
                "{depth}"
            );
            assert_eq!(shop.credit(&sold).await, (0, PRICE as i64));
            shop.check().await;
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_becomes_final_on_a_chain_that_got_shorter() {
    let shop = Shop::new().await;
    let sold = shop.sell().await;
    shop.pay(&sold, PRICE).await;
    shop.mine(NEEDED - 1).await;
    shop.chain.mine(1);
    // The wallet knows the last block, and nothing was booked on it: as after a crash in between.
    shop.payments.gateway.refresh().await.unwrap();
    shop.chain.shorten(2);
    shop.look().await;
    assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Confirming, Status::Reserved));
    shop.mine(2).await;
    assert_eq!((shop.state(&sold).await, shop.status(&sold).await), (State::Settled, Status::Active));
    shop.check().await;
}

/// The first address of every wallet has the same number.
#[tokio::test]
async fn coins_of_another_wallets_address_with_the_same_number_pay_for_nothing() {
    on_each_database(async || {
        let shop = Shop::new().await;
        let before = shop.sell().await;
        let shop = shop.receiving_at(1);
        let after = shop.sell().await;
        assert_ne!(before.script, after.script);
        shop.pay(&after, PRICE).await;
        shop.mine(NEEDED).await;
        assert_eq!((shop.state(&after).await, shop.status(&after).await), (State::Settled, Status::Active));
        assert_eq!((shop.state(&before).await, shop.status(&before).await), (State::New, Status::Reserved));
        assert_eq!(shop.kinds(&before).await, ["opened"]);
        let shop = shop.receiving_at(0);
        shop.pay(&before, PRICE).await;
        shop.mine(NEEDED).await;
        assert_eq!((shop.state(&before).await, shop.status(&before).await), (State::Settled, Status::Active));
        shop.check().await;
    })
    .await;
}

#[tokio::test]
async fn cancelled_contracts_payments_are_credited() {
    on_each_shop(async |shop| {
        let sold = shop.sell().await;
        shop.fixture.log.database.execute("UPDATE contracts SET status = 'cancelled'").await;
        shop.pay(&sold, PRICE).await;
        shop.mine(shop.needed()).await;
        assert_eq!((shop.state(&sold).await, shop.credit(&sold).await.0), (State::Cancelled, PRICE as i64));
        shop.check().await;
    })
    .await;
}

#[tokio::test]
async fn an_address_is_never_given_to_two_invoices() {
    on_each_database(async || {
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
    })
    .await;
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
