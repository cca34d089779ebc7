"""What the best hashes let expect: share.plausible (docs/LOG.md §10.2). With every share recomputed, a notice only."""

from bitcoin import level_target

KEPT = 1024
# Quantiles of Gamma(k, 1) at 1 − 10⁻⁶, in thousandths.
QUANTILES = {
    16: 42_616, 24: 54_830, 32: 66_394, 48: 88_389, 64: 109_454, 96: 149_963, 128: 189_144, 192: 265_203, 256: 339_375,
    384: 484_446, 512: 626_844, 768: 907_001, 1024: 1_183_371,
}


def estimate(judged):
    """What the best hashes say of the work, as {k, work, claimed, holds}; None for too few of them."""
    counted = [each for each in judged if each.counted]
    pool = sorted(hashed for each in counted for hashed in each.counted.best)[:KEPT]
    levels = [level for each in counted for level in each.counted.levels]
    usable = [hashed for hashed in pool if hashed <= min(map(level_target, levels), default=0)]
    k = max((k for k in QUANTILES if k <= len(usable)), default=None)
    if k is None:
        return None
    highest, claimed = usable[k - 1], sum(each.epoch.close.shares.work for each in counted)
    holds = 1000 * claimed * highest <= QUANTILES[k] << 256
    return {"k": k, "work": str(((k - 1) << 256) // max(highest, 1)), "claimed": str(claimed), "holds": holds}
