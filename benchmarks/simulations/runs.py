"""Single runs on the same items, several comparisons at once, and the spread between seeds."""

from __future__ import annotations

import numpy as np

from simulations.numbers import GROUP_SIZE, GROUPS, SEED_SD, SEEDS, SIZES
from simulations.outcome import EXACT, TEST, Outcome
from xlgap.analysis.answers.trend import spread_bounds
from xlgap.analysis.stats.multiple import corrected
from xlgap.analysis.stats.paired import cluster_test, mcnemar
from xlgap.analysis.stats.row_bootstrap import cluster_weights
from xlgap.analysis.stats.seeds import Spread, pooled_spread


def paired(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """Two arms on the same items: McNemar's tests, and the bootstrap over clusters."""
    if planted:
        return _between_seeds(rng)
    easy = np.clip(rng.normal(0.6, 0.2, 200), 0, 1)
    a, b = (rng.random(200) < easy for _ in range(2))
    clusters = np.repeat(range(GROUPS), GROUP_SIZE)
    like = np.repeat(rng.normal(size=GROUPS), GROUP_SIZE) + rng.normal(size=GROUPS * GROUP_SIZE)
    ps = {f"t{i}": float(p) for i, p in enumerate(rng.uniform(size=8))}
    return {
        "McNemar, mid-p": Outcome(kind=TEST, p=mcnemar(a, b).p),
        "McNemar, exact": Outcome(kind=EXACT, p=mcnemar(a, b, mid_p=False).p),
        "paired bootstrap over clusters": Outcome(
            kind=TEST, p=cluster_test(like, clusters, cluster_weights(GROUPS, resamples=399, rng=rng)).p
        ),
        "Holm over eight comparisons": Outcome(
            kind=TEST, p=min(c.adjusted for c in corrected(ps).values())
        ),
    }


def _between_seeds(rng: np.random.Generator) -> dict[str, Outcome]:
    """The spread between seeds, to which the smallest gap that they show is proportional."""
    found = pooled_spread(SEED_SD * rng.normal(size=(len(SIZES), SEEDS)))
    assert isinstance(found, Spread)
    low, high = spread_bounds(found.df, 0.95)
    return {
        "smallest gap that seeds show": Outcome(low=found.sd * low, high=found.sd * high, truth=SEED_SD)
    }
