//! Refunds on a chain that the test decides.

use std::sync::Arc;

use audit_core::work::{Sats, Units};
use bitcoin::{OutPoint, ScriptBuf};
use uuid::Uuid;

use super::*;
use crate::engine::fixture::Fixture;
use crate::tlog::check::on_each_database;
use crate::wallet::fixture::TestChain;

/// An account that is owed something, and a chain to pay it on.
struct Debt {
    fixture: Fixture,
    chain: Arc<TestChain>,
    account_id: Uuid,
    memory: Memory,
}

fn script() -> ScriptBuf {
    ScriptBuf::from_bytes(vec![0x51, 0x02, 0xab, 0xcd])
}

impl Debt {
    async fn of(sats: u64) -> Self {
        let fixture = Fixture::new().await;
        let terms = Fixture::promises("1").terms();
        let contract = fixture.reserve_at(Units::new(10).unwrap(), 3_600_000, terms, 1_000, u64::MAX >> 1).await;
        let account_id = contract.account_id;
        let credit = Transaction {
            kind: "payment_credit",
            reference: "paid:0".into(),
            voucher: Voucher::Chain(BlockHash([1; 32])),
            created_ms: 1,
            postings: vec![
                Posting::debit(Account::ContractPayments, Sats::new(sats).unwrap()),
                Posting::credit(Account::Overpaid { account_id }, Sats::new(sats).unwrap()),
            ],
        };
        let mut tx = fixture.log.database.begin().await.unwrap();
        assert!(ledger::post(&mut tx, &credit).await.unwrap());
        tx.commit().await.unwrap();
        let chain = Arc::new(TestChain::new());
        chain.mine(3);
        Self { fixture, chain, account_id, memory: Memory::default() }
    }

    fn database(&self) -> &Database {
        &self.fixture.log.database
    }

    async fn record(&self, output: OutPoint, sats: u64) -> Refund {
        let refund = Refund {
            id: Uuid::new_v4(),
            account_id: self.account_id,
            address: "address".into(),
            script: script().to_bytes(),
            amount: Sats::new(sats).unwrap(),
            output,
            state: State::Recorded,
            recorded_ms: now_ms(),
            recorded_height: self.chain.height(),
            block: None,
        };
        let mut tx = self.database().begin().await.unwrap();
        assert!(refunds::insert(&mut tx, &refund).await.unwrap());
        tx.commit().await.unwrap();
        refund
    }

    async fn look(&mut self) {
        let node = Arc::clone(&self.chain) as Arc<dyn Node>;
        let refunds = Refunds { database: self.database().clone(), node };
        refunds.round(&mut self.memory).await.unwrap();
    }

    async fn mine(&mut self, count: usize) {
        self.chain.mine(count);
        // A round finds it, the next one goes on with it.
        self.look().await;
        self.look().await;
    }

    async fn state(&self) -> Vec<State> {
        let all = refunds::of_account(self.database().pool(), self.account_id).await.unwrap();
        all.iter().map(|refund| refund.state).collect()
    }

    async fn state_of(&self, refund: &Refund) -> State {
        let all = refunds::of_account(self.database().pool(), self.account_id).await.unwrap();
        all.iter().find(|stored| stored.id == refund.id).unwrap().state
    }

    /// What is owed and not on its way, and what the ledger says is owed.
    async fn owed(&self) -> (u64, i64) {
        let mut tx = self.database().begin().await.unwrap();
        let open = refunds::owed_to(&mut tx, self.account_id).await.unwrap().get();
        drop(tx);
        let account = Account::Overpaid { account_id: self.account_id };
        (open, -ledger::balance_of(self.database().pool(), &account).await.unwrap())
    }

    async fn check(&self) {
        ledger::check(self.database().pool()).await.unwrap();
    }
}

fn output(transaction: &bitcoin::Transaction, vout: u32) -> OutPoint {
    OutPoint { txid: transaction.compute_txid(), vout }
}

