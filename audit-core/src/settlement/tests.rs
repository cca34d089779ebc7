use std::vec;

use proptest::prelude::*;

use super::*;
use crate::{
    entry::{Maintenance, Terms},
    fixture::terms,
    scheme::WindowParts,
};

const OPERATOR: Hash32 = Hash32([0xff; 32]);

fn id(index: usize) -> Hash32 {
    Hash32([u8::try_from(index).unwrap(); 32])
}

fn sats(amount: u64) -> Sats {
    Sats::new(amount).unwrap()
}

fn pplns(window: u128) -> Scheme {
    Scheme::Pplns { window_work: Work::new(window) }
}

/// Contracts with these schemes and this work, all of it in one epoch, and the operator with some work of his own.
fn inputs(contracts: &[(Scheme, u128)], own: u128, pooled: u64, ppm: u32) -> SettlementInputs {
    let of_scheme = |scheme| Terms { scheme, fee_ppm: ppm, ..terms() };
    let terms: TermsOf = (0..).zip(contracts).map(|(index, (scheme, _))| (id(index), of_scheme(*scheme))).collect();
    let mut work = ContractWork::default();
    for (index, (_, hashes)) in (0..).zip(contracts) {
        work.add(id(index), Work::new(*hashes)).unwrap();
    }
    work.add(OPERATOR, Work::new(own)).unwrap();
    let is_windowed = |id: &Hash32| matches!(scheme_of(&terms, id), Scheme::Pplns { .. });
    let parts: WindowParts = work.iter().filter(|(id, _)| is_windowed(id)).map(|(id, work)| (*id, work)).collect();
    let mut windows = Windows::of(&terms, &work);
    windows.add_older(&parts, &terms).unwrap();
    let drawn = Drawn { pooled: sats(pooled), ..Drawn::default() };
    SettlementInputs { work, windows, terms, operator: OPERATOR, drawn, carry_in: Sats::ZERO }
}

fn amounts(settled: &Settled) -> Vec<(u8, u64)> {
    settled.credits.iter().map(|credit| (credit.id.0[0], credit.sats.get())).collect()
}

#[test]
fn three_to_one_pays_three_to_one_and_the_fee_rounds_down() {
    let both = [(Scheme::Proportional, 3), (Scheme::Proportional, 1)];
    let settled = settle(&inputs(&both, 0, 5_000_000_000, 10_001)).unwrap();
    assert_eq!(amounts(&settled), [(0, 3_712_496_250), (1, 1_237_498_750)]);
    assert_eq!(settled.fee.get(), 50_005_000);
    assert_eq!(settled.carry_out, Sats::ZERO);
}

#[test]
fn without_work_everything_is_carried() {
    let settled = settle(&inputs(&[], 0, 7, 0)).unwrap();
    assert_eq!((settled.credits.len(), settled.carry_out.get()), (0, 7));
}

#[test]
fn a_block_drawn_for_a_solo_contract_leaves_the_pool_and_its_carry_alone() {
    let mut inputs = inputs(&[(Scheme::Solo, 5), (Scheme::Proportional, 5)], 0, 0, 100_000);
    inputs.drawn.solo = [(id(0), sats(1_000))].into();
    inputs.carry_in = sats(9);
    let settled = settle(&inputs).unwrap();
    assert_eq!(amounts(&settled), [(0, 900)]);
    assert_eq!((settled.fee.get(), settled.carry_out.get()), (100, 9));
}

#[test]
fn solo_contracts_have_no_part_of_what_is_pooled() {
    let settled = settle(&inputs(&[(Scheme::Solo, 50), (Scheme::Proportional, 5)], 5, 1_000, 0)).unwrap();
    assert_eq!(amounts(&settled), [(1, 500), (0xff, 500)]);
}

#[test]
fn a_pplns_class_keeps_its_sum_and_divides_it_by_its_window() {
    let mut inputs = inputs(&[(pplns(100), 30), (pplns(100), 10), (Scheme::Proportional, 60)], 0, 1_000, 0);
    let older: WindowParts = [(id(1), Work::new(60))].into();
    inputs.windows.add_older(&older, &inputs.terms).unwrap();
    // 400 of 1000 are the class's; within its last 100 hashes the two did 30 and 70.
    assert_eq!(amounts(&settle(&inputs).unwrap()), [(0, 120), (1, 280), (2, 600)]);
}

