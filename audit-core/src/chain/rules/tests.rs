use bitcoin::{CompactTarget, params::Params};
use proptest::prelude::*;
use std::collections::BTreeMap;

use super::*;

fn header(ntime: u32, nbits: u32) -> Header {
    Header {
        version: 1,
        prevhash: BlockHash::default(),
        merkle_root: [0; 32],
        ntime,
        nbits: Nbits::new(nbits),
        nonce: 0,
    }
}

fn required(network: Network, headers: &[(u32, Header)], height: u32, ntime: u32) -> Option<u32> {
    let headers: BTreeMap<u32, Header> = headers.iter().copied().collect();
    required_nbits(network, &|height| headers.get(&height).copied(), height, ntime).map(Nbits::get)
}

/// What the retarget at `last_height` + 1 gives.
fn retargeted(network: Network, last_height: u32, first: (u32, u32), last: (u32, u32)) -> Option<u32> {
    let first = (last_height + 1 - PERIOD, header(first.0, first.1));
    required(network, &[first, (last_height, header(last.0, last.1))], last_height + 1, last.0 + 600)
}

/// Bitcoin Core `src/test/pow_tests.cpp`: real retargets of the main chain.
#[test]
fn retargets_of_the_main_chain_are_bitcoin_cores() {
    #[track_caller]
    fn check(last_height: u32, first_time: u32, last_time: u32, old: u32, new: u32) {
        let found = retargeted(Network::Bitcoin, last_height, (first_time, old), (last_time, old));
        assert_eq!(found, Some(new), "{found:x?}");
    }
    check(32_255, 1_261_130_161, 1_262_152_739, 0x1d00_ffff, 0x1d00_d86a);
    check(2_015, 1_231_006_505, 1_233_061_996, 0x1d00_ffff, 0x1d00_ffff);
    check(68_543, 1_279_008_237, 1_279_297_671, 0x1c05_a3f4, 0x1c01_68fd);
    check(46_367, 1_263_163_443, 1_269_211_443, 0x1c38_7f6f, 0x1d00_e1fd);
}

proptest! {
    #[test]
    fn retargets_are_those_of_the_bitcoin_crate(mantissa in 0x1000u32..0x7f_ffff, size in 5u32..0x1d, took in 0u32..10_000_000) {
        let old = (size << 24) | mantissa | 0x8000;
        for (network, params) in [(Network::Bitcoin, Params::BITCOIN), (Network::Signet, Params::SIGNET)] {
            let old = if network == Network::Signet && size == 0x1c { 0x1e03_77ae } else { old };
            let start = 1_600_000_000;
            let found = retargeted(network, 3 * PERIOD - 1, (start, old), (start + took, old));
            let expected = CompactTarget::from_next_work_required(CompactTarget::from_consensus(old), took.into(), params);
            prop_assert_eq!(found, Some(expected.to_consensus()), "{:x}", old);
        }
    }

    #[test]
    fn compact_targets_are_those_of_the_bitcoin_crate(bytes in any::<[u8; 32]>(), zeros in 0usize..32) {
        let mut bytes = bytes;
        bytes[..zeros].fill(0);
        let expected = bitcoin::Target::from_be_bytes(bytes).to_compact_lossy().to_consensus();
        prop_assert_eq!(Nbits::of(crate::work::Target::from_be_bytes(bytes)).get(), expected);
    }
}

#[test]
fn a_period_that_took_no_or_negative_time_counts_as_half_a_week() {
    let fast = retargeted(Network::Bitcoin, 4_031, (2_000_000_000, 0x1c05_a3f4), (1_000_000_000, 0x1c05_a3f4));
    assert_eq!(fast, Some(0x1c01_68fd));
}

