use proptest::prelude::*;
use std::vec::Vec;

use super::*;

#[test]
fn difficulty_one_is_2_to_32_hashes_and_a_bit() {
    let level = Level::new(0).unwrap();
    assert_eq!(level.target().to_hex(), std::format!("00000000ffff{}", "0".repeat(52)));
    // 2^48 / 0xffff, as every pool computes it
    assert_eq!(level.work().get(), 4_295_032_833);
}

#[test]
fn every_level_halves_the_target_and_has_work() {
    for k in Level::MIN.get()..Level::MAX.get() {
        let (easy, hard) = (Level::new(k).unwrap(), Level::new(k + 1).unwrap());
        assert_eq!(easy.target().0, hard.target().0 << 1usize);
        assert!(hard.work() > easy.work());
    }
    assert_eq!(Level::MIN.work().get(), 1);
    assert!(Level::new(-33).is_none() && Level::new(64).is_none());
}

#[test]
fn easiest_level_is_not_below_regtest_network_target() {
    assert!(Level::MIN.target() >= Nbits::new(0x207f_ffff).target().unwrap());
}

#[test]
fn compact_targets_are_bitcoins() {
    #[track_caller]
    fn check(nbits: u32, target: Option<&str>) {
        let found = Nbits::new(nbits).target().map(Target::to_hex);
        assert_eq!(found.as_deref().map(|hex| hex.trim_start_matches('0')), target);
    }
    // Bitcoin Core src/test/arith_uint256_tests.cpp
    check(0x0000_0000, None);
    check(0x0012_3456, None);
    check(0x0112_3456, Some("12"));
    check(0x0200_8000, Some("80"));
    check(0x0412_3456, Some("12345600"));
    check(0x0492_3456, None);
    check(0x0500_9234, Some("92340000"));
    check(0xff12_3456, None);
    check(0x1d00_ffff, Some("ffff0000000000000000000000000000000000000000000000000000"));
}

#[test]
fn work_of_the_extreme_targets_is_defined() {
    assert_eq!(Target(U256::MAX).work(), Some(Work(1)));
    assert_eq!(Target(U256::ZERO).work(), None);
}

#[test]
fn equal_weights_give_the_remainder_to_the_lower_index() {
    assert_eq!(apportion(10, &[1, 1, 1]).unwrap(), [4, 3, 3]);
    assert_eq!(apportion(10, &[0, 3, 1]).unwrap(), [0, 8, 2]);
    assert_eq!(apportion(5, &[]).unwrap(), [0u128; 0]);
    assert_eq!(apportion(5, &[0, 0]).unwrap(), [0, 0]);
    assert_eq!(apportion(1, &[u128::MAX, 1]), None);
}

#[test]
fn non_canonical_numbers_are_refused() {
    for text in ["", "01", "+1", "-1", " 1", "1 ", "0x1", "340282366920938463463374607431768211456"] {
        assert_eq!(text.parse::<Work>(), Err(NumberError::Decimal), "{text:?}");
    }
    assert!("0".parse::<Units>().is_err());
    assert!("1D00FFFF".parse::<Nbits>().is_err());
}

proptest! {
    #[test]
    fn parts_sum_to_the_total_and_differ_less_than_one_from_the_exact_part(
        total in 0..u128::MAX >> 8,
        weights in proptest::collection::vec(0..u128::MAX >> 8, 1..40),
    ) {
        let parts = apportion(total, &weights).unwrap();
        let sum: u128 = weights.iter().sum();
        prop_assume!(sum > 0);
        prop_assert_eq!(parts.iter().sum::<u128>(), total);
        for (part, weight) in parts.iter().zip(&weights) {
            let floor = (U256::from(total) * U256::from(*weight) / U256::from(sum)).to::<u128>();
            prop_assert!(*part == floor || *part == floor + 1);
        }
    }

    #[test]
    fn more_weight_never_gets_less(total in 0..u128::MAX >> 8, weights in proptest::collection::vec(0..1_000_000u128, 2..20)) {
        let parts = apportion(total, &weights).unwrap();
        let mut pairs: Vec<_> = weights.iter().zip(&parts).collect();
        pairs.sort();
        for pair in pairs.windows(2) {
            prop_assert!(pair[0].0 == pair[1].0 || pair[0].1 <= pair[1].1);
        }
    }
}
