use super::*;
use crate::{chain::Network, fixture::child};

const EASY: u32 = 0x207f_ffff;

/// Heights 0 to 19, and headers from 15 on that another miner found.
fn fork() -> (HeaderChain, Vec<Header>) {
    let mut chain = HeaderChain::new(Network::Regtest, 0);
    for height in 0..20 {
        chain.push(&child(chain.tip(), 1_000 + height, EASY).to_bytes()).unwrap();
    }
    let mut below = chain.hash_at(14).map(|hash| (14, hash));
    let others = (15..18).map(|height| {
        let header = child(below, 2_000 + height, EASY);
        below = Some((height, header.hash()));
        header
    });
    let others = others.collect();
    (chain, others)
}

#[test]
fn a_branch_shows_the_best_chain_below_and_its_own_headers_above_the_fork() {
    let (chain, others) = fork();
    let mut side = SideHeaders::default();
    side.add(&chain, 15, &others).unwrap();
    let branch = side.branch(&chain, 17, &others[2].hash()).unwrap();
    assert!(!branch.is_best());
    assert_eq!(branch.header(14), chain.header(14));
    assert_eq!(branch.header(16), Some(others[1]));
    assert_eq!(branch.header(18), None);
    assert_eq!(branch.required_nbits(9_000), Some(Nbits::new(EASY)));
    let best = side.branch(&chain, 17, &chain.hash_at(17).unwrap()).unwrap();
    assert!(best.is_best());
    assert_eq!((best.header(17), best.header(18)), (chain.header(17), None));
}

#[test]
fn a_side_header_may_build_on_another_side_header() {
    let (chain, others) = fork();
    let mut side = SideHeaders::default();
    assert!(matches!(side.add(&chain, 17, &others[2..]), Err(HeaderError::Link { .. })));
    side.add(&chain, 15, &others[..2]).unwrap();
    side.add(&chain, 17, &others[2..]).unwrap();
    assert!(side.branch(&chain, 17, &others[2].hash()).is_some());
}

#[test]
fn a_block_at_another_height_or_unknown_has_no_branch() {
    let (chain, others) = fork();
    let mut side = SideHeaders::default();
    side.add(&chain, 15, &others).unwrap();
    for (height, hash) in [(16, others[2].hash()), (16, chain.hash_at(17).unwrap()), (17, BlockHash([9; 32]))] {
        assert!(side.branch(&chain, height, &hash).is_none());
    }
}

#[test]
fn side_headers_follow_the_rules_too() {
    let (chain, others) = fork();
    let mut early = child(chain.hash_at(14).map(|hash| (14, hash)), 1, EASY);
    assert!(matches!(SideHeaders::default().add(&chain, 15, &[early]), Err(HeaderError::Time { .. })));
    early = Header { nbits: Nbits::new(0x207f_fffe), ..others[0] };
    assert!(matches!(SideHeaders::default().add(&chain, 15, &[early]), Err(HeaderError::Bits { .. })));
    assert!(SideHeaders::default().add(&chain, 0, &[others[0]]).is_err());
}

#[test]
fn files_of_whole_headers_are_split() {
    let (_, others) = fork();
    let bytes: Vec<u8> = others.iter().flat_map(Header::to_bytes).collect();
    assert_eq!(SideHeaders::split_file(&bytes), Some(others));
    assert_eq!(SideHeaders::split_file(&bytes[1..]), None);
    assert_eq!(SideHeaders::split_file(&[]), None);
    assert_eq!(SideHeaders::split_file(&alloc::vec![0; HEADER_LEN * 2_017]), None);
}
