"""The loss over distance with covariates held still, under two arms, against size.

Nine languages with their own distances, scripts and sub-words. Distance, script and sub-words each cost
points; languages differ beyond that, and differ in how they grow with size. An interval is conditional
on the languages, so that what these add to a slope over distance is part of the truth.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from simulations.against_size import Truth, measured_series, outcomes
from simulations.grid import GROUPS, MODELS, drawn_right, study_of
from simulations.numbers import CLUSTER_SD, LANGUAGES, SEED_SD, SEEDS, SIZES
from simulations.outcome import Outcome
from xlgap.analysis.distance.covariates import covariates_of
from xlgap.analysis.distance.partial import GAP, ROBUSTNESS, partial_contrasts
from xlgap.analysis.distance.subwords import SubwordRow
from xlgap.analysis.rows import ArmInfo
from xlgap.published.distances import MEASURES, distances_of

TASKS = ("nli", "qa")
ARMS = {
    "direct_en": ArmInfo(regime="direct_en"),
    "inter_en_typing": ArmInfo(regime="intermediate_en", intermediate=("typing",)),
}
NEAR = np.array([distances_of(MEASURES[0].name)[code] for code in LANGUAGES])
SCRIPT = np.array([distances_of("script")[code] for code in LANGUAGES])
SUBWORDS = np.array([1.03, 1.10, 1.18, 1.11, 1.09, 1.15, 1.33, 1.13, 0.89])
"""For each one of English, by the lab's tokenizer on lab_nli."""
LEVEL = 55.0
TILT, TILT_SLOPE, TILT_SD = 2.0, 1.5, 0.4
"""Points lost for 0.1 more of distance under direct_en: middle size, ten times it, between models."""
CHANGE, CHANGE_SLOPE, CHANGE_SD = 0.6, -0.8, 0.4
"""Points more that are lost under English intermediate training."""
OTHER_SCRIPT, MORE_SUBWORDS = 4.0, 10.0
"""Points lost in another script, and for twice the sub-words."""
LANGUAGE_SD, GROWTH_SD = 2.0, 1.0
"""Points by which languages differ beyond that, and by which ten times the size moves them."""


def held_still(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """One simulated study: the slope under direct_en, and what intermediate training adds to it."""
    x, share = SIZES - SIZES.mean(), float(planted)
    of_model = rng.normal(size=(2, len(x)))
    tilt = share * (TILT + TILT_SLOPE * x) + TILT_SD * of_model[0]
    change = share * (CHANGE + CHANGE_SLOPE * x) + CHANGE_SD * of_model[1]
    own = LANGUAGE_SD * rng.normal(size=(2, len(LANGUAGES)))  # [arms, languages]
    growth = GROWTH_SD * rng.normal(size=(2, len(LANGUAGES)))
    costs = OTHER_SCRIPT * SCRIPT + MORE_SUBWORDS * SUBWORDS
    plain = 10 * tilt[:, None] * NEAR + costs + own[0] + growth[0] * x[:, None]
    more = 10 * change[:, None] * NEAR + own[1] + growth[1] * x[:, None]
    loss = np.stack([plain, plain + more], axis=1)
    seed = int(rng.integers(2**31))
    study = study_of(right(rng, loss), arms=ARMS, tasks=TASKS, languages=LANGUAGES, seed=seed)
    study = replace(study, subwords=subwords())
    made = partial_contrasts(
        study.table,
        study.arms,
        distances_of(MEASURES[0].name),
        lambda model, task: covariates_of(study, model, task),
        tasks=TASKS,
    )
    found = measured_series(study, made.contrasts, [(GAP, "raw"), (ROBUSTNESS, "raw")], question=2)
    tenth = over_distance(np.stack([own, growth])) / 10  # [own or growth, arms]
    truths = {
        GAP: (tilt, TILT, TILT_SLOPE, tenth[:, 0]),
        ROBUSTNESS: (change, CHANGE, CHANGE_SLOPE, tenth[:, 1]),
    }
    words = {
        GAP: "slope over distance, covariates",
        ROBUSTNESS: "change of slope over distance, covariates",
    }
    said: dict[str, Outcome] = {}
    for gap, (here, level, slope, (added, moved)) in truths.items():
        truth = Truth(
            here=here + added + moved * x,
            level=share * level + added,
            slope=share * slope + moved,
            nothing=added,
        )
        said |= outcomes(words[gap], found[gap, "raw"], truth)
    return said


def over_distance(values: np.ndarray) -> np.ndarray:
    """Slope of values [..., languages] over distance beside script and sub-words, by residuals."""
    beside = np.stack([np.ones_like(NEAR), SCRIPT, SUBWORDS], axis=1)
    rest = NEAR - beside @ np.linalg.lstsq(beside, NEAR, rcond=None)[0]
    return values @ rest / float(rest @ rest)


def right(rng: np.random.Generator, loss: np.ndarray) -> np.ndarray:
    """Items right, of losses [models, arms, languages]."""
    share = LEVEL + loss.mean() - loss[:, :, None, :, None]
    runs = (len(MODELS), len(ARMS), len(TASKS), 1, SEEDS)
    share = share + SEED_SD * rng.normal(size=runs)
    share = share + SEED_SD / 2 * rng.normal(size=(*runs[:3], len(LANGUAGES), SEEDS))
    hard = rng.normal(size=(len(TASKS), 1, 1, GROUPS)) + rng.normal(
        size=(len(TASKS), len(LANGUAGES), 1, GROUPS)
    )
    return drawn_right(rng, share[..., None] + CLUSTER_SD / np.sqrt(2) * hard)


def subwords() -> tuple[SubwordRow, ...]:
    """How the ladder's tokenizer splits both tasks."""
    return tuple(
        SubwordRow(
            tokenizer="ladder", models=MODELS, task=task, language=code, rows=1, subwords=1, words=None,
            characters=1, fertility=None, relative=float(relative), shared=None,
        )
        for task in TASKS
        for code, relative in zip(LANGUAGES, SUBWORDS, strict=True)
    )  # fmt: skip
