//! For tests: headers with real proof of work at targets that need few hashes, terms, and contracts.

use alloc::vec::Vec;

use crate::{
    entry::{ContractOpen, Maintenance, Refund, Rounding, Scheme, Shortfall, Suspension, Terms},
    hash::{BlockHash, Hash32},
    header::Header,
    life::LoggedContract,
    work::{Nbits, Sats, Units},
};

/// A header on a block, as [`crate::chain::HeaderChain::tip`] gives it, with proof of work unless its target is hard.
pub(crate) fn child(below: Option<(u32, BlockHash)>, ntime: u32, nbits: u32) -> Header {
    let prevhash = below.map(|(_, hash)| hash).unwrap_or_default();
    let header = Header { version: 4, prevhash, merkle_root: [7; 32], ntime, nbits: Nbits::new(nbits), nonce: 0 };
    if nbits >= 0x2000_0000 { grind(header) } else { header }
}

/// The header with the first nonce that has proof of work.
pub(crate) fn grind(mut header: Header) -> Header {
    while header.nbits.target().is_some_and(|target| !target.is_met_by(&header.hash())) {
        header.nonce += 1;
    }
    header
}

/// Terms that charge nothing.
pub(crate) fn terms() -> Terms {
    Terms {
        scheme: Scheme::Proportional,
        fee_ppm: 0,
        maintenance: Maintenance::Included,
        rounding: Rounding::LargestRemainder,
        suspension: Suspension::None,
        shortfall: Shortfall::ProRata,
        refund: Refund::None,
    }
}

/// A contract opened at leaf 5 with this term, which nothing changed.
pub(crate) fn sold(from_ms: u64, until_ms: u64) -> LoggedContract {
    let (units, price_sats) = (Units::new(1).expect("positive"), Sats::ZERO);
    let open = ContractOpen { contract: Hash32([1; 32]), units, from_ms, until_ms, price_sats, terms: 1 };
    LoggedContract { open_index: 5, open, terms: terms(), changes: Vec::new() }
}
