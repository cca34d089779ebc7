use std::string::ToString;

use super::*;
use crate::{
    audit::Outcome,
    chain::Network,
    checkpoint::Checkpoint,
    entry::{Entry, Maintenance},
    fixture::{sold, terms},
    hash::Hash32,
    life::ChangeKind::{Closed, Resumed, Suspended},
    work::{Nbits, Sats},
};

/// Epochs, which are periods here.
const EPOCHS: u64 = 6;

/// Epoch e opens at leaf 10·e and is closed at leaf 10·e + 15, behind the next one's `epoch_open`.
fn epoch(number: u64) -> LogEpoch {
    let open = r#"{"type":"epoch_open","epoch":EPOCH,"start_ms":EPOCH000,"chain":{"height":0,"hash":"ZERO"},"allocation":{"count":1,"total":"1","root":"ZERO"}}"#;
    let close = r#"{"type":"epoch_close","format":1,"epoch":EPOCH,"shares":{"count":0,"work":"0","root":"ZERO"},"levels":[],"jobs":"ZERO","sessions":"ZERO","chunks":"ZERO","rejects":"ZERO","best_hash":null,"end_ms":null}"#;
    let entry = |json: &str| {
        let json = json.replace("ZERO", &"0".repeat(64)).replace("EPOCH", &number.to_string());
        Entry::from_bytes(json.as_bytes()).unwrap()
    };
    let (Entry::EpochOpen(open), Entry::EpochClose(close)) = (entry(open), entry(close)) else {
        panic!("an epoch's entries")
    };
    let (root, close_root) = (Hash32::default(), Hash32::default());
    LogEpoch { open, open_index: 10 * number, root, close: Some((10 * number + 15, close)), close_root }
}

/// What the check says of a contract with these changes when a hash is worth enough in the periods that say so.
fn outcome(refund: Refund, is_worth: [bool; EPOCHS as usize], changes: &[(u64, ChangeKind)]) -> Outcome {
    let suspension = Suspension::Unprofitable { periods: 1, resume_ppm: 1_000_000, resume_periods: 1 };
    // Before the first halving 1 TH/s earns 153,486,598,976 sats a day, after it half of that.
    let maintenance = Maintenance::SatsPerThsDay(Sats::new(100_000_000_000).unwrap());
    let terms = Terms { suspension, maintenance, refund, ..terms() };
    let changes = changes.iter().map(|(index, kind)| Change { index: *index, kind: *kind }).collect();
    let contract = LoggedContract { terms, changes, ..sold(1, 1_000_000) };
    let checkpoint = Checkpoint { origin: "log.test".into(), size: 200, root: Hash32::default() };
    let epochs = (1..=EPOCHS + 2).map(epoch).collect();
    let log = Log { epochs, contracts: [contract].into(), ..Log::new(checkpoint) };
    let (mut lives, mut findings) = (Lives::new(&log), Findings::default());
    for (epoch, is_worth) in log.epochs.iter().zip(is_worth) {
        let height = if is_worth { 0 } else { 210_000 };
        let price = Price::of(Network::Bitcoin, height, Nbits::new(0x1b00_199a), 0);
        lives.period_ended(&periods::ended_with(&log, epoch).unwrap(), epoch, price, &mut findings);
    }
    lives.finish(&mut findings);
    findings.take(CheckId::ContractLife).outcome
}

const DEAR_TWICE: [bool; EPOCHS as usize] = [true, false, false, true, true, true];

#[test]
fn a_suspension_and_a_resumption_that_the_price_calls_for_hold() {
    // The second period ends at leaf 35, the fourth one at 55.
    assert_eq!(outcome(Refund::None, DEAR_TWICE, &[(36, Suspended), (56, Resumed)]), Outcome::Held);
    assert_eq!(outcome(Refund::None, [true; 6], &[]), Outcome::Held);
}

#[test]
fn what_is_missing_late_early_or_too_much_fails() {
    #[track_caller]
    fn fails(changes: &[(u64, ChangeKind)]) {
        assert_eq!(outcome(Refund::None, DEAR_TWICE, changes), Outcome::Failed);
    }
    fails(&[]);
    fails(&[(36, Suspended)]);
    fails(&[(34, Suspended), (56, Resumed)]);
    // Behind the third epoch_open after the period's end, which is at leaf 60.
    fails(&[(61, Suspended), (62, Resumed)]);
    fails(&[(36, Suspended), (46, Resumed)]);
    fails(&[(36, Suspended), (56, Resumed), (57, Suspended)]);
    fails(&[(36, Suspended), (56, Resumed), (57, Closed)]);
}

#[test]
fn the_operators_close_does_instead_of_a_change_that_is_due_where_it_is_allowed() {
    assert_eq!(outcome(Refund::UnusedTime, DEAR_TWICE, &[(36, Closed)]), Outcome::Held);
    assert_eq!(outcome(Refund::UnusedTime, DEAR_TWICE, &[(20, Closed)]), Outcome::Held);
    assert_eq!(outcome(Refund::UnusedTime, DEAR_TWICE, &[(20, Closed), (36, Suspended)]), Outcome::Failed);
    assert_eq!(
        outcome(Refund::UnusedTime, DEAR_TWICE, &[(61, Closed)]),
        Outcome::Failed,
        "too late for the suspension"
    );
}
