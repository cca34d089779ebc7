use audit_core::hash::Hash32;

use super::*;

const HOUR_MS: u64 = 3_600_000;
const DEADLINE_MS: u64 = 1_000 * HOUR_MS;

/// A contract whose units are kept so long, and its invoice, which was to be paid until [`DEADLINE_MS`].
fn reserved_until(reserved_until_ms: u64) -> (Contract, Invoice) {
    let (id, price) = (Uuid::nil(), Sats::new(100).unwrap());
    let contract = Contract {
        id,
        account_id: Uuid::nil(),
        offer_id: Uuid::nil(),
        status: Status::Reserved,
        units: Units::new(1).unwrap(),
        price,
        term_ms: 1_000,
        terms_index: 1,
        payout_address: "address".into(),
        payout_script: Vec::new(),
        nonce: Hash32([1; 32]),
        payment_reference: "reference".into(),
        created_ms: 0,
        reserved_until_ms,
        opened: None,
    };
    let invoice = Invoice {
        contract_id: id,
        gateway: "chain".into(),
        price,
        confirmations: 3,
        state: State::Seen,
        created_ms: 0,
        expires_ms: DEADLINE_MS,
        destination: None,
        gateway_status: None,
    };
    (contract, invoice)
}

/// A payment of the whole price that waits to be mined.
fn waiting() -> Vec<PaymentRow> {
    let (contract_id, amount) = (Uuid::nil(), Sats::new(100).unwrap());
    let (position, payment) = (Position::Waiting, "a:0".to_owned());
    vec![PaymentRow { payment, contract_id, amount, first_seen_ms: 1, position, booked: None }]
}

#[test]
fn units_are_kept_two_hours_at_a_time_and_48_hours_behind_the_deadline_at_most() {
    let (mut contract, invoice) = reserved_until(DEADLINE_MS);
    let mut now_ms = DEADLINE_MS - HOUR_MS;
    assert_eq!(hold_until(&contract, &invoice, now_ms), None, "an hour is left");
    now_ms += 1;
    let mut holds = 0;
    while let Some(until_ms) = hold_until(&contract, &invoice, now_ms) {
        assert!(until_ms <= now_ms + 2 * HOUR_MS && until_ms > contract.reserved_until_ms);
        assert_eq!(decide_on(&contract, &invoice, &waiting(), now_ms), (State::Seen, Act::Hold));
        contract.reserved_until_ms = until_ms;
        now_ms = until_ms - 1;
        holds += 1;
    }
    assert_eq!(contract.reserved_until_ms, DEADLINE_MS + 48 * HOUR_MS);
    assert_eq!(holds, 25, "48 hours behind the deadline and one before it");
    assert_eq!(decide_on(&contract, &invoice, &waiting(), now_ms), (State::Seen, Act::Nothing));
    assert_eq!(decide_on(&contract, &invoice, &waiting(), now_ms + 1), (State::PaidLate, Act::Nothing));
}

#[test]
fn every_change_of_position_is_told_once() {
    let (waiting, shallow, deep) =
        (Position::Waiting, Position::Confirmed { confirmations: 1 }, Position::Final { confirmations: 3 });
    assert_eq!(happened(None, waiting), ["seen"]);
    assert_eq!(happened(None, deep), ["seen", "final"]);
    assert_eq!(happened(Some(waiting), shallow), ["confirmed"]);
    assert!(happened(Some(shallow), Position::Confirmed { confirmations: 2 }).is_empty());
    assert_eq!(happened(Some(shallow), deep), ["final"]);
    assert_eq!(happened(Some(deep), waiting), ["unconfirmed"]);
    assert_eq!(happened(Some(waiting), Position::Replaced), ["replaced"]);
    assert_eq!(happened(Some(shallow), Position::Dropped), ["dropped"]);
    assert!(happened(Some(Position::Replaced), Position::Dropped).is_empty());
    assert_eq!(happened(Some(Position::Dropped), waiting), ["seen"]);
}
