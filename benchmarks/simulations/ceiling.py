"""The share of the in-language ceiling that zero-shot transfer does not reach: a ratio of two scores.

One task in three languages; one arm is trained in English and one in each of them. Without an effect
planted the share has no trend.
"""

from __future__ import annotations

import numpy as np

from simulations.grid import GROUPS, drawn_right, study_of
from simulations.numbers import CLUSTER_SD, RESAMPLES, SEED_SD, SEEDS, SIZES
from simulations.outcome import SHOWN, Outcome
from xlgap.analysis.answers.series import fit_line, series_of
from xlgap.analysis.bootstrap import draws
from xlgap.analysis.ceiling import GAP, ceiling_estimates
from xlgap.analysis.contrasts import contrasts
from xlgap.analysis.rows import ArmInfo

LANGUAGES = ("de", "sw", "zh")
ARMS = {
    "direct_en": ArmInfo(regime="direct_en"),
    **{f"direct_{code}": ArmInfo(regime="direct_tgt", language=code) for code in LANGUAGES},
}
CEILING, CHANCE = 80.0, 33.0
SHARE, SHARE_SLOPE, SHARE_SD = 50.0, -6.0, 2.0
"""Percent of the ceiling that is not reached: at the middle size, for ten times it, between models."""


def not_reached(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """One simulated study: a model's share, and the slopes of shares on size."""
    slope = SHARE_SLOPE if planted else 0.0
    x = SIZES - SIZES.mean()
    shares = SHARE + slope * x + SHARE_SD * rng.normal(size=len(x))
    level = np.full((len(x), len(ARMS)), CEILING)
    level[:, 0] = CHANCE + (CEILING - CHANCE) * (1 - shares / 100)
    runs = SEED_SD * rng.normal(size=(len(x), len(ARMS), 1, 1, SEEDS))
    hard = CLUSTER_SD * rng.normal(size=(len(LANGUAGES), 1, GROUPS))
    right = drawn_right(rng, (level[:, :, None, None, None] + runs)[..., None] + hard)
    study = study_of(
        right, arms=ARMS, tasks=("nli",), languages=LANGUAGES, seed=int(rng.integers(2**31)),
        chance=CHANCE,
    )  # fmt: skip
    drawn = draws(
        study.items, needed=set(study.table), resamples=RESAMPLES, seed=study.seed
    ).on("chance_corrected", study.table)  # fmt: skip
    made = ceiling_estimates(contrasts(study.table, study.arms), study, drawn, dead=frozenset())
    series = series_of(
        [e for e, _ in made],
        {(e.gap, e.task, e.scale, e.model): d for e, d in made if d is not None},
        gap=GAP, scale="raw", question=2, quantity=GAP, confidence=0.95,
    )  # fmt: skip
    fit = fit_line(series.estimates, "params_total")
    assert fit is not None
    one, own = series.estimates[0], float(shares[0])
    return {
        "share of the ceiling, one model": Outcome(
            kind=SHOWN, low=one.ci_low, high=one.ci_high, truth=own, nothing=own
        ),
        "share of the ceiling, slope on size": Outcome(low=fit.ci_low, high=fit.ci_high, truth=slope),
    }
