use proptest::prelude::*;
use std::{vec, vec::Vec};

use super::*;

fn plan<'a>(outputs: &'a [(Sats, Vec<u8>)], height: u32) -> CoinbasePlan<'a> {
    CoinbasePlan { height, tag: b"/provenhash/", job: 513, outputs, witness_commitment: Some([7; 32]) }
}

fn outputs() -> Vec<(Sats, Vec<u8>)> {
    vec![(Sats::new(5_000_000_000).unwrap(), vec![0x51])]
}

fn filled(parts: &CoinbaseParts) -> Vec<u8> {
    parts.fill(&Hash32([9; 32]), [1, 2, 3, 4], [5; 8])
}

#[test]
fn what_is_laid_out_parses_back() {
    let outputs = outputs();
    let parts = plan(&outputs, 840_000).parts().unwrap();
    let bytes = filled(&parts);
    let parsed = parse(&bytes).unwrap();
    assert_eq!((parsed.height, parsed.job), (840_000, 513));
    assert_eq!(parsed.tag, b"/provenhash/");
    assert_eq!(parsed.outputs, outputs);
    assert_eq!(&bytes[parsed.extranonce_at..parsed.extranonce_at + 12], [1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 5]);
    assert_eq!(bytes[parsed.anchor_at..parsed.anchor_at + 32], [9; 32]);
    assert_eq!(parsed.extranonce_at, parts.before_extranonce.len());
}

#[test]
fn heights_are_pushed_as_core_does() {
    let pushes: [(u32, &[u8]); 8] = [
        (0, &[0]),
        (1, &[0x51]),
        (16, &[0x60]),
        (17, &[1, 17]),
        (127, &[1, 127]),
        (128, &[2, 128, 0]),
        (227_836, &[3, 0xfc, 0x79, 3]),
        (0x0080_0000, &[4, 0, 0, 0x80, 0]),
    ];
    for (height, push) in pushes {
        assert_eq!(push_height(height), push);
        assert_eq!(split_height(&[push, &[14]].concat()), Some((height, &[14][..])));
    }
    assert_eq!(split_height(&[1, 5, 14]), None, "not minimal: 5 is OP_5");
    assert_eq!(split_height(&[2, 17, 0, 14]), None, "not minimal: trailing zero");
}

#[test]
fn foreign_zero_value_outputs_are_refused() {
    let foreign = vec![(Sats::ZERO, [&[0x6a, 0x24][..], &[1; 36]].concat())];
    assert_eq!(parse(&filled(&plan(&foreign, 100).parts().unwrap())), Err(CoinbaseError::ZeroValueOutput(0)));
    let second_anchor = vec![(Sats::ZERO, [&ANCHOR_SCRIPT_PREFIX[..], &[1; 32]].concat())];
    assert_eq!(parse(&filled(&plan(&second_anchor, 100).parts().unwrap())), Err(CoinbaseError::ZeroValueOutput(1)));
}

#[test]
fn too_long_a_coinbase_or_tag_is_refused() {
    let outputs = vec![(Sats::new(1).unwrap(), vec![0x51; 200]); 2];
    assert!(matches!(plan(&outputs, 100).parts(), Err(CoinbaseError::Length(_))));
    let plan = CoinbasePlan { tag: &[b'x'; 21], ..plan(&[], 100) };
    assert_eq!(plan.parts(), Err(CoinbaseError::Tag(21)));
}

#[test]
fn truncated_and_longer_coinbases_are_refused() {
    let bytes = filled(&plan(&outputs(), 840_000).parts().unwrap());
    for length in 0..bytes.len() {
        assert!(parse(&bytes[..length]).is_err(), "{length}");
    }
    assert!(parse(&[&bytes[..], &[0]].concat()).is_err());
}

proptest! {
    #[test]
    fn any_bytes_parse_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_height_and_tag_survive(height in any::<u32>(), tag in proptest::collection::vec(any::<u8>(), 0..=20), job in any::<u16>()) {
        let plan = CoinbasePlan { height, tag: &tag, job, outputs: &[], witness_commitment: None };
        let parsed = parse(&filled(&plan.parts().unwrap())).unwrap();
        prop_assert_eq!((parsed.height, parsed.tag, parsed.job), (height, tag, job));
    }
}
