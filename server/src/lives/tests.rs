use audit_core::entry::{Maintenance, Refund, Shortfall, Suspension, Terms};
use audit_core::hash::Hash32;
use audit_core::life::Owed;
use audit_core::work::Sats;

use super::*;
use crate::blocks::tests::seal_epochs;
use crate::db::ledger::Account;
use crate::db::{contracts, offers};
use crate::engine::fixture::{CAPACITY, Fixture};
use crate::tlog::check::on_each_database;
use crate::tlog::kind;

const HOUR_MS: u64 = 3_600_000;

/// Unused time and missing work are paid back.
fn giving_back() -> Terms {
    let shortfall = Shortfall::MakeGood { tolerance_ppm: 0 };
    Terms { shortfall, refund: Refund::UnusedTime, ..Fixture::promises("1").terms() }
}

/// With nothing left behind the fee, running the machines never pays.
fn unprofitable() -> Terms {
    let suspension = Suspension::Unprofitable { periods: 1, resume_ppm: 1_000_000, resume_periods: 1 };
    let maintenance = Maintenance::SatsPerThsDay(Sats::new(1).unwrap());
    Terms { fee_ppm: 1_000_000, maintenance, suspension, ..giving_back() }
}

async fn close_by_operator(fixture: &Fixture, contract: &Hash32, reason: &str) -> Result<(), CloseRefused> {
    let log = &fixture.log;
    let contract = contracts::by_contract_id(log.database.pool(), contract).await?.unwrap();
    let guard = log.sequencer.lock().await;
    let mut tx = log.database.begin().await?;
    close(&guard, &mut tx, &contract, reason, now_ms()).await?;
    tx.commit().await.unwrap();
    guard.integrate().await.unwrap();
    Ok(())
}

fn count(fixture: &Fixture, of: &str) -> usize {
    fixture.log.entries().iter().map(kind).filter(|kind| *kind == of).count()
}

/// What the book owes to a contract.
async fn owed(fixture: &Fixture, contract: &Hash32) -> u64 {
    let account = Account::Credits { contract_id: *contract };
    let balance = ledger::balance_of(fixture.log.database.pool(), &account).await.unwrap();
    u64::try_from(-balance).unwrap()
}

async fn kinds(fixture: &Fixture, contract: &Hash32) -> Vec<ChangeKind> {
    let mut connection = fixture.log.database.pool().acquire().await.unwrap();
    let rows = lives::changes_of(&mut connection, contract, u64::MAX).await.unwrap();
    rows.iter().map(|row| row.change.kind).collect()
}

#[tokio::test]
async fn a_term_that_is_over_is_closed_once_when_its_period_ends() {
    on_each_database(async || {
        let fixture = Fixture::new().await;
        let contract = fixture.sell(CAPACITY / 4, 1).await.contract_id;
        seal_epochs(&fixture, 1).await;
        fixture.blocks().round().await.unwrap();
        assert_eq!(count(&fixture, "contract_close"), 0, "the period is not over");
        seal_epochs(&fixture, 1).await;
        fixture.blocks().round().await.unwrap();
        let fixture = fixture.restart().await;
        seal_epochs(&fixture, 2).await;
        fixture.blocks().round().await.unwrap();
        assert_eq!((count(&fixture, "contract_close"), count(&fixture, "conclusion")), (1, 0));
        assert_eq!(kinds(&fixture, &contract).await, [ChangeKind::Fulfilled]);
        let owed_at_end = lives::owed_at_end(fixture.log.database.pool(), &contract, u64::MAX).await.unwrap();
        assert_eq!(owed_at_end, Some(Owed::default()), "its terms give nothing back");
        fixture.check().await;
    })
    .await;
}

