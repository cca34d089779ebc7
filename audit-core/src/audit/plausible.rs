//! share.plausible: what the best hashes say of the whole work.
//!
//! W expected hashes give a k-th best hash h whose W·h / 2²⁵⁶ is distributed as Gamma(k, 1) when the work was done. It is
//! larger the more of the claimed work was not done.

use alloc::{collections::BTreeSet, format, vec::Vec};

use ruint::aliases::{U256, U512};
use serde::Serialize;

use super::{CheckId, Depth, Place, epoch::Recounted, report::Findings};
use crate::{
    hash::BlockHash,
    work::{Level, Work},
};

/// k, and q(k): the quantile of Gamma(k, 1) at 1 − 10⁻⁶ in thousandths, rounded up (`docs/LOG.md`).
const QUANTILES: [(usize, u64); 13] = [
    (16, 42_616),
    (24, 54_830),
    (32, 66_394),
    (48, 88_389),
    (64, 109_454),
    (96, 149_963),
    (128, 189_144),
    (192, 265_203),
    (256, 339_375),
    (384, 484_446),
    (512, 626_844),
    (768, 907_001),
    (1_024, 1_183_371),
];
/// Hashes that are pooled: the largest k.
const POOL: usize = QUANTILES[QUANTILES.len() - 1].0;

/// The work, estimated from the best hashes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Estimate {
    /// Hashes that it rests on.
    pub k: u64,
    /// ⌊(k − 1) · 2²⁵⁶ / the k-th best hash⌋.
    pub work: Work,
    /// What is claimed.
    pub claimed: Work,
    /// The estimate's relative standard error, 1/√(k − 2), in millionths.
    pub error_ppm: u64,
}

/// The best hashes of all epochs whose shares hold.
#[derive(Default)]
pub(super) struct Pool {
    /// Ascending.
    best: Vec<BlockHash>,
    levels: BTreeSet<Level>,
    claimed: Work,
    /// Whether some shares were not recomputed.
    is_partial: bool,
}

impl Pool {
    /// Adds a sealed epoch of `count` shares.
    pub(super) fn add(&mut self, count: u64, recounted: &Recounted) {
        if recounted.blocks.is_none() {
            return;
        }
        self.is_partial |= recounted.shares < count;
        self.claimed = self.claimed.checked_add(recounted.work).unwrap_or(self.claimed);
        self.levels.extend(&recounted.levels);
        self.best.extend(&recounted.best);
        self.best.sort_unstable();
        self.best.truncate(POOL);
    }

    /// Judges the claim; with depth *exact* it is proven anyway, and an unlikely estimate is only said.
    pub(super) fn finish(&self, depth: Depth, findings: &mut Findings) -> Option<Estimate> {
        let check = CheckId::SharePlausible;
        if matches!(depth, Depth::Sampled { .. }) {
            findings.not_applicable(check, "the best hashes of every epoch are looked at in other depths only");
            return None;
        }
        let Some((kth, quantile, estimate)) = self.estimate() else {
            match self.is_partial {
                false => findings.note(check, "too few hashes to estimate from; all of them were recomputed"),
                true => findings.not_checked(check, "too few hashes of the hardest level: choose depth exact"),
            }
            return None;
        };
        let Estimate { k, work, claimed, error_ppm } = estimate;
        let percent = format!("{}.{:02} %", error_ppm / 10_000, error_ppm % 10_000 / 100);
        let told = format!("the {k} best hashes let expect {work} of {claimed} claimed hashes, give or take {percent}");
        if is_plausible(claimed, &kth, quantile) {
            findings.note(check, told);
        } else if depth == Depth::Exact {
            findings.note(check, format!("a notice: {told}, which happens once in a million times"));
        } else {
            let expected = format!("about {work} hashes, by the {k} best");
            findings.fail(check, Place::new("log/tile/entries", None, expected, format!("{claimed} hashes claimed")));
        }
        Some(estimate)
    }

    /// The k-th best hash for the largest k there is, q(k), and what follows.
    ///
    /// A hash above the target of a level is a share only of an easier one, so only hashes that are shares at every level
    /// of the work are compared.
    fn estimate(&self) -> Option<(BlockHash, u64, Estimate)> {
        let smallest = self.levels.iter().map(|level| level.target()).min()?;
        let usable = self.best.partition_point(|hash| smallest.is_met_by(hash));
        let (k, quantile) = QUANTILES.into_iter().rev().find(|(k, _)| *k <= usable)?;
        let kth = *self.best.get(k - 1)?;
        let number = U512::from(U256::from_be_bytes(kth.to_number())).max(U512::ONE);
        let work = (U512::from(k - 1) << 256usize) / number;
        let work = Work::new(u128::try_from(work).unwrap_or(u128::MAX));
        let error_ppm = (1_000_000_000_000 / (k as u64 - 2)).isqrt();
        Some((kth, quantile, Estimate { k: k as u64, work, claimed: self.claimed, error_ppm }))
    }
}

