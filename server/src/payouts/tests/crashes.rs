//! A crash after every persisted step, and between what happens outside and its note in the database.

use super::*;

/// Lets the first payout take so many steps, then crashes.
async fn crash_after(steps: usize) -> Paying {
    let mut paying = Paying::with(settings()).await;
    paying.payouts.plan_next().await.unwrap();
    for _ in 0..steps {
        paying.payouts.find(&mut paying.memory).await.unwrap();
        let payout = payouts::by_number(paying.fixture.log.database.pool(), 1).await.unwrap().unwrap();
        if !paying.payouts.step(&payout, &mut paying.memory).await.unwrap() {
            paying.fixture.node.mine();
        }
    }
    paying.crash().await
}

#[tokio::test]
async fn a_crash_after_any_step_neither_loses_nor_repeats_a_payment() {
    on_each_database(async || {
        // Planned, signed, broadcast, mined, and a block at a time up to the log.
        let mut seen = Vec::new();
        for steps in 0..=4 + DEPTH as usize {
            let mut paying = crash_after(steps).await;
            seen.extend(paying.states().await);
            paying.finish().await;
            assert_eq!(paying.states().await, [State::Logged], "after {steps} steps");
            assert_eq!(paying.logged().len(), 1, "after {steps} steps");
            paying.check_all_paid().await;
        }
        for state in [State::Planned, State::Signed, State::Broadcast, State::Confirmed, State::Logged] {
            assert!(seen.contains(&state), "no crash in state {}", state.as_str());
        }
    })
    .await;
}

#[tokio::test]
async fn no_node_sees_a_payout_before_its_signature_is_stored() {
    let paying = crash_after(1).await;
    assert_eq!(paying.states().await, [State::Signed]);
    assert!(paying.fixture.node.mempool().is_empty());
}

#[tokio::test]
async fn a_crash_between_the_broadcast_and_its_note_pays_once() {
    let paying = crash_after(1).await;
    let attempt = payouts::attempts(paying.fixture.log.database.pool(), 1).await.unwrap().remove(0);
    paying.fixture.node.broadcast(&attempt.signed.unwrap().transaction).await.unwrap();
    paying.fixture.node.mine();
    let mut paying = paying.crash().await;
    assert_eq!(paying.states().await, [State::Signed]);
    paying.finish().await;
    paying.check_all_paid().await;
}

#[tokio::test]
async fn a_crash_between_the_file_and_the_entry_logs_once() {
    let mut paying = crash_after(3).await;
    paying.fixture.node.mine();
    paying.round().await;
    let mined = payouts::by_number(paying.fixture.log.database.pool(), 1).await.unwrap().unwrap().mined.unwrap();
    paying.payouts.write_file(1, &mined).await.unwrap();
    let mut paying = paying.crash().await;
    paying.finish().await;
    assert_eq!(paying.logged().len(), 1);
    paying.check_all_paid().await;
}

#[tokio::test]
async fn a_crash_between_a_replacement_and_its_signature_pays_once() {
    let mut paying = crash_after(2).await;
    paying.round().await;
    paying.payouts.bump(1, FeeRate::new(30_000).unwrap()).await.unwrap();
    let mut paying = paying.crash().await;
    assert_eq!(paying.states().await, [State::Planned]);
    paying.finish().await;
    assert_eq!(paying.logged().len(), 1);
    paying.check_all_paid().await;
}

#[tokio::test]
async fn a_node_that_is_away_stops_nothing_for_good() {
    let mut paying = crash_after(1).await;
    paying.fixture.node.is_away(true);
    assert!(paying.payouts.round(&mut paying.memory).await.is_err());
    paying.fixture.node.is_away(false);
    paying.finish().await;
    paying.check_all_paid().await;
}
