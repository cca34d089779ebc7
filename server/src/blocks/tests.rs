use audit_core::allocation::operator_id;
use audit_core::entry::{Maintenance, Scheme, Terms};
use audit_core::hash::Hash32;
use audit_core::settlement::SettlementFile;
use audit_core::work::{Sats, Work};
use tokio::sync::mpsc;

use super::*;
use crate::db::ledger::{self, Account};
use crate::db::{accruals, epochs, settlements};
use crate::engine::fixture::{CAPACITY, Fixture, REWARD_SATS};
use crate::tlog::check::on_each_database;
use crate::tlog::kind;

/// Opens, mines and closes so that this many epochs are sealed.
pub(crate) async fn seal_epochs(fixture: &Fixture, count: usize) {
    let (_events, events) = mpsc::channel(1);
    let mut epoch_loop = fixture.epoch_loop();
    let mut signals = crate::epochs::Signals::new(events, CancellationToken::new());
    for _ in 0..=2 * count {
        epoch_loop.step(&mut signals).await.unwrap();
    }
}

async fn found(fixture: &Fixture, epoch: u64) -> Vec<BlockRow> {
    let mut blocks = blocks::after_epoch(fixture.log.database.pool(), epoch - 1).await.unwrap();
    blocks.retain(|block| block.epoch == epoch);
    blocks
}

/// A contract's work in these epochs, and all work in them.
async fn work_between(fixture: &Fixture, contract: &Hash32, first: u64, last: u64) -> (u128, u128) {
    let pool = fixture.log.database.pool();
    let parts = epochs::contract_page(pool, contract, u64::MAX, Some(last + 1), last - first + 1).await.unwrap();
    let closed = epochs::closed_between(pool, first, last).await.unwrap();
    let whole = closed.iter().map(|epoch| epoch.close.as_ref().unwrap().work.get()).sum();
    (parts.iter().map(|part| part.work.get()).sum(), whole)
}

async fn statuses(fixture: &Fixture, epoch: u64) -> Vec<BlockStatus> {
    found(fixture, epoch).await.iter().map(|block| block.status).collect()
}

#[tokio::test]
async fn a_block_is_decided_with_a_hundred_blocks_on_top_and_not_before() {
    on_each_database(async || {
        let fixture = Fixture::new().await;
        seal_epochs(&fixture, 1).await;
        fixture.confirm(&found(&fixture, 1).await[0]);
        let height = found(&fixture, 1).await[0].height;
        fixture.node.grow_to(height + 99);
        fixture.blocks().round().await.unwrap();
        assert!(statuses(&fixture, 1).await.iter().all(|status| *status == BlockStatus::Found));
        fixture.node.grow_to(height + 100);
        fixture.blocks().round().await.unwrap();
        let decided = statuses(&fixture, 1).await;
        assert_eq!(decided[0], BlockStatus::Matured);
        assert!(decided[1..].iter().all(|status| *status == BlockStatus::Orphaned));
        fixture.check().await;
    })
    .await;
}

#[tokio::test]
async fn a_chain_that_is_still_short_decides_nothing() {
    let fixture = Fixture::new().await;
    seal_epochs(&fixture, 1).await;
    fixture.blocks().round().await.unwrap();
    assert!(statuses(&fixture, 1).await.iter().all(|status| *status == BlockStatus::Found));
}

#[tokio::test]
async fn settlements_divide_every_satoshi_in_log_files_and_ledger_alike() {
    on_each_database(async || {
        let fixture = Fixture::new().await;
        let contract = fixture.sell(CAPACITY / 4, 3_600_000).await.contract_id;
        fixture.pool.wins(&[1, 3]);
        seal_epochs(&fixture, 3).await;
        fixture.node.grow_to(200);
        fixture.blocks().round().await.unwrap();
        fixture.check().await;

        let pool = fixture.log.database.pool();
        let rows = settlements::page(pool, None, 10).await.unwrap();
        let ranges: Vec<_> = rows.iter().rev().map(|row| (row.first_epoch, row.last_epoch)).collect();
        assert_eq!(ranges, [(1, 1), (2, 3)], "the epoch whose blocks were all orphaned joins the next group");
        let mut of_contract = 0;
        for row in &rows {
            let path = SettlementFile::path(row.settlement);
            let file = SettlementFile::from_bytes(&fixture.log.store.read(&path).unwrap().unwrap()).unwrap();
            let credits: u64 = file.credits.iter().map(|credit| credit.sats.get()).sum();
            assert_eq!(row.reward.get(), REWARD_SATS);
            assert_eq!(credits + row.fee.get() + row.carry_out.get(), row.reward.get() + row.carry_in.get());
            let credit = file.credits.iter().find(|credit| credit.id == contract).unwrap().sats.get();
            let (part, whole) = work_between(&fixture, &contract, row.first_epoch, row.last_epoch).await;
            let expected = u128::from(REWARD_SATS) * part / whole * 98 / 100;
            assert!(u128::from(credit).abs_diff(expected) <= 2, "credited {credit}, expected {expected}");
            of_contract += credit;
        }
        assert_eq!(settlements::credited(pool, &contract, u64::MAX).await.unwrap().get(), of_contract);
        ledger::check(pool).await.unwrap();
        let owed = ledger::balance_of(pool, &Account::Credits { contract_id: contract }).await.unwrap();
        assert_eq!(u64::try_from(-owed).unwrap(), of_contract);
        let own = operator_id(fixture.log.sequencer.origin());
        let operators = settlements::credited(pool, &own, u64::MAX).await.unwrap().get();
        let income = ledger::balance_of(pool, &Account::OperatorCredits).await.unwrap();
        assert_eq!(u64::try_from(-income).unwrap(), operators);
    })
    .await;
}

