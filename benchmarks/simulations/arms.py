"""Two arms in every language but English: the gains table, the spread over languages, the worst one.

English intermediate training adds to every language, and more to distant ones (``tilt``, points a unit
of distance). Scores fall along a straight line over distance, so that what is true of spread and of the
worst language is known in closed form. Without an effect planted no checkpoint gains anything over its
languages together, and tilts have no trend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from simulations.grid import GROUPS, MODELS, drawn_right, study_of
from simulations.numbers import (
    CLUSTER_SD,
    DISTANCE,
    LANGUAGES,
    MODEL_SD,
    RESAMPLES,
    SEED_SD,
    SEEDS,
    SIZES,
)
from simulations.outcome import SHOWN, Outcome, answered, true_slope
from xlgap.analysis.answers.measured import NOT_CONDITIONAL
from xlgap.analysis.answers.series import conditional_answer, fit_line, series_of
from xlgap.analysis.bootstrap import ScaledDraws, draws
from xlgap.analysis.contrasts import contrasts
from xlgap.analysis.distance import contrasts as distance
from xlgap.analysis.gains import ALL, MEAN, GainRow, gain_rows
from xlgap.analysis.rows import ArmInfo
from xlgap.analysis.spread import spread_estimates
from xlgap.analysis.study import Study

TASKS = ("nli", "qa")
ARMS = {
    "direct_en": ArmInfo(regime="direct_en"),
    "inter_en_typing": ArmInfo(regime="intermediate_en", intermediate=("typing",)),
}
FARTHER = DISTANCE - DISTANCE.mean()
LEVEL, LOSS = 50.0, 3.0
"""Points under direct_en: on the mean of the languages, and lost for a unit of distance."""
GAIN, GAIN_SLOPE = 6.0, -1.0
TILT, TILT_SLOPE, TILT_SD = 0.8, -0.4, 0.3


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """What is true of the models of one study.

    Attributes:
        gains: [models, tasks], points on the mean of the languages.
        tilts: [models], points a unit of distance; below :data:`LOSS`.
        slopes: of the spread and of the worst language on size, over all models of these sizes.
    """

    gains: np.ndarray
    tilts: np.ndarray
    slopes: Mapping[str, float]

    @property
    def changes(self) -> dict[str, np.ndarray]:
        """By how much English intermediate training moves spread and worst language, [models]."""
        worst = self.gains.mean(axis=1) + self.tilts * FARTHER.max()
        return {"spread": -self.tilts * float(np.std(FARTHER, ddof=1)), "worst": worst}


def over_all_languages(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """One simulated study, through the gains table and the statistics over languages."""
    true = checkpoints(rng, planted)
    study = simulated(rng, true)
    drawn = draws(
        study.items, needed=set(study.table), resamples=RESAMPLES, seed=study.seed
    ).on("raw", study.table)  # fmt: skip
    rows = gain_rows(contrasts(study.table, study.arms), study, drawn, frozenset())
    return {**_gains(rows, true.gains), **_over_languages(study, drawn, true)}


def checkpoints(rng: np.random.Generator, planted: bool) -> Checkpoints:
    """The models of one study."""
    x, models = SIZES - SIZES.mean(), len(SIZES)
    own = MODEL_SD * rng.normal(size=(models, 1)) + MODEL_SD * rng.normal(size=(models, len(TASKS)))
    gains = (GAIN + GAIN_SLOPE * x)[:, None] + own if planted else np.zeros((models, len(TASKS)))
    trend = TILT + TILT_SLOPE * x if planted else 0.0
    slopes = {
        "spread": -TILT_SLOPE * float(np.std(FARTHER, ddof=1)),
        "worst": GAIN_SLOPE + TILT_SLOPE * float(FARTHER.max()),
    }
    return Checkpoints(
        gains=gains,
        tilts=trend + TILT_SD * rng.normal(size=models),
        slopes={name: slope if planted else 0.0 for name, slope in slopes.items()},
    )


def simulated(rng: np.random.Generator, true: Checkpoints) -> Study:
    """Scores and items of both arms, [models, arms, tasks, languages, seeds, groups]."""
    gains = true.gains[..., None] + true.tilts[:, None, None] * FARTHER
    plain = np.broadcast_to(LEVEL - LOSS * FARTHER, gains.shape)
    share = np.stack([plain, plain + gains], axis=1)[..., None]
    runs = (len(MODELS), len(ARMS), len(TASKS), 1, SEEDS)
    share = share + SEED_SD * rng.normal(size=runs)
    share = share + SEED_SD / 2 * rng.normal(size=(*runs[:3], len(LANGUAGES), SEEDS))
    hard = rng.normal(size=(len(TASKS), 1, 1, GROUPS)) + rng.normal(
        size=(len(TASKS), len(LANGUAGES), 1, GROUPS)
    )
    share = share[..., None] + CLUSTER_SD / np.sqrt(2) * hard
    return study_of(
        drawn_right(rng, share),
        arms=ARMS,
        tasks=TASKS,
        languages=LANGUAGES,
        seed=int(rng.integers(2**31)),
    )


def _gains(rows: list[GainRow], gains: np.ndarray) -> dict[str, Outcome]:
    """The three kinds of rows of the gains table."""
    found = {(row.model, row.target): row for row in rows}
    wanted = {
        "gain of one model on one task": (found[MODELS[0], TASKS[0]], gains[0, 0]),
        "gain of one model, mean over tasks": (found[MODELS[0], MEAN], gains[0].mean()),
        "gain, mean over models": (found[ALL, MEAN], gains.mean()),
    }
    return {
        name: Outcome(low=row.ci_low, high=row.ci_high, truth=float(truth), p=row.p)
        for name, (row, truth) in wanted.items()
    }


def _over_languages(study: Study, drawn: ScaledDraws, true: Checkpoints) -> dict[str, Outcome]:
    """Spread and worst language: of one model, and against size."""
    near = dict(zip(LANGUAGES, DISTANCE, strict=True))
    slopes = distance.distance_contrasts(study.table, study.arms, near)
    steeper = distance.robustness_contrasts(slopes, study.arms, distance.slope_over(near))
    made = spread_estimates(slopes, steeper, study, drawn, dead=frozenset())
    estimates = [e for e, _ in made]
    by_model = {(e.gap, e.task, e.scale, e.model): d for e, d in made if d is not None}
    found: dict[str, Outcome] = {}
    for gap, words in (("spread", "spread over languages"), ("worst", "worst language")):
        series = series_of(
            estimates, by_model, gap=gap, scale="raw", question=2, quantity=gap, confidence=0.95
        )
        fit = fit_line(series.estimates, "params_total")
        assert fit is not None
        changes = true.changes[gap]
        one = series.estimates[0]
        assert one.model == MODELS[0]
        here = true_slope(changes, SIZES, fit.weights)
        found[f"change of {words}, one model"] = Outcome(
            kind=SHOWN,
            low=one.ci_low,
            high=one.ci_high,
            truth=float(changes[0]),
            nothing=float(changes[0]),
        )
        found[f"change of {words}, slope on size"] = Outcome(
            low=fit.ci_low, high=fit.ci_high, truth=true.slopes[gap]
        )
        if gap not in NOT_CONDITIONAL:
            found[f"change of {words}, conditional bootstrap slope"] = answered(
                conditional_answer(series), here, nothing=here
            )
    return found
