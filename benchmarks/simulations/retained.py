"""What is kept of an earlier task: its score after the target task minus before, and their ratio.

The kept head in English and in three others, a probe and the masked loss in English; one
intermediate and one target task. Seeds move a run before and after alike, and once more after.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulations.numbers import (
    CLUSTER_SD,
    GROUP_SIZE,
    MODEL_SD,
    RESAMPLES,
    SEED_SD,
    SEEDS,
    SIZES,
)
from simulations.outcome import SHOWN, Outcome, answered, named, true_slope
from xlgap.analysis.answers.level import level_answer
from xlgap.analysis.answers.retention import PRIMARY
from xlgap.analysis.answers.series import conditional_answer, fit_line, series_of
from xlgap.analysis.retention.kept import Kept, kept_of
from xlgap.analysis.retention.matrix import RetentionData
from xlgap.analysis.retention.rows import MLM, MLM_METRIC, Head, RetentionScore, mean_loss

GROUPS = 40
BEFORE, CHANCE = 80.0, 33.0
CHANGE, CHANGE_SLOPE = -15.0, 4.0
PROBED = 0.25
"""Share of the change that a probe has, too."""
LOSS, RISE, RISE_SLOPE, RISE_SD = 3.0, 0.3, -0.1, 0.03
MASKED = 10.0
HEADS: tuple[Head, ...] = ("kept", "probe")
MODELS = tuple(f"m{i}" for i in range(len(SIZES)))
ALL_LANGUAGES = ("en", "de", "sw", "zh")
TASK, TARGET, ARM = "typing", "nli", "inter_en_typing"


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Of one quantity: of these checkpoints [models], and of all models of these sizes.

    ``nothing`` is where nothing has changed.
    """

    here: np.ndarray
    level: float
    slope: float
    nothing: float = 0.0


