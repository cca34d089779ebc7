//! A simulated year: what PPLNS pays by luck and PPS without it has one mean, whenever a contract runs. The class's part of
//! the pool stays the same meanwhile; where it changes within a round, members gain or lose to each other
//! (`docs/SCHEMES.md`).

use super::*;
use crate::{
    accrual::accrue,
    allocation::{Allocation, AllocationEntry},
    chain::Network,
    entry::Terms,
    fixture::terms,
    scheme::{Price, WindowParts, Worth, parts_of},
    work::{Nbits, Units},
};

/// Hours of a year.
const EPOCHS: u64 = 8_760;
/// One epoch in so many finds a block.
const EPOCHS_A_BLOCK: u64 = 8;
/// Difficulty 1.
const NBITS: u32 = 0x1d00_ffff;
/// A window of two epochs' work of the pool.
const WINDOW_EPOCHS: u128 = 2;
/// PPLNS and PPS contracts that always run, and those that run five hours of ten.
const ALWAYS: [Hash32; 2] = [Hash32([1; 32]), Hash32([2; 32])];
const AT_TIMES: [Hash32; 2] = [Hash32([3; 32]), Hash32([4; 32])];
/// The PPLNS contract that runs in the other five hours.
const OTHERWISE: Hash32 = Hash32([5; 32]);
const OPERATOR: Hash32 = Hash32([6; 32]);

/// A generator with the constants of Knuth's MMIX, from a fixed seed.
struct Luck(u64);

impl Luck {
    fn finds_a_block(&mut self) -> bool {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33).is_multiple_of(EPOCHS_A_BLOCK)
    }
}

/// What the PPLNS contracts get of a block.
fn divide_block(work: &mut ContractWork, recent: &[WindowParts], terms: &TermsOf) -> [u64; 2] {
    let mut windows = Windows::of(terms, work);
    recent.iter().rev().try_for_each(|parts| windows.add_older(parts, terms)).unwrap();
    let drawn = Drawn { pooled: Sats::new(5_000_000_000).unwrap(), ..Drawn::default() };
    let (work, terms) = (core::mem::take(work), terms.clone());
    let inputs = SettlementInputs { work, windows, terms, operator: OPERATOR, drawn, carry_in: Sats::ZERO };
    let credits = settle(&inputs).unwrap().credits;
    let of = |id: Hash32| credits.iter().find(|credit| credit.id == id).map_or(0, |credit| credit.sats.get());
    [of(ALWAYS[0]), of(AT_TIMES[0])]
}

fn allocation(epoch: u64) -> Allocation {
    let entry = |id, units| AllocationEntry { units: Units::new(units).unwrap(), id };
    let mut entries: Vec<AllocationEntry> = ALWAYS.map(|id| entry(id, 10)).into();
    match (epoch / 5).is_multiple_of(2) {
        true => entries.extend([entry(AT_TIMES[0], 10), entry(AT_TIMES[1], 10), entry(OPERATOR, 10)]),
        false => entries.extend([entry(OTHERWISE, 10), entry(OPERATOR, 20)]),
    }
    Allocation::new(entries).unwrap()
}

#[test]
fn pplns_and_pps_pay_the_same_in_a_year_but_for_luck() {
    let block_work = Nbits::new(NBITS).target().unwrap().work().unwrap().get();
    let an_epoch = Work::new(block_work / u128::from(EPOCHS_A_BLOCK));
    let scheme = |scheme| Terms { scheme, ..terms() };
    let pplns = scheme(Scheme::Pplns { window_work: Work::new(an_epoch.get() * WINDOW_EPOCHS) });
    let pairs = [ALWAYS, AT_TIMES].into_iter().flat_map(|[luck, time]| [(luck, pplns), (time, scheme(Scheme::Pps))]);
    let terms: TermsOf = pairs.chain([(OTHERWISE, pplns)]).collect();
    let price = Price::of(Network::Bitcoin, 1, Nbits::new(NBITS), 0).unwrap();

    let (mut luck, mut blocks, mut by_luck) = (Luck(2026), 0, [0, 0]);
    let (mut work, mut recent, mut worth) = (ContractWork::default(), Vec::new(), Worth::default());
    for epoch in 0..EPOCHS {
        let allocation = allocation(epoch);
        work.add_epoch(&allocation, an_epoch).unwrap();
        worth.add_epoch(&allocation, an_epoch, &price, &terms).unwrap();
        recent.push(parts_of(&allocation, an_epoch, &terms));
        if luck.finds_a_block() {
            blocks += 1;
            let paid = divide_block(&mut work, &recent[recent.len().saturating_sub(99)..], &terms);
            by_luck = [by_luck[0] + paid[0], by_luck[1] + paid[1]];
        }
    }
    // Blocks are a Poisson process: 1,095 are expected, 33 are one standard deviation, three of them 9 %.
    assert!((996..1_194).contains(&blocks), "{blocks} blocks");
    let by_time: Vec<u64> = accrue(&worth, &terms).unwrap().credits.iter().map(|credit| credit.sats.get()).collect();
    // Of a contract that runs half of the time half of them matter: three standard deviations are 12.8 %.
    for ((luck, time), thousandths) in by_luck.into_iter().zip(by_time).zip([91, 128]) {
        assert!(luck.abs_diff(time) * 1_000 < time * thousandths, "{luck} by luck, {time} by time");
    }
}