#[tokio::test]
async fn a_contract_that_is_closed_early_leaves_the_allocation_and_is_paid_back() {
    on_each_database(async || {
        let fixture = Fixture::new().await;
        let contract = fixture.sell_at(giving_back(), CAPACITY / 4, HOUR_MS, 1_000_000).await.contract_id;
        seal_epochs(&fixture, 2).await;
        close_by_operator(&fixture, &contract, "the building is sold").await.unwrap();
        let owed_at_end = lives::owed_at_end(fixture.log.database.pool(), &contract, u64::MAX).await.unwrap();
        assert_eq!(owed_at_end, None, "the period is not over");
        let mut connection = fixture.log.database.pool().acquire().await.unwrap();
        assert_eq!(offers::taken_of_all(&mut connection, now_ms()).await.unwrap(), 0, "its units can be sold again");
        drop(connection);
        seal_epochs(&fixture, 2).await;
        fixture.blocks().round().await.unwrap();
        let fixture = fixture.restart().await;
        seal_epochs(&fixture, 2).await;
        fixture.blocks().round().await.unwrap();
        fixture.check().await;

        let pool = fixture.log.database.pool();
        assert_eq!((count(&fixture, "contract_close"), count(&fixture, "conclusion")), (1, 1));
        assert_eq!(lives::owed_at_end(pool, &contract, 0).await.unwrap(), None, "nothing is published");
        let Owed { refund, make_good } = lives::owed_at_end(pool, &contract, u64::MAX).await.unwrap().unwrap();
        assert!((990_000..1_000_000).contains(&refund.get()), "{refund}: some milliseconds of an hour were used");
        assert_eq!(owed(&fixture, &contract).await, refund.get() + make_good.get());
        assert_eq!(ledger::balance_of(pool, &Account::Refunds).await.unwrap(), i64::try_from(refund.get()).unwrap());
        ledger::check(pool).await.unwrap();
        let parts = epochs::contract_page(pool, &contract, u64::MAX, None, 10).await.unwrap();
        assert_eq!(parts.iter().map(|part| part.epoch).max(), Some(3), "epoch 3 was open when it was closed");
        let compared =
            crate::books::check(&fixture.log.database, &fixture.log.store, fixture.log.sequencer.origin()).await;
        assert!(compared.unwrap().iter().all(|comparison| comparison.difference.is_none()));
    })
    .await;
}

/// The verifier counts it too, or its check fails.
#[tokio::test]
async fn the_last_epoch_of_the_period_that_ends_a_life_counts() {
    let fixture = Fixture::new().await;
    let contract = fixture.sell_at(giving_back(), CAPACITY / 4, HOUR_MS, 1_000_000_000).await.contract_id;
    seal_epochs(&fixture, 3).await;
    close_by_operator(&fixture, &contract, "the building is sold").await.unwrap();
    seal_epochs(&fixture, 1).await;
    fixture.blocks().round().await.unwrap();
    let parts = epochs::contract_page(fixture.log.database.pool(), &contract, u64::MAX, None, 10).await.unwrap();
    assert_eq!(parts.iter().map(|part| part.epoch).max(), Some(4), "the period's last epoch was open");
    assert_eq!(count(&fixture, "conclusion"), 1);
    fixture.check().await;
}