def retained(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """One simulated study, through the quantities of question 4."""
    x = SIZES - SIZES.mean()
    level, slope = (CHANGE, CHANGE_SLOPE) if planted else (0.0, 0.0)
    rise, rise_slope = (RISE, RISE_SLOPE) if planted else (0.0, 0.0)
    change = level + slope * x + MODEL_SD * rng.normal(size=len(x))
    rises = rise + rise_slope * x + RISE_SD * rng.normal(size=len(x))
    share = 100 / (BEFORE - CHANCE)
    kept = Truth(here=change, level=level, slope=slope)
    truths = {
        "retention": kept,
        "retention_others": kept,
        "retention_ratio": Truth(
            here=100 + share * change, level=100 + share * level, slope=share * slope, nothing=100.0
        ),
        "retention_probe": Truth(here=PROBED * change, level=PROBED * level, slope=PROBED * slope),
        "retention_mlm": Truth(here=rises, level=rise, slope=rise_slope),
    }
    data = simulated(rng, change, rises)
    found: dict[str, Outcome] = {}
    for quantity in kept_of(data):
        if quantity.gap in truths:
            found |= _outcomes(quantity, truths[quantity.gap])
    return found


def simulated(rng: np.random.Generator, change: np.ndarray, rises: np.ndarray) -> RetentionData:
    """Both heads and the masked loss, before and after the target task."""
    seeds = SEED_SD * rng.normal(size=(len(MODELS), 1, 1, SEEDS))
    after = np.array([0.0, 1.0])[:, None, None]
    later = SEED_SD * rng.normal(size=(len(MODELS), 1, 1, SEEDS)) * after
    hard = CLUSTER_SD * rng.normal(size=(len(ALL_LANGUAGES), 1, GROUPS))
    parts = []
    for head, share, codes in (("kept", 1.0, ALL_LANGUAGES), ("probe", PROBED, ("en",))):
        expected = BEFORE + share * change[:, None, None, None] * after + seeds + later
        chances = np.clip((expected[..., None] + hard[: len(codes)]) / 100, 0.01, 0.99)
        right = rng.binomial(GROUP_SIZE, chances).astype(float)
        parts.append(_runs(right, np.full_like(right, GROUP_SIZE), codes, head=head, task=TASK))
    losses = LOSS + rises[:, None, None, None] * after + 0.02 * rng.normal(size=seeds.shape)
    lines = rng.normal(0, 0.3, size=GROUPS) + rng.normal(
        losses[..., None], 0.2, size=(len(MODELS), 2, 1, SEEDS, GROUPS)
    )
    masked = np.full_like(lines, MASKED)
    parts.append(_runs(lines * masked, masked, ("en",), head="kept", task=MLM))
    return RetentionData(
        scores=tuple(score for scores, _ in parts for score in scores),
        items=pd.concat([frame for _, frame in parts], ignore_index=True),
        values={TASK: lambda s: 100 * s[..., 0] / s[..., 1], MLM: mean_loss},
        parallel=frozenset({TASK}),
        resamples=RESAMPLES,
        seed=int(rng.integers(2**31)),
    )


def _runs(
    first: np.ndarray, second: np.ndarray, codes: tuple[str, ...], *, head: Head, task: str
) -> tuple[list[RetentionScore], pd.DataFrame]:
    """Scores and a row a cluster of sums [models, before and after, languages, seeds, groups]."""
    own = 0 if task == MLM else 1
    values = first.sum(axis=-1) / second.sum(axis=-1) * (1 if task == MLM else 100)
    scores = [
        RetentionScore(
            model=MODELS[m], family="made", params_total=round(10 ** SIZES[m]),
            params_nonembedding=round(0.8 * 10 ** SIZES[m]), arm=ARM, regime="intermediate_en",
            target=TARGET, task=task, language=codes[code], split="test", seed=seed, head=head, own=own,
            phase=2 if last else own, after="", final=bool(last),
            metric=MLM_METRIC if task == MLM else "accuracy", value=float(value),
            chance=None if task == MLM else CHANCE, stderr=None, n_items=GROUPS * GROUP_SIZE,
        )
        for (m, last, code, seed), value in np.ndenumerate(values)
    ]  # fmt: skip
    at = np.indices(first.shape).reshape(first.ndim, -1)
    frame = pd.DataFrame(
        {
            "model": named(at[0], MODELS), "arm": named(0 * at[0], [ARM]),
            "target": named(0 * at[0], [TARGET]), "task": task,
            "language": named(at[2], ALL_LANGUAGES), "seed": at[3],
            "head": named(np.full_like(at[0], HEADS.index(head)), HEADS),
            "phase": np.where(at[1], 2, own), "item": at[4], "group": at[4], "s0": first.ravel(),
            "s1": second.ravel(),
        }
    )  # fmt: skip
    return scores, frame


WORDS = {
    "retention": "retention",
    "retention_others": "retention, other languages",
    "retention_ratio": "retained share",
    "retention_probe": "retention, probe",
    "retention_mlm": "masked loss after target training",
}


def _outcomes(found: Kept, truth: Truth) -> dict[str, Outcome]:
    """Of one quantity: one model, the level, and both slopes."""
    series = series_of(
        found.estimates,
        {(found.gap, "mean", "raw", model): drawn for model, drawn in found.draws.items()},
        gap=found.gap, scale="raw", question=4, quantity=found.gap, confidence=0.95,
    )  # fmt: skip
    assert len(series.estimates) == len(MODELS)
    fit = fit_line(series.estimates, "params_total")
    assert fit is not None
    one, here = series.estimates[0], true_slope(truth.here, SIZES, fit.weights)
    own = float(truth.here[0])
    name = WORDS[found.gap]
    outcomes = {
        f"{name}, one model": Outcome(
            kind=SHOWN, low=one.ci_low, high=one.ci_high, truth=own, nothing=own
        ),
        f"{name}, mean over models": answered(level_answer(series), truth.level, nothing=truth.nothing),
        f"{name}, slope on size": Outcome(low=fit.ci_low, high=fit.ci_high, truth=truth.slope),
    }
    if found.gap == PRIMARY:  # of the others no answer has it
        outcomes[f"{name}, conditional bootstrap slope"] = answered(
            conditional_answer(series), here, nothing=here
        )
    return outcomes