/// W·h / 2²⁵⁶ ≤ q(k).
fn is_plausible(claimed: Work, kth: &BlockHash, quantile: u64) -> bool {
    let scaled = U512::from(claimed.get()) * U512::from(U256::from_be_bytes(kth.to_number())) * U512::from(1_000u32);
    scaled <= U512::from(quantile) << 256usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruint::Uint;

    type Wide = Uint<4096, 64>;

    /// Σ_{i<terms} xⁱ/i! with x in thousandths, scaled by 2¹⁰²⁴: all terms are positive, so nothing cancels.
    fn series(thousandths: u64, terms: usize) -> Wide {
        let (mut term, mut sum) = (Wide::ONE << 1_024usize, Wide::ZERO);
        for i in 1..=terms {
            sum += term;
            term = term * Wide::from(thousandths) / Wide::from(1_000 * i as u64);
        }
        sum
    }

    /// P(Gamma(k, 1) > x) = e⁻ˣ Σ_{i<k} xⁱ/i!, and eˣ is the whole series.
    fn is_beyond(k: usize, thousandths: u64) -> bool {
        let (tail, whole) = (series(thousandths, k), series(thousandths, 8_000));
        tail * Wide::from(1_000_000u32) <= whole
    }

    #[test]
    fn quantiles_are_the_least_thousandths_with_a_millionth_behind_them() {
        for (k, quantile) in QUANTILES {
            assert!(is_beyond(k, quantile), "q({k}) is too low");
            assert!(!is_beyond(k, quantile - 1), "q({k}) is too high");
        }
    }

    /// `hashes` hashes at equal distances below the target of a level, with that level's work each.
    fn pool(level: i8, hashes: u64, claimed_of_each: u128, whole: bool) -> Pool {
        let level = Level::new(level).unwrap();
        let target = U256::from_be_bytes(level.target().to_be_bytes());
        let step = target / U256::from(hashes);
        let hash = |number: u64| BlockHash::from_number((step * U256::from(number)).to_be_bytes());
        let best = (1..=hashes).map(hash).take(POOL).collect();
        let work = Work::new(u128::from(hashes) * claimed_of_each);
        let blocks = Some(Vec::new());
        let recounted = Recounted { shares: hashes, work, blocks, best, levels: [level].into(), ..Default::default() };
        let mut pool = Pool::default();
        pool.add(if whole { hashes } else { hashes + 1 }, &recounted);
        pool
    }

    #[track_caller]
    fn judged(pool: &Pool, depth: Depth) -> (super::super::Outcome, Option<Estimate>) {
        let mut findings = Findings::default();
        let estimate = pool.finish(depth, &mut findings);
        (findings.take(CheckId::SharePlausible).outcome, estimate)
    }

    #[test]
    fn done_work_is_plausible_and_its_estimate_close() {
        let work = Level::new(0).unwrap().work().get();
        let (outcome, estimate) = judged(&pool(0, 20_000, work, false), Depth::Estimate);
        let estimate = estimate.unwrap();
        assert_eq!((outcome, estimate.k, estimate.error_ppm), (super::super::Outcome::Held, 1_024, 31_280));
        let differs = estimate.work.get().abs_diff(estimate.claimed.get());
        assert!(differs < estimate.claimed.get() / 500, "{estimate:?}");
    }

    #[test]
    fn a_fifth_of_work_that_was_not_done_is_found_from_1024_hashes() {
        let work = Level::new(0).unwrap().work().get();
        let lie = pool(0, 20_000, work * 6 / 5, false);
        assert_eq!(judged(&lie, Depth::Estimate).0, super::super::Outcome::Failed);
        // Recomputed altogether it would be a stroke of bad luck.
        assert_eq!(judged(&lie, Depth::Exact).0, super::super::Outcome::Held);
    }

    #[test]
    fn too_few_hashes_decide_nothing_unless_they_are_all() {
        let work = Level::new(0).unwrap().work().get();
        let few = judged(&pool(0, 15, work, false), Depth::Estimate);
        assert_eq!(few, (super::super::Outcome::NotChecked, None));
        assert_eq!(judged(&pool(0, 15, work, true), Depth::Estimate), (super::super::Outcome::Held, None));
        let sampled = Depth::Sampled { samples: 1, seed: Default::default() };
        assert_eq!(judged(&pool(0, 900, work, true), sampled), (super::super::Outcome::NotApplicable, None));
    }

    #[test]
    fn only_hashes_that_every_level_counts_are_compared() {
        let work = Level::new(0).unwrap().work().get();
        let mut pool = pool(0, 2_000, work, false);
        pool.levels.insert(Level::new(5).unwrap());
        // One hash in 32 is low enough: 62 of 2,000.
        assert_eq!(pool.estimate().map(|(.., estimate)| estimate.k), Some(48));
    }
}