#[tokio::test]
async fn contracts_are_closed_early_only_once_and_only_where_their_terms_pay_back() {
    on_each_database(async || {
        let fixture = Fixture::new().await;
        let lasting = fixture.sell(CAPACITY / 4, HOUR_MS).await.contract_id;
        let short = fixture.sell_at(giving_back(), CAPACITY / 4, 1, 1).await.contract_id;
        let closed = fixture.sell_at(giving_back(), CAPACITY / 4, HOUR_MS, 1).await.contract_id;
        seal_epochs(&fixture, 1).await;
        let refused = close_by_operator(&fixture, &lasting, "no").await;
        assert!(matches!(refused, Err(CloseRefused::NoRefund)), "{refused:?}");
        let refused = close_by_operator(&fixture, &short, "too late").await;
        assert!(matches!(refused, Err(CloseRefused::NotRunning)), "{refused:?}");
        let refused = close_by_operator(&fixture, &closed, FULFILLED).await;
        assert!(matches!(refused, Err(CloseRefused::Reason)), "{refused:?}");
        close_by_operator(&fixture, &closed, "yes").await.unwrap();
        let refused = close_by_operator(&fixture, &closed, "again").await;
        assert!(matches!(refused, Err(CloseRefused::NotRunning)), "{refused:?}");
        // As after a clock that jumped back: epochs have gone on beyond the term.
        let over = fixture.sell_at(giving_back(), CAPACITY / 8, HOUR_MS, 1).await.contract_id;
        fixture.log.database.execute("UPDATE epochs SET start_ms = start_ms + 7200000").await;
        let refused = close_by_operator(&fixture, &over, "too late").await;
        assert!(matches!(refused, Err(CloseRefused::NotRunning)), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn contracts_that_do_not_pay_are_left_out_from_the_next_epoch_on() {
    on_each_database(async || {
        let fixture = Fixture::new().await;
        let contract = fixture.sell_at(unprofitable(), CAPACITY / 4, HOUR_MS, 1_000_000).await.contract_id;
        seal_epochs(&fixture, 2).await;
        fixture.blocks().round().await.unwrap();
        assert_eq!(kinds(&fixture, &contract).await, [ChangeKind::Suspended]);
        seal_epochs(&fixture, 2).await;
        fixture.blocks().round().await.unwrap();
        assert_eq!(kinds(&fixture, &contract).await, [ChangeKind::Suspended], "it is suspended already");
        let parts = epochs::contract_page(fixture.log.database.pool(), &contract, u64::MAX, None, 10).await.unwrap();
        assert_eq!(parts.iter().map(|part| part.epoch).max(), Some(3), "epoch 3 was open when it was suspended");
        // Closed, it gets back what it could not use.
        close_by_operator(&fixture, &contract, "it will not pay again").await.unwrap();
        seal_epochs(&fixture, 2).await;
        fixture.blocks().round().await.unwrap();
        assert!(owed(&fixture, &contract).await > 990_000);
        fixture.check().await;
    })
    .await;
}

#[tokio::test]
async fn a_period_changes_nothing_for_who_came_after_its_last_epoch() {
    on_each_database(async || {
        let fixture = Fixture::new().await;
        let before = fixture.sell_at(unprofitable(), CAPACITY / 4, HOUR_MS, 1_000_000).await.contract_id;
        seal_epochs(&fixture, 2).await;
        let after = fixture.sell_at(unprofitable(), CAPACITY / 4, HOUR_MS, 1_000_000).await.contract_id;
        fixture.blocks().round().await.unwrap();
        assert_eq!(kinds(&fixture, &before).await, [ChangeKind::Suspended]);
        assert_eq!(kinds(&fixture, &after).await, []);
        seal_epochs(&fixture, 2).await;
        fixture.blocks().round().await.unwrap();
        assert_eq!(kinds(&fixture, &after).await, [ChangeKind::Suspended]);
        fixture.check().await;
    })
    .await;
}

#[tokio::test]
async fn a_crash_between_file_and_entry_changes_nothing() {
    on_each_database(async || {
        let fixture = Fixture::new().await;
        let contract = fixture.sell_at(giving_back(), CAPACITY / 4, HOUR_MS, 1_000_000).await.contract_id;
        close_by_operator(&fixture, &contract, "changed my mind").await.unwrap();
        seal_epochs(&fixture, 2).await;
        {
            let lives = fixture.lives();
            let mut tx = fixture.log.database.begin().await.unwrap();
            let (end, every) = lives.next_end(&mut tx).await.unwrap().unwrap();
            let (entry, concluded) = lives.called_for(&mut tx, &end, every).await.unwrap().conclusion.unwrap();
            lives.put_file(entry.conclusion, &concluded).await.unwrap();
        }
        let fixture = fixture.restart().await;
        seal_epochs(&fixture, 1).await;
        fixture.blocks().round().await.unwrap();
        assert_eq!(owed(&fixture, &contract).await, 1_000_000, "it never ran");
        fixture.check().await;
    })
    .await;
}