#[test]
fn within_a_period_nothing_changes_and_regtest_never_retargets() {
    let at = |network, height, nbits| required(network, &[(height - 1, header(1_000, nbits))], height, 9_000_000);
    assert_eq!(at(Network::Bitcoin, 2_017, 0x1c05_a3f4), Some(0x1c05_a3f4));
    assert_eq!(at(Network::Signet, 2_017, 0x1d05_a3f4), Some(0x1d05_a3f4));
    assert_eq!(at(Network::Regtest, 2_016, 0x1e03_77ae), Some(0x1e03_77ae));
    assert_eq!(at(Network::Regtest, 2_017, 0x207f_ffff), Some(0x207f_ffff));
}

#[test]
fn limits_are_the_genesis_blocks_nbits() {
    let limits = [Network::Bitcoin, Network::Testnet4, Network::Signet, Network::Regtest].map(Network::limit_nbits);
    assert_eq!(limits.map(Nbits::get), [0x1d00_ffff, 0x1d00_ffff, 0x1e03_77ae, 0x207f_ffff]);
}

#[test]
fn testnet4_gives_the_easiest_target_after_20_minutes_and_goes_back_after_it() {
    let real = 0x1c05_a3f4;
    let headers = [
        (2_016, header(10_000, real)),
        (2_017, header(10_600, real)),
        (2_018, header(12_000, 0x1d00_ffff)),
        (2_019, header(13_500, 0x1d00_ffff)),
    ];
    let at = |height: u32, ntime| required(Network::Testnet4, &headers[..(height - 2_016) as usize], height, ntime);
    assert_eq!(at(2_018, 11_800), Some(real));
    assert_eq!(at(2_018, 11_801), Some(0x1d00_ffff));
    assert_eq!(at(2_020, 13_600), Some(real));
    assert_eq!(at(2_020, 14_701), Some(0x1d00_ffff));
    assert_eq!(at(2_020, 14_700), Some(real));
}

#[test]
fn testnet4_retargets_from_the_periods_first_header_and_without_the_exception() {
    let real = 0x1c05_a3f4;
    let found = retargeted(Network::Testnet4, 4_031, (1_000_000, real), (1_000_000 + TARGET_TIMESPAN_S, 0x1d00_ffff));
    assert_eq!(found, Some(real));
    let headers = [(2_016, header(1_000_000, real)), (4_031, header(1_000_000 + TARGET_TIMESPAN_S, 0x1d00_ffff))];
    let late = 1_000_000 + TARGET_TIMESPAN_S + 100_000;
    assert_eq!(required(Network::Testnet4, &headers, 4_032, late), Some(real));
}

#[test]
fn testnet4_keeps_the_first_header_of_a_period_from_warping_time() {
    let last = header(1_000_000, 0x1d00_ffff);
    let view = |height: u32| (height == 4_031).then_some(last);
    let follows =
        |network, height, ntime| follows_in_time(network, &view, height, &header(ntime, 0x1d00_ffff), &last).is_ok();
    assert!(follows(Network::Testnet4, 4_032, 999_400));
    assert!(!follows(Network::Testnet4, 4_032, 999_399));
    assert!(follows(Network::Testnet4, 4_033, 1));
    assert!(follows(Network::Bitcoin, 4_032, 1));
}

#[test]
fn median_time_past_is_the_sixth_of_eleven_and_of_all_near_the_genesis() {
    let times = [5, 1, 9, 3, 7, 2, 8, 4, 6, 11, 10, 100];
    let from = |start: u32| {
        move |height: u32| {
            let at = usize::try_from(height.checked_sub(start)?).ok()?;
            times.get(at).map(|time| header(*time, 0x207f_ffff))
        }
    };
    assert_eq!(median_time_past(&from(0), 11), Some(6));
    assert_eq!(median_time_past(&from(0), 12), Some(7));
    assert_eq!(median_time_past(&from(0), 1), Some(5));
    assert_eq!(median_time_past(&from(0), 4), Some(5));
    assert_eq!(median_time_past(&from(2_016), 2_026), None);
    assert_eq!(median_time_past(&from(2_016), 2_027), Some(6));
}
