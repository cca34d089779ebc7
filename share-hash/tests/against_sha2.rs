//! Every hash must be the one that the `sha2` crate gives for the bytes, put together the plain way.

use proptest::{collection::vec, prelude::*};
use sha2::{Digest, Sha256};
use share_hash::{JobHasher, Lane, leaf_hashes, node_hashes};

/// A job's parts as bytes, and its shares.
#[derive(Debug)]
struct Case {
    coinbase: [Vec<u8>; 3],
    branch: Vec<[u8; 32]>,
    lanes: Vec<Lane>,
}

const PREVHASH: [u8; 32] = [0xab; 32];
const NBITS: u32 = 0x1703_1abe;

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn sha256d(bytes: &[u8]) -> [u8; 32] {
    sha256(&sha256(bytes))
}

fn plain(case: &Case, lane: &Lane) -> [u8; 32] {
    let [before, middle, after] = &case.coinbase;
    let coinbase = [&before[..], &lane.extranonces, middle, &lane.anchor, after].concat();
    let fold = |node: [u8; 32], sibling: &[u8; 32]| sha256d(&[node, *sibling].concat());
    let root = case.branch.iter().fold(sha256d(&coinbase), fold);
    let [version, ntime, nbits, nonce] = [lane.version, lane.ntime, NBITS, lane.nonce].map(u32::to_le_bytes);
    sha256d(&[&version[..], &PREVHASH, &root, &ntime, &nbits, &nonce].concat())
}

#[track_caller]
fn check(case: &Case) {
    let [before, middle, after] = &case.coinbase;
    let job = JobHasher::new(before, middle, after, &case.branch, PREVHASH, NBITS);
    let mut found = vec![[0; 32]; case.lanes.len()];
    job.hash(&case.lanes, &mut found);
    let expected: Vec<_> = case.lanes.iter().map(|lane| plain(case, lane)).collect();
    assert_eq!(found, expected, "{case:?}");
}

/// Bytes that differ from their neighbours.
fn bytes<const LENGTH: usize>(seed: usize) -> [u8; LENGTH] {
    core::array::from_fn(|index| (seed * 151 + index * 7) as u8)
}

/// `count` shares of one anchor, or of two in turn.
fn lanes(count: usize, anchors: usize) -> Vec<Lane> {
    let lane = |index: usize| Lane {
        extranonces: bytes(index),
        anchor: bytes(100 + index % anchors),
        version: 0x2000_0000 + ((index as u32) << 13),
        ntime: 1_700_000_000 + index as u32,
        nonce: (index as u32).wrapping_mul(0x9e37_79b9),
    };
    (0..count).map(lane).collect()
}

#[test]
fn coinbases_around_the_ends_of_blocks_are_hashed_right() {
    for before in [0, 1, 48, 51, 52, 53, 63, 64, 65, 120, 128] {
        for middle in [0, 1, 20, 52, 64, 111] {
            for after in [0, 4, 8, 9, 20, 40, 47, 48, 64, 130] {
                let coinbase = [before, middle, after].map(|length| bytes::<130>(length)[..length].to_vec());
                check(&Case { coinbase, branch: vec![bytes(1)], lanes: lanes(5, 2) });
            }
        }
    }
}

#[test]
fn branches_of_every_depth_are_hashed_right() {
    for depth in 0..=16 {
        let coinbase = [55, 111, 40].map(|length| vec![length as u8; length]);
        check(&Case { coinbase, branch: (0..depth).map(bytes).collect(), lanes: lanes(4, 1) });
    }
}

#[test]
fn every_number_of_shares_is_hashed_right() {
    for count in 0..=17 {
        for anchors in [1, 2, 5] {
            let coinbase = [55, 111, 40].map(|length| vec![length as u8; length]);
            check(&Case { coinbase, branch: vec![bytes(1), bytes(2)], lanes: lanes(count, anchors) });
        }
    }
}

#[test]
fn trees_are_hashed_right() {
    for count in 0..=9 {
        let records: Vec<[u8; 24]> = (0..count).map(bytes).collect();
        let mut found = vec![[0; 32]; count];
        leaf_hashes(&records, &mut found);
        let expected: Vec<_> = records.iter().map(|record| sha256(&[&[0][..], record].concat())).collect();
        assert_eq!(found, expected);
        let pairs: Vec<[[u8; 32]; 2]> = (0..count).map(|seed| [bytes(seed), bytes(seed + 50)]).collect();
        node_hashes(&pairs, &mut found);
        let expected: Vec<_> = pairs.iter().map(|pair| sha256(&[&[1][..], pair.as_flattened()].concat())).collect();
        assert_eq!(found, expected);
    }
}

proptest! {
    #[test]
    fn random_shares_are_hashed_right(
        before in vec(any::<u8>(), 0..200),
        middle in vec(any::<u8>(), 0..200),
        after in vec(any::<u8>(), 0..200),
        branch in vec(any::<[u8; 32]>(), 0..17),
        shares in vec((any::<[u8; 12]>(), any::<[u8; 32]>(), any::<[u32; 3]>()), 1..10),
    ) {
        let lanes = shares.into_iter().map(|(extranonces, anchor, [version, ntime, nonce])| Lane {
            extranonces, anchor, version, ntime, nonce
        });
        check(&Case { coinbase: [before, middle, after], branch, lanes: lanes.collect() });
    }
}
