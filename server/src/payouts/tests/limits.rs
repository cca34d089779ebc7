//! What the server signs by itself in a day, and what it offers miners.

use super::*;

const BITCOIN: u64 = 100_000_000;

/// Each of the two rewards pays the contracts between 36 and 37 bitcoin.
fn a_day_takes(bitcoin: u64) -> PayoutSettings {
    PayoutSettings { day_limit: sats(bitcoin * BITCOIN), ..settings() }
}

#[tokio::test]
async fn what_the_server_signs_in_a_day_is_limited() {
    let limit = PayoutSettings { day_limit: sats(100), ..settings() };
    let mut paying = Paying::with(limit).await;
    paying.round().await;
    assert_eq!(paying.states().await, [State::Planned]);
    paying.payouts.bump(1, FeeRate::new(30_000).unwrap()).await.unwrap();
    paying.round().await;
    assert_eq!(paying.states().await, [State::Planned], "a higher fee is no reason to pay");
    assert!(paying.fixture.node.mempool().is_empty());
}

#[tokio::test]
async fn what_was_signed_in_the_last_day_counts_and_what_was_before_does_not() {
    on_each_database(async || {
        let mut paying = Paying::with(a_day_takes(50)).await;
        paying.finish().await;
        paying.earn_again().await;
        paying.round().await;
        assert_eq!(paying.states().await, [State::Logged, State::Planned]);
        let yesterday = "UPDATE payout_attempts SET signed_ms = signed_ms - 86400000";
        paying.fixture.log.database.execute(yesterday).await;
        paying.finish().await;
        assert_eq!(paying.states().await, [State::Logged, State::Logged]);
        paying.check_all_paid().await;
    })
    .await;
}

#[tokio::test]
async fn a_replacement_counts_with_its_first_attempt() {
    let mut paying = Paying::with(a_day_takes(40)).await;
    paying.round().await;
    paying.payouts.bump(1, FeeRate::new(30_000).unwrap()).await.unwrap();
    paying.round().await;
    assert_eq!(paying.states().await, [State::Broadcast]);
    paying.finish().await;
    paying.check_all_paid().await;
}

#[tokio::test]
async fn a_fee_is_raised_when_miners_ask_for_more_than_a_quarter_more() {
    let mut paying = Paying::with(settings()).await;
    paying.fixture.node.estimate_fee(20_000);
    paying.round().await;
    let first = paying.fixture.node.mempool()[0].compute_txid();
    let height = paying.fixture.node.best().height;
    paying.fixture.node.grow_to(u64::from(height) + 6);
    for (estimate, is_first) in [(25_000, true), (25_200, false)] {
        paying.fixture.node.estimate_fee(estimate);
        paying.round().await;
        assert_eq!(paying.fixture.node.mempool()[0].compute_txid() == first, is_first, "{estimate}");
    }
}

#[tokio::test]
async fn the_fee_of_what_is_in_a_block_is_not_raised() {
    let mut paying = Paying::with(settings()).await;
    paying.round().await;
    paying.fixture.node.mine();
    paying.round().await;
    let refused = paying.payouts.bump(1, FeeRate::new(30_000).unwrap()).await;
    assert!(matches!(refused, Err(Refused::State(_))), "{refused:?}");
    assert_eq!(paying.states().await, [State::Confirmed]);
}

#[tokio::test]
async fn what_was_signed_once_is_not_given_up_also_while_its_replacement_is_not() {
    let mut paying = Paying::with(settings()).await;
    paying.round().await;
    paying.payouts.bump(1, FeeRate::new(30_000).unwrap()).await.unwrap();
    assert_eq!(paying.states().await, [State::Planned]);
    let refused = paying.payouts.cancel(1).await;
    assert!(matches!(refused, Err(Refused::State(_))), "{refused:?}");
    paying.finish().await;
    paying.check_all_paid().await;
}

#[tokio::test]
async fn a_second_person_is_asked_above_the_limit_and_not_at_it() {
    let mut paying = Paying::with(outside::cold()).await;
    paying.round().await;
    let pool = paying.fixture.log.database.pool();
    let total = payouts::last(pool).await.unwrap().unwrap().total;
    paying.payouts.cancel(1).await.unwrap();
    for (limit, needs_approval) in [(total.get(), false), (total.get() - 1, true)] {
        let settings = Arc::new(PayoutSettings { approval_above: Some(sats(limit)), ..outside::cold() });
        let payouts = payouts_of(&paying.fixture, &settings);
        let number = payouts.plan_now().await.unwrap().unwrap();
        let planned = payouts::by_number(pool, number).await.unwrap().unwrap();
        assert_eq!((planned.total, planned.needs_approval), (total, needs_approval));
        payouts.cancel(number).await.unwrap();
    }
}

#[tokio::test]
async fn the_next_batch_waits_its_time() {
    let mut paying = Paying::with(PayoutSettings { every: Duration::from_secs(3_600), ..settings() }).await;
    paying.finish().await;
    paying.earn_again().await;
    paying.memory = Memory::default();
    paying.round().await;
    assert_eq!(paying.states().await, [State::Logged]);
    paying.fixture.log.database.execute("UPDATE payouts SET created_ms = created_ms - 3600000").await;
    paying.memory = Memory::default();
    paying.round().await;
    assert_eq!(paying.states().await.len(), 2);
    paying.finish().await;
    paying.check_all_paid().await;
}