#[test]
fn what_is_paid_by_time_earns_the_operator_the_blocks() {
    let settled =
        settle(&inputs(&[(Scheme::Pps, 3), (Scheme::Proportional, 5), (Scheme::Fpps, 1)], 1, 1_000, 0)).unwrap();
    assert_eq!(amounts(&settled), [(1, 500), (0xff, 500)]);
}

#[test]
fn maintenance_is_taken_from_what_the_fee_leaves() {
    let mut inputs = inputs(&[(Scheme::Proportional, 86_400 * 1_000_000_000_000)], 0, 1_000, 100_000);
    inputs.terms.get_mut(&id(0)).unwrap().maintenance = Maintenance::SatsPerThsDay(sats(70));
    let settled = settle(&inputs).unwrap();
    assert_eq!((amounts(&settled), settled.fee.get(), settled.maintenance.get()), (vec![(0, 830)], 100, 70));
}

fn any_scheme() -> impl Strategy<Value = Scheme> {
    prop_oneof![
        Just(Scheme::Proportional),
        Just(Scheme::Solo),
        Just(Scheme::Pps),
        Just(Scheme::Fpps),
        (1..1u128 << 90).prop_map(pplns),
        Just(pplns(1 << 80)),
    ]
}

/// 10 ZH/s for four years are 2¹⁰⁰ hashes.
const MUCH: u128 = 1 << 100;

proptest! {
    #[test]
    fn nothing_is_lost_or_made(
        contracts in proptest::collection::vec((any_scheme(), 0..MUCH), 0..30),
        own in 0..MUCH,
        pooled in 0..Sats::MAX.get() / 2,
        solo in 0..Sats::MAX.get() / 4,
        carry_in in 0..Sats::MAX.get() / 4,
        ppm in 0..=1_000_000u32,
        rate in 0..Sats::MAX.get(),
    ) {
        let mut inputs = inputs(&contracts, own, pooled, ppm);
        inputs.drawn.solo = [(id(0), sats(solo))].into();
        inputs.carry_in = sats(carry_in);
        for terms in inputs.terms.values_mut() {
            terms.maintenance = Maintenance::SatsPerThsDay(sats(rate));
        }
        let settled = settle(&inputs).unwrap();
        let credits: u64 = settled.credits.iter().map(|credit| credit.sats.get()).sum();
        let taken = settled.fee.get() + settled.maintenance.get() + settled.carry_out.get();
        prop_assert_eq!(credits + taken, pooled + solo + carry_in);
        prop_assert_eq!(credits_root(&settled.credits).unwrap().total_sats.get(), credits);
    }

    #[test]
    fn more_work_never_gives_less(
        contracts in proptest::collection::vec((any_scheme(), 1..MUCH), 1..10),
        more in 1..MUCH,
        pooled in 0..Sats::MAX.get(),
    ) {
        let credit = |contracts: &[(Scheme, u128)]| {
            let settled = settle(&inputs(contracts, 1, pooled, 10_000)).unwrap();
            settled.credits.iter().find(|credit| credit.id == id(0)).map_or(0, |credit| credit.sats.get())
        };
        let mut contracts = contracts;
        // A class's last satoshi may go to another of its members: what is shown is the part that work alone gives.
        contracts[0].0 = Scheme::Proportional;
        let before = credit(&contracts);
        contracts[0].1 += more;
        prop_assert!(credit(&contracts) + 1 >= before, "{} after {before}", credit(&contracts));
    }

    #[test]
    fn the_order_of_epochs_and_contracts_changes_nothing(
        epochs in proptest::collection::vec(proptest::collection::vec(1..1_000_000u128, 3), 1..6),
    ) {
        let schemes = [Scheme::Proportional, Scheme::Solo, Scheme::Proportional];
        let of = |order: &mut dyn Iterator<Item = &Vec<u128>>, reversed: bool| {
            let mut all = inputs(&schemes.map(|scheme| (scheme, 0)), 0, 1_000_003, 10_000);
            for epoch in order {
                let mut parts: Vec<(usize, &u128)> = epoch.iter().enumerate().collect();
                if reversed {
                    parts.reverse();
                }
                for (index, work) in parts {
                    all.work.add(id(index), Work::new(*work)).unwrap();
                }
            }
            settle(&all).unwrap()
        };
        prop_assert_eq!(of(&mut epochs.iter(), false), of(&mut epochs.iter().rev(), true));
    }
}
