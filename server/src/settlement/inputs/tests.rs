use audit_core::allocation::{Allocation, AllocationEntry};
use audit_core::entry::Scheme;
use audit_core::hash::Hash32;
use audit_core::work::Units;

use super::*;
use crate::db::epochs::EpochCloseRow;
use crate::engine::fixture::Fixture;

/// Epochs that take three readings, the last of them in part.
const EPOCHS: u64 = 2 * PAGE + PAGE / 2;
/// Hashes of each.
const WORK: u128 = 10;
const CONTRACT: Hash32 = Hash32([1; 32]);

/// Closed epochs in which one contract has everything.
async fn close_epochs(fixture: &Fixture, count: u64) -> Allocation {
    let units = Units::new(1).unwrap();
    let allocation = Allocation::new(vec![AllocationEntry { units, id: CONTRACT }]).unwrap();
    let (path, root) = (Allocation::path(&allocation.root()), allocation.root());
    fixture.log.store.put(&path, &allocation.to_bytes()).unwrap();
    let mut tx = fixture.log.database.begin().await.unwrap();
    for epoch in 1..=count {
        let (start_ms, open_index) = (epoch, epoch);
        let row = EpochRow { epoch, start_ms, open_index, allocation_root: root, capacity: units, close: None };
        epochs::insert(&mut tx, &row).await.unwrap();
        let close = EpochCloseRow { close_index: epoch, share_count: 1, work: Work::new(WORK) };
        assert!(epochs::close(&mut tx, epoch, &close).await.unwrap());
    }
    tx.commit().await.unwrap();
    allocation
}

#[tokio::test]
async fn a_window_reaches_back_over_every_epoch_that_it_takes_and_counts_each_once() {
    let fixture = Fixture::new().await;
    let allocation = close_epochs(&fixture, EPOCHS + 1).await;
    let all = WORK * u128::from(EPOCHS);
    for (window, is_full) in [(all, true), (all + 1, false)] {
        let scheme = Scheme::Pplns { window_work: Work::new(window) };
        let terms = TermsOf::from([(CONTRACT, Terms { scheme, ..Fixture::promises("1").terms() })]);
        let mut work = ContractWork::default();
        work.add_epoch(&allocation, Work::new(WORK)).unwrap();
        let windows = fixture.settler().windows(EPOCHS, &terms, &work).await.unwrap();
        assert_eq!(windows.are_full(), is_full, "{window} hashes in {EPOCHS} epochs");
    }
}

fn settled(reward: u64, solo: u64) -> SettlementRow {
    let sats = |amount| Sats::new(amount).unwrap();
    SettlementRow {
        settlement: 4,
        entry_index: 90,
        first_epoch: 7,
        last_epoch: 9,
        reward: sats(reward),
        solo: sats(solo),
        fee: Sats::ZERO,
        maintenance: Sats::ZERO,
        carry_in: sats(1),
        carry_out: sats(30),
        settled_ms: 1,
    }
}

#[test]
fn a_settlement_begins_with_what_the_last_one_left() {
    let round = Round::after(Some(&settled(100, 40)));
    assert_eq!((round.number, round.first_epoch, round.settled_up_to), (5, 10, 9));
    assert_eq!(round.carry_in.get(), 30);
}

#[test]
fn a_reward_that_was_all_solo_uses_up_no_work() {
    let round = Round::after(Some(&settled(100, 100)));
    assert_eq!((round.first_epoch, round.settled_up_to), (7, 9));
}
