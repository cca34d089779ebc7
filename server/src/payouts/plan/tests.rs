use std::collections::{BTreeMap, BTreeSet};

use audit_core::hash::{BlockHash, Hash32};
use audit_core::transaction::OutPoint;
use proptest::prelude::*;

use super::*;

const THRESHOLD: u64 = 10_000;
const NOW_MS: u64 = 100 * 86_400_000;
/// 41 bytes and the witness of a P2WPKH input (BIP 141).
const INPUT_WEIGHT: u64 = 4 * 41 + 108;

fn sats(amount: u64) -> Sats {
    Sats::new(amount).unwrap()
}

/// A P2WPKH script.
fn script(owner: u8) -> Vec<u8> {
    [&[0, 20][..], &[owner; 20]].concat()
}

fn owed(id: u8, owner: u8, amount: u64) -> Owed {
    let (contract_id, script) = (Hash32([id; 32]), script(owner));
    Owed { contract_id, sats: sats(amount), script, until_ms: NOW_MS, from_settlement: 1 + u64::from(id) }
}

fn coin(number: u8, amount: u64, is_change: bool) -> SpendableCoin {
    let point = OutPoint { txid: BlockHash([number; 32]), vout: 0 };
    SpendableCoin { coin: Input { point, sats: sats(amount) }, height: number.into(), is_change }
}

fn bounds() -> Bounds {
    Bounds {
        threshold: sats(THRESHOLD),
        outputs: 5,
        total: sats(1_000_000_000),
        rate: FeeRate::new(2_000).unwrap(),
        input_weight: INPUT_WEIGHT,
        change_script: script(0xcc).into(),
        now_ms: NOW_MS,
    }
}

#[test]
fn contracts_of_one_owner_share_an_output() {
    let owed = [owed(1, 7, 6_000), owed(2, 8, 50_000), owed(3, 7, 5_000)];
    let plan = plan(&owed, &[coin(1, 1_000_000, false)], &bounds()).unwrap();
    assert_eq!(plan.outputs, [(script(7).into(), sats(11_000)), (script(8).into(), sats(50_000))]);
    let rows: Vec<_> = plan.rows.iter().map(|row| (row.id.0[0], row.sats.get(), row.vout)).collect();
    assert_eq!(rows, [(1, 6_000, 0), (2, 50_000, 1), (3, 5_000, 0)]);
    assert_eq!((plan.total, plan.from_settlement), (sats(61_000), 2));
}

#[test]
fn less_than_the_threshold_is_carried_over_until_the_contract_is_over() {
    let waiting = owed(1, 7, THRESHOLD - 1);
    let over = Owed { until_ms: NOW_MS - OVER_AFTER_MS, ..waiting.clone() };
    let coins = [coin(1, 1_000_000, false)];
    assert_eq!(plan(std::slice::from_ref(&waiting), &coins, &bounds()), None);
    assert!(plan(&[over], &coins, &bounds()).is_some());
    let dust = Owed { sats: sats(293), until_ms: 0, ..waiting };
    assert_eq!(plan(std::slice::from_ref(&dust), &coins, &bounds()), None, "nodes relay no P2WPKH output below 294");
    assert!(plan(&[Owed { sats: sats(294), ..dust }], &coins, &bounds()).is_some());
}

#[test]
fn an_owner_with_a_running_contract_waits_for_the_threshold() {
    let running = owed(1, 7, 4_000);
    let over = Owed { until_ms: NOW_MS - OVER_AFTER_MS, ..owed(2, 7, 5_000) };
    assert_eq!(plan(&[running, over.clone()], &[coin(1, 1_000_000, false)], &bounds()), None);
    assert!(plan(&[over], &[coin(1, 1_000_000, false)], &bounds()).is_some());
}

#[test]
fn change_is_spent_before_rewards_and_old_rewards_before_new_ones() {
    let coins = [coin(9, 100_000, false), coin(3, 100_000, false), coin(8, 20_000, true)];
    let plan = plan(&[owed(1, 7, 60_000)], &coins, &bounds()).unwrap();
    let spent: Vec<u8> = plan.inputs.iter().map(|input| input.point.txid.0[0]).collect();
    assert_eq!(spent, [8, 3]);
}

