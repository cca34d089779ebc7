use super::*;
use crate::{
    chain::PERIOD,
    fixture::{child, grind},
};

const EASY: u32 = 0x207f_ffff;

fn chain_of(count: u32) -> HeaderChain {
    let mut chain = HeaderChain::new(Network::Regtest, 0);
    for height in 0..count {
        chain.push(&child(chain.tip(), 1_000 + height, EASY).to_bytes()).unwrap();
    }
    chain
}

#[test]
fn headers_are_found_by_height_and_cut() {
    let mut chain = chain_of(20);
    assert_eq!(chain.next_height(), 20);
    assert_eq!(chain.tip().unwrap(), (19, chain.header(19).unwrap().hash()));
    for height in 0..20 {
        assert_eq!(chain.hash_at(height), chain.header(height).map(|header| header.hash()));
    }
    assert_eq!(chain.hash_at(20), None);
    let hash = chain.hash_at(9);
    chain.cut(10);
    assert_eq!(chain.tip().map(|(_, hash)| hash), hash);
    assert_eq!((chain.next_height(), chain.header(10)), (10, None));
    chain.cut(0);
    assert_eq!(chain.tip(), None);
}

#[test]
fn what_breaks_a_rule_is_refused_by_name() {
    let chain = chain_of(20);
    let refused = |change: fn(&mut Header)| {
        let mut header = child(chain.tip(), 2_000, EASY);
        change(&mut header);
        chain.clone().push(&grind(header).to_bytes()).unwrap_err()
    };
    assert!(matches!(refused(|header| header.prevhash = BlockHash([1; 32])), HeaderError::Link { .. }));
    assert!(matches!(refused(|header| header.nbits = Nbits::new(0x207f_fffe)), HeaderError::Bits { .. }));
    assert_eq!(refused(|header| header.ntime = 1_014), HeaderError::Time { after: 1_014, found: 1_014 });
    let mut lazy = child(chain.tip(), 2_000, EASY);
    while Nbits::new(EASY).target().unwrap().is_met_by(&lazy.hash()) {
        lazy.nonce += 1;
    }
    assert!(matches!(chain.clone().push(&lazy.to_bytes()).unwrap_err(), HeaderError::ProofOfWork { .. }));
}

#[test]
fn a_first_header_needs_work_unless_it_is_the_genesis() {
    let mut header = child(None, 1, 0x1d00_ffff);
    let mut first = HeaderChain::new(Network::Regtest, 1);
    assert!(matches!(first.push(&header.to_bytes()), Err(HeaderError::ProofOfWork { .. })));
    assert!(HeaderChain::new(Network::Regtest, 0).push(&header.to_bytes()).is_ok());
    assert!(matches!(HeaderChain::new(Network::Bitcoin, 0).push(&header.to_bytes()), Err(HeaderError::Genesis { .. })));
    header.nbits = Nbits::new(EASY);
    assert!(first.push(&grind(header).to_bytes()).is_ok());
    assert_eq!((first.start(), first.next_height()), (PERIOD, PERIOD + 1));
    let above = HeaderChain::new(Network::Signet, 1).push(&grind(header).to_bytes());
    assert_eq!(above, Err(HeaderError::Target(Nbits::new(EASY))));
}

/// The genesis and its successor on the main chain.
#[test]
fn real_headers_of_the_main_chain_follow_its_rules() {
    let genesis = Header {
        version: 1,
        prevhash: BlockHash::default(),
        merkle_root: root("4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"),
        ntime: 1_231_006_505,
        nbits: Nbits::new(0x1d00_ffff),
        nonce: 2_083_236_893,
    };
    let first = Header {
        prevhash: genesis.hash(),
        merkle_root: root("0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098"),
        ntime: 1_231_469_665,
        nonce: 2_573_394_689,
        ..genesis
    };
    let mut chain = HeaderChain::new(Network::Bitcoin, 0);
    chain.push(&genesis.to_bytes()).unwrap();
    let hash = chain.push(&first.to_bytes()).unwrap();
    assert_eq!(hash, "00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048".parse().unwrap());
    assert_eq!(chain.required_nbits(2, 1_231_469_744), Some(Nbits::new(0x1d00_ffff)));
}

fn root(text: &str) -> [u8; 32] {
    text.parse::<BlockHash>().unwrap().0
}
