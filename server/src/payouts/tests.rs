//! Payouts on a chain that the test writes. Whatever happens in between, each contract's script has what was credited, once.

use audit_core::entry::Entry;
use audit_core::hash::Hash32;
use bitcoin::{Psbt, Script, ScriptBuf};

use super::*;
use crate::blocks::tests::seal_epochs;
use crate::db::contracts::Opened;
use crate::db::ledger::{self, Account};
use crate::db::liabilities as lists;
use crate::engine::fixture::{CAPACITY, Fixture, PAYOUT_DESCRIPTOR, payout_script};
use crate::tlog::check::on_each_database;

mod crashes;
mod limits;
mod outside;

const DEPTH: u32 = 6;

fn sats(amount: u64) -> audit_core::work::Sats {
    audit_core::work::Sats::new(amount).unwrap()
}

fn settings() -> PayoutSettings {
    PayoutSettings {
        keys: PayoutKeys::parse(PAYOUT_DESCRIPTOR, Script::from_bytes(&payout_script())).unwrap(),
        threshold: sats(100_000),
        outputs: 10,
        fee_cap: FeeRate::new(50_000).unwrap(),
        day_limit: sats(1_000_000_000_000),
        approval_above: None,
        every: Duration::ZERO,
        final_depth: DEPTH,
    }
}

/// A pool with two contracts and one settled block of 50 bitcoin.
pub(crate) struct Paying {
    pub(crate) fixture: Fixture,
    contracts: Vec<Opened>,
    settings: Arc<PayoutSettings>,
    payouts: Payouts,
    memory: Memory,
}

impl Paying {
    pub(crate) async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: PayoutSettings) -> Self {
        let (fixture, settings) = (Fixture::new().await, Arc::new(settings));
        let contracts = vec![fixture.sell(CAPACITY / 4, 3_600_000).await, fixture.sell(CAPACITY / 2, 3_600_000).await];
        fixture.pool.wins(&[1]);
        seal_epochs(&fixture, 1).await;
        fixture.node.grow_to(200);
        fixture.blocks().round().await.unwrap();
        let payouts = payouts_of(&fixture, &settings);
        Self { fixture, contracts, settings, payouts, memory: Memory::default() }
    }

    /// Another block of 50 bitcoin is settled.
    async fn earn_again(&self) {
        self.fixture.pool.wins(&[3]);
        seal_epochs(&self.fixture, 2).await;
        let height = self.fixture.node.best().height;
        self.fixture.node.grow_to(u64::from(height) + 100);
        self.fixture.blocks().round().await.unwrap();
    }

    /// Everything in memory is gone, as after kill −9.
    async fn crash(self) -> Self {
        let Self { fixture, contracts, settings, .. } = self;
        let fixture = fixture.restart().await;
        let payouts = payouts_of(&fixture, &settings);
        Self { fixture, contracts, settings, payouts, memory: Memory::default() }
    }

    pub(crate) async fn round(&mut self) {
        self.payouts.round(&mut self.memory).await.unwrap();
    }

    /// Rounds with a block after each, until nothing is open.
    pub(crate) async fn finish(&mut self) {
        for _ in 0..3 * DEPTH {
            self.round().await;
            self.fixture.node.mine();
        }
        self.round().await;
    }

    async fn states(&self) -> Vec<State> {
        let page = payouts::page(self.fixture.log.database.pool(), None, 100).await.unwrap();
        page.iter().rev().map(|payout| payout.state).collect()
    }

    /// What a contract's script got on chain, and what it was credited.
    async fn paid_and_credited(&self, contract: &Opened) -> (u64, u64) {
        let details =
            audit_core::json::from_canonical::<audit_core::contract::ContractDetails>(contract.details.as_bytes());
        let script = ScriptBuf::from(details.unwrap().payout_script);
        let outputs = self.fixture.node.mined().into_iter().flat_map(|transaction| transaction.output);
        let paid = outputs.filter(|output| output.script_pubkey == script).map(|output| output.value.to_sat()).sum();
        let pool = self.fixture.log.database.pool();
        let credited = settlements::credited(pool, &contract.contract_id, u64::MAX).await.unwrap();
        (paid, credited.get())
    }

    /// On the chain, in the log, in the book, and for a verifier: each contract has what it was credited, once.
    async fn check_all_paid(&self) {
        let pool = self.fixture.log.database.pool();
        for contract in &self.contracts {
            let (paid, credited) = self.paid_and_credited(contract).await;
            assert!(credited > 0);
            assert_eq!(paid, credited, "on the chain");
            let logged = payouts::paid(pool, &contract.contract_id, u64::MAX).await.unwrap().get();
            assert_eq!(logged, credited, "in the log");
            let contract_id = contract.contract_id;
            for account in [Account::Credits { contract_id }, Account::InFlight { contract_id }] {
                assert_eq!(ledger::balance_of(pool, &account).await.unwrap(), 0, "{account}");
            }
        }
        ledger::check(pool).await.unwrap();
        self.check_wallet().await;
        self.fixture.liabilities(Duration::ZERO).list_if_due().await.unwrap();
        self.fixture.check().await;
    }

    /// The book's payout wallet is what the coins are worth that payouts may spend, when none is under way.
    async fn check_wallet(&self) {
        let mut tx = self.fixture.log.database.begin().await.unwrap();
        let coins = payouts::spendable_coins(&mut tx).await.unwrap();
        drop(tx);
        let worth: u64 = coins.iter().map(|coin| coin.coin.sats.get()).sum();
        let booked = ledger::balance_of(self.fixture.log.database.pool(), &Account::PayoutWallet).await.unwrap();
        assert_eq!(u64::try_from(booked).unwrap(), worth);
    }

    fn logged(&self) -> Vec<audit_core::entry::Payout> {
        let entries = self.fixture.log.entries().into_iter();
        entries.filter_map(|entry| if let Entry::Payout(payout) = entry { Some(payout) } else { None }).collect()
    }
}

