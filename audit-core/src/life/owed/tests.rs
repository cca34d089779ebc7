use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::{
    entry::{ContractOpen, Terms},
    fixture::{sold, terms},
    life::{Change, ChangeKind},
    work::Units,
};

/// 100 H/s for 100 s at 1,000,000 sats, epochs of 10 s, what is given back by both rules.
fn contract(tolerance_ppm: u32) -> LoggedContract {
    let rules = Terms { refund: Refund::UnusedTime, shortfall: Shortfall::MakeGood { tolerance_ppm }, ..terms() };
    let open = ContractOpen { price_sats: sats(1_000_000), units: Units::new(100).unwrap(), ..sold(0, 100_000).open };
    LoggedContract { terms: rules, open, ..sold(0, 100_000) }
}

fn sats(sats: u64) -> Sats {
    Sats::new(sats).unwrap()
}

/// Epoch e opens at leaf 10·e.
fn epoch(number: u64) -> EpochSpan {
    EpochSpan { open_index: 10 * (number + 1), start_ms: 10_000 * number, end_ms: 10_000 * (number + 1) }
}

fn owed(contract: &LoggedContract, epochs: u64, work: u128) -> (u64, u64) {
    let mut lived = Lived::default();
    (0..epochs).for_each(|number| lived.add_epoch(contract, &epoch(number), Work::new(work)).unwrap());
    let owed = lived.owed(contract).unwrap();
    (owed.refund.get(), owed.make_good.get())
}

#[test]
fn a_contract_that_got_all_its_time_and_work_is_owed_nothing() {
    assert_eq!(owed(&contract(0), 10, 1_000), (0, 0));
    assert_eq!(owed(&contract(0), 10, 2_000), (0, 0), "more is no debt of the buyer's");
}

#[test]
fn missing_work_is_paid_back_at_its_price_beyond_the_tolerance() {
    // 400 of 10,000 hashes are missing, of which the tolerance covers 300.
    assert_eq!(owed(&contract(0), 10, 960), (0, 40_000));
    assert_eq!(owed(&contract(30_000), 10, 960), (0, 10_000));
    assert_eq!(owed(&contract(1_000_000), 10, 0), (0, 0));
    let pro_rata =
        LoggedContract { terms: Terms { shortfall: Shortfall::ProRata, ..contract(0).terms }, ..contract(0) };
    assert_eq!(owed(&pro_rata, 10, 0), (0, 0));
}

#[test]
fn time_in_which_it_was_suspended_or_closed_is_paid_back() {
    let changed = |changes: &[(u64, ChangeKind)]| {
        let changes = changes.iter().map(|(index, kind)| Change { index: *index, kind: *kind }).collect();
        LoggedContract { changes, ..contract(0) }
    };
    let suspended = changed(&[(25, ChangeKind::Suspended), (55, ChangeKind::Resumed)]);
    // Epochs 2 to 4 of 10: their work is not the contract's.
    assert_eq!(owed(&suspended, 10, 1_000), (300_000, 0));
    // Closed while epoch 6 was open, which is its last one.
    let closed = changed(&[(75, ChangeKind::Closed)]);
    assert_eq!(owed(&closed, 10, 1_000), (300_000, 0));
    assert_eq!(owed(&closed, 10, 500), (300_000, 350_000));
    let never = LoggedContract { terms: Terms { refund: Refund::None, ..contract(0).terms }, ..closed };
    assert_eq!(owed(&never, 10, 1_000), (0, 0));
    // Closed before its first epoch.
    assert_eq!(owed(&changed(&[(5, ChangeKind::Closed)]), 10, 1_000), (1_000_000, 0));
}

#[test]
fn what_the_last_epoch_lasts_beyond_the_term_was_not_promised() {
    let open = ContractOpen { until_ms: 95_000, ..contract(0).open };
    let shorter = LoggedContract { open, ..contract(0) };
    // 9,500 hashes were promised for 95 s, and 9,500 came.
    assert_eq!(owed(&shorter, 10, 950), (0, 0));
}

proptest! {
    /// 10 ZH/s for ten years at all the bitcoin there is, and less.
    #[test]
    fn never_more_than_the_price_is_given_back_and_more_for_less(
        units in 1..=10_000_000_000_000_000_000_000u128,
        price in 0..=Sats::MAX.get(),
        term_ms in 1..320_000_000_000u64,
        tolerance in 0..=1_000_000u32,
        epochs in proptest::collection::vec((1..40_000_000_000u64, any::<bool>(), 0..1_100u32), 1..20),
        closed in 0..30u64,
    ) {
        let rules = Terms { refund: Refund::UnusedTime, shortfall: Shortfall::MakeGood { tolerance_ppm: tolerance }, ..terms() };
        let open = ContractOpen { units: Units::new(units).unwrap(), price_sats: sats(price), ..sold(0, term_ms).open };
        let mut contract = LoggedContract { open, terms: rules, ..sold(0, term_ms) };
        let mut is_suspended = false;
        for (index, (_, suspend, _)) in (0..).zip(&epochs) {
            if *suspend != is_suspended && index < closed {
                let kind = if *suspend { ChangeKind::Suspended } else { ChangeKind::Resumed };
                contract.changes.push(Change { index: 10 * index + 5, kind });
                is_suspended = *suspend;
            }
        }
        let running = contract.clone();
        contract.changes.push(Change { index: 10 * closed + 5, kind: ChangeKind::Closed });
        let lived = |contract: &LoggedContract, thousandths: u128| {
            let (mut lived, mut start_ms) = (Lived::default(), 0);
            for (index, (length_ms, _, delivered)) in (0..).zip(&epochs) {
                let end_ms = start_ms + length_ms;
                let span = EpochSpan { open_index: 10 * (index + 1), start_ms, end_ms };
                let promised = units * u128::from(*length_ms) / 1_000;
                let work = promised / 1_000 * u128::from(*delivered) / 1_000 * thousandths;
                lived.add_epoch(contract, &span, Work::new(work)).unwrap();
                start_ms = end_ms;
            }
            lived.owed(contract).unwrap()
        };
        let [all, half] = [1_000, 500].map(|thousandths| lived(&contract, thousandths));
        prop_assert!(all.refund.get() + all.make_good.get() <= price);
        prop_assert!(half.refund.get() + half.make_good.get() <= price);
        prop_assert!(half.make_good >= all.make_good, "more is missing");
        prop_assert_eq!(half.refund, all.refund);
        prop_assert!(lived(&running, 1_000).refund <= all.refund, "more is unused of what was closed");
        let nothing = lived(&contract, 0);
        // Tolerance nothing, work nothing: every millisecond in which it ran is paid back, but for rounding.
        if tolerance == 0 && closed >= epochs.len() as u64 {
            prop_assert!(nothing.refund.get() + nothing.make_good.get() + 2 > price);
        }
    }
}

#[test]
fn everything_is_given_back_where_nothing_was_delivered() {
    let spans: Vec<u64> = (0..7).collect();
    let changes = [Change { index: 75, kind: ChangeKind::Closed }].into();
    let contract = LoggedContract { changes, ..contract(0) };
    let mut lived = Lived::default();
    spans.iter().for_each(|number| lived.add_epoch(&contract, &epoch(*number), Work::ZERO).unwrap());
    let owed = lived.owed(&contract).unwrap();
    assert_eq!((owed.refund.get(), owed.make_good.get()), (300_000, 700_000));
}