#[test]
fn a_rest_that_is_dust_goes_to_the_fee() {
    // One input, one output: 110 virtual bytes, 220 sats; with an output more 282 sats, and 293 would be dust.
    let with_dust = plan(&[owed(1, 7, 50_000)], &[coin(1, 50_000 + 282 + 293, false)], &bounds()).unwrap();
    assert_eq!((with_dust.change, with_dust.fee), (Sats::ZERO, sats(575)));
    let with_change = plan(&[owed(1, 7, 50_000)], &[coin(1, 50_000 + 400 + 294, false)], &bounds()).unwrap();
    assert!(with_change.change >= sats(294), "{with_change:?}");
}

#[test]
fn who_does_not_fit_waits_and_others_are_paid() {
    let owed = [owed(1, 1, 900_000), owed(2, 2, 40_000)];
    let plan = plan(&owed, &[coin(1, 100_000, false)], &bounds()).unwrap();
    assert_eq!(plan.rows.len(), 1);
    assert_eq!(plan.total, sats(40_000));
}

#[test]
fn one_who_is_owed_more_than_the_limit_is_paid_alone() {
    let bounds = Bounds { total: sats(100_000), ..bounds() };
    let owed = [owed(1, 1, 900_000), owed(2, 2, 40_000)];
    let plan = plan(&owed, &[coin(1, 2_000_000, false)], &bounds).unwrap();
    assert_eq!((plan.rows.len(), plan.total), (1, sats(900_000)));
}

proptest! {
    #[test]
    fn every_satoshi_is_accounted_for(
        debts in prop::collection::vec((0u8..6, 1u64..200_000), 1..12),
        worth in prop::collection::vec((1_000u64..400_000, any::<bool>()), 0..12),
        rate in 1_000u64..200_000,
    ) {
        let owed: Vec<Owed> = (0u8..).zip(&debts).map(|(id, (owner, sats))| owed(id, *owner, *sats)).collect();
        let coins: Vec<SpendableCoin> =
            (0u8..).zip(&worth).map(|(number, (sats, is_change))| coin(number, *sats, *is_change)).collect();
        let bounds = Bounds { rate: FeeRate::new(rate).unwrap(), ..bounds() };
        let Some(plan) = plan(&owed, &coins, &bounds) else { return Ok(()) };
        let spent: u64 = plan.inputs.iter().map(|input| input.sats.get()).sum();
        prop_assert_eq!(spent, plan.total.get() + plan.fee.get() + plan.change.get());
        let points: BTreeSet<_> = plan.inputs.iter().map(|input| input.point).collect();
        prop_assert_eq!(points.len(), plan.inputs.len());
        let least = bounds.rate.fee(plan.vsize).get();
        // Another output would cost 31 virtual bytes, and what it pays would be dust.
        let most = bounds.rate.fee(plan.vsize + 31).get() + 294;
        prop_assert!(plan.fee.get() >= least && (plan.change == Sats::ZERO || plan.fee.get() == least));
        prop_assert!(plan.fee.get() <= most, "{} > {most}", plan.fee);
        prop_assert!(plan.change == Sats::ZERO || plan.change.get() >= 294);
        prop_assert!(plan.outputs.len() <= bounds.outputs);
        let mut by_vout = BTreeMap::<u32, u64>::new();
        for row in &plan.rows {
            let contract = owed.iter().find(|contract| contract.contract_id == row.id).unwrap();
            prop_assert_eq!(contract.sats, row.sats, "all that is owed, and no more");
            prop_assert_eq!(contract.script.as_slice(), plan.outputs[row.vout as usize].0.as_bytes());
            *by_vout.entry(row.vout).or_default() += row.sats.get();
        }
        let paid: Vec<u64> = plan.outputs.iter().map(|(_, sats)| sats.get()).collect();
        prop_assert!(paid.iter().all(|sats| *sats >= THRESHOLD));
        prop_assert_eq!(by_vout.into_values().collect::<Vec<_>>(), paid);
    }
}