fn payouts_of(fixture: &Fixture, settings: &Arc<PayoutSettings>) -> Payouts {
    let log = &fixture.log;
    let node: Arc<dyn Node> = fixture.node.clone();
    Payouts::new(log.database.clone(), log.sequencer.clone(), log.store.clone(), node, Arc::clone(settings))
}

#[tokio::test]
async fn credits_are_paid_logged_and_verified() {
    on_each_database(async || {
        let mut paying = Paying::with(settings()).await;
        paying.finish().await;
        assert_eq!(paying.states().await, [State::Logged]);
        let logged = paying.logged();
        assert_eq!((logged.len(), logged[0].outputs.count), (1, 2));
        assert_eq!((logged[0].from_settlement, logged[0].to_settlement), (1, 1));
        paying.check_all_paid().await;
        let coins = lists::matured_coins(paying.fixture.log.database.pool(), u64::MAX, u64::MAX).await.unwrap();
        assert!(coins.is_empty(), "the only coin is spent");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_logged_before_it_is_deep_enough() {
    let mut paying = Paying::with(settings()).await;
    paying.round().await;
    paying.fixture.node.mine();
    for _ in 1..DEPTH {
        paying.round().await;
        assert_eq!(paying.states().await, [State::Confirmed]);
        assert!(paying.logged().is_empty());
        paying.fixture.node.mine();
    }
    paying.round().await;
    assert_eq!(paying.states().await, [State::Logged]);
}

#[tokio::test]
async fn reorganisations_of_one_to_six_blocks_converge() {
    on_each_database(async || {
        for depth in 1..=6u32 {
            let mut paying = Paying::with(settings()).await;
            paying.round().await;
            for _ in 0..depth {
                paying.fixture.node.mine();
            }
            paying.round().await;
            let tip = paying.fixture.node.best().height;
            paying.fixture.node.reorganise(tip + 1 - depth);
            paying.round().await;
            assert!(paying.states().await[0] == State::Broadcast || depth == DEPTH, "{depth} blocks");
            paying.finish().await;
            paying.check_all_paid().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_payout_is_found_in_a_block_that_replaced_one_that_was_looked_through() {
    let mut paying = Paying::with(settings()).await;
    paying.round().await;
    paying.round().await;
    let tip = paying.fixture.node.best().height;
    paying.fixture.node.shorten(tip - 2);
    paying.fixture.node.mine();
    paying.fixture.node.grow_to(tip.into());
    paying.round().await;
    assert_eq!(paying.states().await, [State::Confirmed]);
}

#[tokio::test]
async fn a_payout_whose_block_has_just_left_the_chain_is_not_logged() {
    let mut paying = Paying::with(settings()).await;
    paying.round().await;
    paying.fixture.node.mine();
    paying.round().await;
    let payout = payouts::last(paying.fixture.log.database.pool()).await.unwrap().unwrap();
    let height = payout.mined.as_ref().unwrap().height;
    paying.fixture.node.grow_to(u64::from(height + DEPTH));
    paying.fixture.node.reorganise(height);
    assert!(!paying.payouts.conclude(&payout).await.unwrap());
    assert!(paying.logged().is_empty());
    paying.finish().await;
    paying.check_all_paid().await;
}

#[tokio::test]
async fn a_logged_payout_whose_block_leaves_the_chain_is_followed_into_its_new_one() {
    let mut paying = Paying::with(settings()).await;
    paying.finish().await;
    let number = payouts::last(paying.fixture.log.database.pool()).await.unwrap().unwrap();
    let old = number.mined.unwrap();
    paying.fixture.node.reorganise(old.height);
    paying.finish().await;
    let new = payouts::by_number(paying.fixture.log.database.pool(), 1).await.unwrap().unwrap().mined.unwrap();
    assert_ne!(new.block, old.block);
    let path = audit_core::payout::PayoutFile::path(&new.txid);
    let file = paying.fixture.log.store.read(&path).unwrap().unwrap();
    let file = audit_core::payout::PayoutFile::from_bytes(&file).unwrap();
    assert_eq!(file.block, Some(new.block));
    assert_eq!(paying.logged().len(), 1, "it is logged once");
    paying.check_all_paid().await;
}

#[tokio::test]
async fn a_logged_payout_that_lost_its_block_is_handed_in_again() {
    let mut paying = Paying::with(settings()).await;
    paying.finish().await;
    let payout = payouts::last(paying.fixture.log.database.pool()).await.unwrap().unwrap();
    paying.fixture.node.reorganise(payout.mined.unwrap().height);
    paying.fixture.node.forget_mempool();
    paying.finish().await;
    assert_eq!(paying.logged().len(), 1);
    paying.check_all_paid().await;
}

#[tokio::test]
async fn the_change_of_a_payout_is_spent_once() {
    on_each_database(async || {
        let mut paying = Paying::with(settings()).await;
        paying.finish().await;
        paying.earn_again().await;
        paying.finish().await;
        assert_eq!(paying.states().await, [State::Logged, State::Logged]);
        let inputs = payouts::inputs(paying.fixture.log.database.pool(), 2).await.unwrap();
        let first = paying.logged()[0].txid;
        assert!(inputs.iter().any(|input| input.point.txid == first), "{inputs:?}");
        paying.check_all_paid().await;
    })
    .await;
}

#[tokio::test]
async fn a_node_that_forgot_a_payout_gets_it_again() {
    let mut paying = Paying::with(settings()).await;
    paying.round().await;
    paying.fixture.node.forget_mempool();
    let mut paying = paying.crash().await;
    paying.round().await;
    assert_eq!(paying.fixture.node.mempool().len(), 1);
    paying.finish().await;
    paying.check_all_paid().await;
}

#[tokio::test]
async fn a_payout_that_miners_pass_over_offers_more_and_is_paid_once() {
    on_each_database(async || {
        let mut paying = Paying::with(settings()).await;
        paying.round().await;
        let first = paying.fixture.node.mempool()[0].compute_txid();
        paying.fixture.node.estimate_fee(20_000);
        let height = paying.fixture.node.best().height;
        paying.fixture.node.grow_to(u64::from(height) + 5);
        paying.round().await;
        assert_eq!(paying.fixture.node.mempool()[0].compute_txid(), first, "five blocks are no reason to replace it");
        paying.fixture.node.grow_to(u64::from(height) + 6);
        paying.round().await;
        let waiting = paying.fixture.node.mempool();
        assert_eq!(waiting.len(), 1);
        assert_ne!(waiting[0].compute_txid(), first);
        paying.finish().await;
        assert_eq!(paying.logged().len(), 1);
        paying.check_all_paid().await;
    })
    .await;
}

#[tokio::test]
async fn a_replacement_is_announced_and_never_leaves_dust() {
    let mut paying = Paying::with(settings()).await;
    paying.round().await;
    assert!(paying.fixture.node.mempool()[0].input.iter().all(|input| input.sequence.is_rbf()));
    let pool = paying.fixture.log.database.pool();
    let last = payouts::attempts(pool, 1).await.unwrap().remove(0);
    let inputs = payouts::inputs(pool, 1).await.unwrap();
    let leaving = |rest: u64| {
        let fee = sats(last.fee.get() + last.change.get() - rest);
        draft::replacement(&last, &inputs, fee, &paying.settings.keys).unwrap().map(|attempt| attempt.change)
    };
    assert_eq!(leaving(293), None, "nodes relay no P2WPKH output below 294");
    assert_eq!(leaving(294), Some(sats(294)));
}

#[tokio::test]
async fn the_first_attempt_may_be_mined_although_it_was_replaced() {
    let mut paying = Paying::with(settings()).await;
    paying.round().await;
    let first = paying.fixture.node.mempool()[0].clone();
    paying.payouts.bump(1, FeeRate::new(30_000).unwrap()).await.unwrap();
    paying.fixture.node.mine();
    paying.finish().await;
    assert_eq!(paying.fixture.node.mined()[0].compute_txid(), first.compute_txid());
    assert_eq!(paying.states().await, [State::Logged]);
    paying.check_all_paid().await;
}

#[tokio::test]
async fn nobody_is_paid_below_the_threshold() {
    let all = sats(50 * 100_000_000);
    let mut paying = Paying::with(PayoutSettings { threshold: all, ..settings() }).await;
    paying.finish().await;
    assert!(paying.states().await.is_empty());
}