#[tokio::test]
async fn every_scheme_is_settled_as_the_verifier_recomputes_it() {
    on_each_database(async || {
        let fixture = Fixture::new().await;
        let usual = Fixture::promises("1").terms();
        let maintenance = Maintenance::SatsPerThsDay(Sats::MAX);
        let pplns = |window| Scheme::Pplns { window_work: Work::new(window) };
        let sold = [
            (Scheme::Proportional, CAPACITY / 100),
            (pplns(150), CAPACITY / 100),
            (pplns(150), CAPACITY / 50),
            (Scheme::Solo, CAPACITY * 9 / 10),
        ];
        let mut contracts = Vec::new();
        for (scheme, units) in sold {
            let terms = Terms { scheme, maintenance, ..usual };
            contracts.push(fixture.sell_under(terms, units, 3_600_000).await.contract_id);
        }
        // More blocks of one second would break the rule of the median time.
        fixture.pool.wins(&[1, 2, 3, 4, 5]);
        seal_epochs(&fixture, 5).await;
        fixture.node.grow_to(400);
        fixture.blocks().round().await.unwrap();
        fixture.check().await;

        let pool = fixture.log.database.pool();
        let rows = settlements::page(pool, None, 20).await.unwrap();
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().any(|row| row.solo.get() == REWARD_SATS), "nine blocks of ten are a solo contract's");
        for pair in rows.windows(2) {
            let [after, row] = pair else { panic!("two rows") };
            let first = if row.solo == row.reward { row.first_epoch } else { row.last_epoch + 1 };
            assert_eq!(after.first_epoch, first, "work counts until a reward is pooled");
        }
        assert!(settlements::credited(pool, &contracts[3], u64::MAX).await.unwrap().get() >= REWARD_SATS * 97 / 100);
        ledger::check(pool).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_is_paid_by_time_is_credited_at_the_end_of_its_period_whatever_is_found() {
    on_each_database(async || {
        let fixture = Fixture::new().await;
        let usual = Fixture::promises("1").terms();
        let mut contracts = Vec::new();
        for scheme in [Scheme::Pps, Scheme::Fpps, Scheme::Proportional] {
            contracts.push(fixture.sell_under(Terms { scheme, ..usual }, CAPACITY / 4, 3_600_000).await.contract_id);
        }
        seal_epochs(&fixture, 3).await;
        fixture.blocks().round().await.unwrap();
        let pool = fixture.log.database.pool();
        assert_eq!(accruals::count(pool).await.unwrap(), 1, "the second period is not over");
        seal_epochs(&fixture, 1).await;
        let fixture = fixture.restart().await;
        for _ in 0..2 {
            fixture.blocks().round().await.unwrap();
        }
        fixture.check().await;

        let pool = fixture.log.database.pool();
        let kinds: Vec<&str> = fixture.log.entries().iter().map(kind).collect();
        let count = |kind: &str| kinds.iter().filter(|it| **it == kind).count();
        assert_eq!((count("accrual"), count("settlement"), count("external_input")), (2, 0, 1));
        let mut credited = Vec::new();
        for contract in &contracts {
            let credits = accruals::credited(pool, contract, u64::MAX).await.unwrap().get();
            let owed = ledger::balance_of(pool, &Account::Credits { contract_id: *contract }).await.unwrap();
            assert_eq!(u64::try_from(-owed).unwrap(), credits);
            credited.push(credits);
        }
        assert!(credited[0] > 0 && credited[1] > 0 && credited[2] == 0, "{credited:?}");
        let expense = ledger::balance_of(pool, &Account::PpsExpense).await.unwrap();
        assert!(u64::try_from(expense).unwrap() > credited[0] + credited[1], "the fee is the operator's");
        ledger::check(pool).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn periods_in_which_nothing_is_paid_by_time_have_no_accrual() {
    let fixture = Fixture::new().await;
    seal_epochs(&fixture, 4).await;
    let terms = Terms { scheme: Scheme::Pps, ..Fixture::promises("1").terms() };
    fixture.sell_under(terms, CAPACITY / 4, 3_600_000).await;
    seal_epochs(&fixture, 3).await;
    fixture.blocks().round().await.unwrap();
    let pool = fixture.log.database.pool();
    let last = accruals::last(pool).await.unwrap().unwrap();
    assert_eq!((last.accrual, last.from_epoch, last.to_epoch), (3, 5, 6));
    assert_eq!(accruals::count(pool).await.unwrap(), 1);
    fixture.check().await;
}

/// On the fake chain every block pays as much as the first: more than its subsidy after a halving, so in fees.
#[tokio::test]
async fn the_price_is_that_of_the_next_block_with_the_fees_of_the_last_ones() {
    on_each_database(async || {
        let fixture = Fixture::new().await;
        fixture.node.grow_to(299);
        let usual = Fixture::promises("1").terms();
        let pps = fixture.sell_under(Terms { scheme: Scheme::Pps, ..usual }, CAPACITY / 4, 3_600_000).await.contract_id;
        let fpps =
            fixture.sell_under(Terms { scheme: Scheme::Fpps, ..usual }, CAPACITY / 4, 3_600_000).await.contract_id;
        seal_epochs(&fixture, 3).await;
        fixture.blocks().round().await.unwrap();
        fixture.check().await;
        let pool = fixture.log.database.pool();
        let price = epochs::price(pool, 1).await.unwrap().unwrap();
        assert_eq!(price.height, 300, "the subsidy is halved for it");
        assert!(price.fees_ppm > 0);
        let credited = async |contract| accruals::credited(pool, &contract, u64::MAX).await.unwrap().get();
        assert!(credited(fpps).await > credited(pps).await, "the fees are paid on top");
        assert!(credited(pps).await > 0);
    })
    .await;
}

#[tokio::test]
async fn an_undecided_earlier_block_holds_up_settlement() {
    on_each_database(async || {
        let fixture = Fixture::new().await;
        fixture.pool.wins(&[1, 2]);
        seal_epochs(&fixture, 2).await;
        let (first, second) = (found(&fixture, 1).await[0].height, found(&fixture, 2).await[0].height);
        assert!(first < second);
        fixture.node.grow_to(first + 100);
        fixture.blocks().round().await.unwrap();
        assert_eq!(settlements::count(fixture.log.database.pool()).await.unwrap(), 1);
        fixture.node.grow_to(second + 100);
        fixture.blocks().round().await.unwrap();
        assert_eq!(settlements::count(fixture.log.database.pool()).await.unwrap(), 2);
        fixture.check().await;
    })
    .await;
}

#[tokio::test]
async fn nothing_is_settled_or_decided_twice_over_restarts() {
    on_each_database(async || {
        let mut fixture = Fixture::new().await;
        seal_epochs(&fixture, 1).await;
        fixture.confirm(&found(&fixture, 1).await[0]);
        fixture.node.grow_to(200);
        for _ in 0..3 {
            fixture.blocks().round().await.unwrap();
            fixture = fixture.restart().await;
        }
        let kinds: Vec<&str> = fixture.log.entries().iter().map(kind).collect();
        let count = |kind: &str| kinds.iter().filter(|it| **it == kind).count();
        assert_eq!(count("settlement"), 1);
        assert_eq!(count("block_matured"), 1);
        assert_eq!(count("block_found"), count("block_matured") + count("block_orphaned"));
    })
    .await;
}

#[tokio::test]
async fn a_crash_between_the_file_and_the_posting_settles_with_the_same_bytes() {
    let fixture = Fixture::new().await;
    seal_epochs(&fixture, 1).await;
    fixture.confirm(&found(&fixture, 1).await[0]);
    fixture.node.grow_to(200);
    fixture.blocks().decide().await.unwrap();
    let settler = fixture.settler();
    settler.prepare().await.unwrap().expect("a group is ready");
    let written = fixture.log.store.read(&SettlementFile::path(1)).unwrap().unwrap();
    let fixture = fixture.restart().await;
    fixture.settler().settle_all().await.unwrap();
    assert_eq!(fixture.log.store.read(&SettlementFile::path(1)).unwrap().unwrap(), written);
    fixture.check().await;
}

#[tokio::test]
async fn an_epoch_row_without_its_allocation_file_is_an_error_that_names_it() {
    let fixture = Fixture::new().await;
    seal_epochs(&fixture, 1).await;
    let pool = fixture.log.database.pool();
    let row = epochs::get(pool, 1).await.unwrap().unwrap();
    let missing = epochs::EpochRow { allocation_root: Hash32([1; 32]), ..row };
    let error = crate::sealing::read_allocation(&fixture.log.store, &missing).unwrap_err();
    assert!(error.to_string().contains("allocation/0101"));
}
