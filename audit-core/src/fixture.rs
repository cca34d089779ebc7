//! For tests: headers with real proof of work at targets that need few hashes, and terms.

use crate::{
    entry::{Maintenance, Refund, Rounding, Scheme, Shortfall, Suspension, Terms},
    hash::BlockHash,
    header::Header,
    work::Nbits,
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
