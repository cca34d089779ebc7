//! What Bitcoin Core demands of a header (`pow.cpp`, `validation.cpp` `ContextualCheckBlockHeader`), as far as headers show it.

use alloc::vec::Vec;

use thiserror::Error;

use super::{Network, PERIOD};
use crate::{hash::BlockHash, header::Header, work::Nbits};

/// Two weeks: the time that a period is meant to take.
const TARGET_TIMESPAN_S: u32 = 14 * 24 * 3_600;
/// On testnet4 a header this much later than the one before has the easiest target: twice the intended spacing.
const MIN_DIFFICULTY_AFTER_S: i64 = 2 * 600;
/// Median time past looks at this many headers (Bitcoin Core `chain.h`).
const MEDIAN_SPAN: u32 = 11;
/// BIP 94: the first header of a period may be this much earlier than the one before.
const MAX_TIMEWARP_S: i64 = 600;

/// Headers by height, below the one in question; `None` where the evidence does not reach.
pub(super) type View<'a> = &'a dyn Fn(u32) -> Option<Header>;

/// Why a header does not go on the chain.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// It builds on another block.
    #[error("previous hash {found} instead of {expected}")]
    Link {
        /// Hash of the header before.
        expected: BlockHash,
        /// What it states.
        found: BlockHash,
    },
    /// Not the network's genesis.
    #[error("genesis {found} instead of {expected}")]
    Genesis {
        /// The network's.
        expected: BlockHash,
        /// This one.
        found: BlockHash,
    },
    /// Another network target than the rules give.
    #[error("nbits {found} instead of {expected}")]
    Bits {
        /// By the rules.
        expected: Nbits,
        /// What it states.
        found: Nbits,
    },
    /// No network target at all, or one above the network's limit.
    #[error("nbits {0} is no target of this network")]
    Target(Nbits),
    /// The hash is above the network target.
    #[error("hash {hash} without the proof of work that nbits {nbits} demands")]
    ProofOfWork {
        /// Its hash.
        hash: BlockHash,
        /// Its target.
        nbits: Nbits,
    },
    /// Too early.
    #[error("time {found}, not after {after}")]
    Time {
        /// It must be later than this, seconds since 1970.
        after: i64,
        /// What it states.
        found: u32,
    },
    /// More headers than there are heights.
    #[error("height above 2^32")]
    Height,
}

/// The network target that the rules demand at `height` from a header with this time. `None` where the evidence does not
/// tell: there is no header before.
pub fn required_nbits(
    network: Network,
    view: &dyn Fn(u32) -> Option<Header>,
    height: u32,
    ntime: u32,
) -> Option<Nbits> {
    let last_height = height.checked_sub(1)?;
    let last = view(last_height)?;
    if network == Network::Regtest {
        return Some(last.nbits);
    }
    if height.is_multiple_of(PERIOD) {
        return retarget(network, &view(height - PERIOD)?, &last);
    }
    if network == Network::Testnet4 {
        return testnet4_nbits(view, last_height, last, ntime);
    }
    Some(last.nbits)
}

/// `CalculateNextWorkRequired`: the old target times the time that the period took, within a factor of four.
fn retarget(network: Network, first: &Header, last: &Header) -> Option<Nbits> {
    let took = i64::from(last.ntime) - i64::from(first.ntime);
    let took = took.clamp((TARGET_TIMESPAN_S / 4).into(), (TARGET_TIMESPAN_S * 4).into());
    // BIP 94: the period's first header has the real target, which later ones may have left for the easiest.
    let old = if network == Network::Testnet4 { first.nbits } else { last.nbits };
    let new = old.target()?.scaled(u32::try_from(took).ok()?, TARGET_TIMESPAN_S)?;
    Some(Nbits::of(new.min(network.limit())))
}

/// `GetNextWorkRequired` within a period, with `fPowAllowMinDifficultyBlocks`: the easiest target after 20 minutes, else
/// that of the last header of the period which did not use this exception.
fn testnet4_nbits(view: View<'_>, last_height: u32, last: Header, ntime: u32) -> Option<Nbits> {
    let easiest = Network::Testnet4.limit_nbits();
    if i64::from(ntime) > i64::from(last.ntime) + MIN_DIFFICULTY_AFTER_S {
        return Some(easiest);
    }
    let (mut height, mut header) = (last_height, last);
    while !height.is_multiple_of(PERIOD) && header.nbits == easiest {
        height -= 1;
        header = view(height)?;
    }
    Some(header.nbits)
}

/// Checks a header against those below it; the one before it must be in `view`, but for the first header that is known.
pub(super) fn check(network: Network, view: View<'_>, height: u32, header: &Header) -> Result<(), HeaderError> {
    let hash = header.hash();
    if height == 0 {
        return is_genesis(network, hash);
    }
    if let Some(last) = view(height - 1) {
        let expected = last.hash();
        if header.prevhash != expected {
            return Err(HeaderError::Link { expected, found: header.prevhash });
        }
        follows_in_time(network, view, height, header, &last)?;
    }
    let found = header.nbits;
    if let Some(expected) = required_nbits(network, view, height, header.ntime)
        && expected != found
    {
        return Err(HeaderError::Bits { expected, found });
    }
    let target = found.target().filter(|target| *target <= network.limit()).ok_or(HeaderError::Target(found))?;
    if target.is_met_by(&hash) { Ok(()) } else { Err(HeaderError::ProofOfWork { hash, nbits: found }) }
}

/// On regtest the block at height 0 may be any, and nobody need have mined it.
fn is_genesis(network: Network, found: BlockHash) -> Result<(), HeaderError> {
    match network.genesis() {
        Some(expected) if expected != found => Err(HeaderError::Genesis { expected, found }),
        _ => Ok(()),
    }
}

fn follows_in_time(
    network: Network,
    view: View<'_>,
    height: u32,
    header: &Header,
    last: &Header,
) -> Result<(), HeaderError> {
    let late_enough = |after: i64| {
        if i64::from(header.ntime) > after { Ok(()) } else { Err(HeaderError::Time { after, found: header.ntime }) }
    };
    if let Some(median) = median_time_past(view, height) {
        late_enough(median.into())?;
    }
    if network == Network::Testnet4 && height.is_multiple_of(PERIOD) {
        late_enough(i64::from(last.ntime) - MAX_TIMEWARP_S - 1)?;
    }
    Ok(())
}

/// The middle of the 11 header times below `height`, of all of them near the genesis; `None` when the evidence begins in between.
fn median_time_past(view: View<'_>, height: u32) -> Option<u32> {
    let below = height.saturating_sub(MEDIAN_SPAN)..height;
    let mut times: Vec<u32> = below.map(|height| view(height).map(|header| header.ntime)).collect::<Option<_>>()?;
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

#[cfg(test)]
mod tests;
