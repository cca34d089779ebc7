//! Depth *sampled*: what a number of draws is worth.

use serde::Serialize;

use crate::hash::Hash32;

/// Percent of the work that a lie must make up for the confidence to hold.
const LIE_PERCENT: u128 = 1;
/// Millionths in one.
const PPM: u128 = 1_000_000;
/// One, in the fixed point of the chance to miss.
const ONE: u128 = 1 << 96;

/// What depth *sampled* looked at, and what that proves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Sampling {
    /// Draws, with replacement.
    pub samples: u32,
    /// Chunks that were recomputed for them.
    pub chunks: u64,
    /// Shares in these chunks.
    pub shares: u64,
    /// The chance, in millionths and rounded down, to have met a lie of at least one percent of the work.
    pub confidence_ppm: u64,
    /// Draws for a chance of 99.9 %.
    pub samples_for_999: u32,
    /// What the draw depended on.
    pub seed: Hash32,
}

impl Sampling {
    pub(super) fn new(samples: u32, seed: Hash32, chunks: u64, shares: u64) -> Self {
        let confidence_ppm = confidence_ppm(samples);
        Self { samples, chunks, shares, confidence_ppm, samples_for_999: samples_for(999_000), seed }
    }
}

/// 1 − 0.99ⁿ in millionths, rounded down: each draw misses the lie with a chance of at most 0.99, since chunks are drawn
/// in proportion to the work they claim.
fn confidence_ppm(samples: u32) -> u64 {
    let missed = (0..samples).try_fold(ONE, |missed, _| (missed > 1).then(|| after_draw(missed)));
    let met = (ONE - missed.unwrap_or(1)) * PPM / ONE;
    u64::try_from(met).unwrap_or_default()
}

/// The fewest draws with at least this confidence.
fn samples_for(ppm: u128) -> u32 {
    let (mut missed, mut samples) = (ONE, 0);
    while (ONE - missed) * PPM < ppm * ONE {
        missed = after_draw(missed);
        samples += 1;
    }
    samples
}

/// The chance to have missed after one draw more, rounded up.
fn after_draw(missed: u128) -> u128 {
    (missed * (100 - LIE_PERCENT)).div_ceil(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ⌊10⁶ · (1 − 0.99ⁿ)⌋, computed with fifty decimal digits; rounding against the verifier takes at most one.
    #[test]
    fn confidence_is_one_minus_the_chance_to_miss_every_time() {
        for (samples, ppm) in [(0, 0), (1, 10_000), (2, 19_900), (100, 633_967), (300, 950_959), (5_000, 999_999)] {
            assert!([confidence_ppm(samples), confidence_ppm(samples) + 1].contains(&ppm), "{samples}");
        }
    }

    #[test]
    fn it_takes_688_draws_for_999_in_a_thousand() {
        assert_eq!(samples_for(999_000), 688);
        assert!(confidence_ppm(687) < 999_000 && confidence_ppm(688) >= 999_000);
    }
}