#[tokio::test]
async fn a_refund_is_booked_once_it_is_deep_enough_and_only_once() {
    on_each_database(async || {
        let mut debt = Debt::of(700).await;
        let paid = debt.chain.pay(&script(), 500);
        debt.record(output(&paid, 0), 500).await;
        assert_eq!(debt.owed().await, (200, 700));
        debt.look().await;
        assert_eq!(debt.state().await, [State::Recorded]);
        debt.mine(1).await;
        assert_eq!(debt.state().await, [State::Confirmed]);
        debt.mine(FINAL_DEPTH as usize - 2).await;
        assert_eq!((debt.state().await, debt.owed().await), (vec![State::Confirmed], (200, 700)));
        debt.memory = Memory::default();
        for _ in 0..3 {
            debt.mine(1).await;
            assert_eq!((debt.state().await, debt.owed().await), (vec![State::Booked], (200, 200)));
        }
        debt.check().await;
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_was_mined_before_it_is_recorded_is_found() {
    on_each_database(async || {
        let mut debt = Debt::of(700).await;
        let paid = debt.chain.pay(&script(), 700);
        debt.mine(30).await;
        debt.record(output(&paid, 0), 700).await;
        debt.look().await;
        debt.look().await;
        assert_eq!((debt.state().await, debt.owed().await), (vec![State::Booked], (0, 0)));
        debt.check().await;
    })
    .await;
}

#[tokio::test]
async fn an_output_that_pays_otherwise_refunds_nothing_and_can_be_recorded_rightly() {
    on_each_database(async || {
        let mut debt = Debt::of(700).await;
        let (less, more) = (debt.chain.pay(&script(), 499), debt.chain.pay(&script(), 151));
        let elsewhere = debt.chain.pay(&ScriptBuf::from_bytes(vec![0x51]), 1);
        debt.record(output(&less, 0), 500).await;
        debt.record(output(&more, 0), 150).await;
        debt.record(output(&less, 1), 49).await;
        debt.record(output(&elsewhere, 0), 1).await;
        debt.mine(FINAL_DEPTH as usize).await;
        assert_eq!((debt.state().await, debt.owed().await), (vec![State::Wrong; 4], (700, 700)));
        debt.record(output(&less, 0), 499).await;
        debt.look().await;
        debt.look().await;
        assert_eq!(debt.owed().await, (201, 201));
        debt.check().await;
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_leaves_its_block_is_looked_for_again() {
    on_each_database(async || {
        let mut debt = Debt::of(700).await;
        let paid = debt.chain.pay(&script(), 500);
        debt.record(output(&paid, 0), 500).await;
        debt.mine(2).await;
        debt.chain.reorganise(2);
        debt.look().await;
        assert_eq!(debt.state().await, [State::Recorded]);
        debt.mine(FINAL_DEPTH as usize).await;
        assert_eq!((debt.state().await, debt.owed().await), (vec![State::Booked], (200, 200)));
        debt.check().await;
    })
    .await;
}

#[tokio::test]
async fn one_transaction_may_refund_several_times_and_an_output_only_once() {
    on_each_database(async || {
        let mut debt = Debt::of(700).await;
        let paid = debt.chain.pay(&script(), 500);
        let refund = debt.record(output(&paid, 0), 500).await;
        let again = Refund { id: Uuid::new_v4(), ..refund.clone() };
        let mut tx = debt.database().begin().await.unwrap();
        assert!(!refunds::insert(&mut tx, &again).await.unwrap());
        drop(tx);
        let wrong = debt.record(output(&paid, 1), 50).await;
        debt.mine(1).await;
        assert_eq!((debt.state_of(&refund).await, debt.state_of(&wrong).await), (State::Confirmed, State::Wrong));
        debt.check().await;
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_waits_is_not_judged_by_another_ones_transaction() {
    on_each_database(async || {
        let mut debt = Debt::of(700).await;
        let paid = debt.chain.pay(&script(), 500);
        debt.chain.drop_mempool();
        let waiting = debt.record(output(&paid, 0), 500).await;
        let other = debt.chain.pay(&script(), 150);
        let mined = debt.record(output(&other, 0), 150).await;
        debt.mine(1).await;
        assert_eq!((debt.state_of(&waiting).await, debt.state_of(&mined).await), (State::Recorded, State::Confirmed));
        debt.chain.add_waiting(paid);
        debt.mine(FINAL_DEPTH as usize).await;
        assert_eq!((debt.state().await, debt.owed().await), (vec![State::Booked; 2], (50, 50)));
        debt.check().await;
    })
    .await;
}
