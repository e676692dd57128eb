"""Several intermediate tasks against none, and target-language training, on scales beside raw points.

A joint arm adds points, a sequential one takes away a share of the errors; target-language
intermediate training adds points in its language. Chance differs between the two tasks.
"""

from __future__ import annotations

import numpy as np

from simulations.against_size import Truth, Wanted, measured_series, outcomes
from simulations.grid import GROUPS, MODELS, drawn_right, study_of
from simulations.numbers import CLUSTER_SD, MODEL_SD, SEED_SD, SEEDS, SIZES
from simulations.outcome import Outcome
from xlgap.analysis.contrasts import contrasts
from xlgap.analysis.rows import ArmInfo

CHANCE = {"nli": 33.0, "qa": 15.0}
TASKS = tuple(CHANCE)
LANGUAGES = ("de", "sw")
BOTH = ("typing", "order")
ARMS = {
    "direct_en": ArmInfo(regime="direct_en"),
    "joint": ArmInfo(regime="joint", intermediate=BOTH),
    "seq_typing_order": ArmInfo(regime="sequential", intermediate=BOTH),
    "inter_en_typing": ArmInfo(regime="intermediate_en", intermediate=("typing",)),
    "inter_de_typing": ArmInfo(regime="intermediate_tgt", intermediate=("typing",), language="de"),
    "inter_sw_typing": ArmInfo(regime="intermediate_tgt", intermediate=("typing",), language="sw"),
}
LEVEL = np.array([[60.0], [45.0]])
"""Points under direct_en, [tasks, 1]."""
GAIN, GAIN_SLOPE = 5.0, -3.0
"""Points from several tasks at once, or from the target language: at the middle size, for ten times."""
FEWER, FEWER_SLOPE, FEWER_SD = 0.12, -0.06, 0.03
"""The log ratio of errors of one task after another, and its deviation between models."""


def other_scales(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """One simulated study: chance-corrected gains, and the log ratio of errors."""
    x, share = SIZES - SIZES.mean(), float(planted)
    points = share * (GAIN + GAIN_SLOPE * x)
    joint, tgt = (points[:, None] + MODEL_SD * rng.normal(size=(len(x), len(TASKS))) for _ in range(2))
    fewer = share * (FEWER + FEWER_SLOPE * x) + FEWER_SD * rng.normal(size=len(x))
    study = study_of(
        right(rng, joint, tgt, fewer), arms=ARMS, tasks=TASKS, languages=LANGUAGES,
        seed=int(rng.integers(2**31)), chance=CHANCE,
    )  # fmt: skip
    stretch = 100 / (100 - np.array(list(CHANCE.values())))
    factor = float(stretch.mean())
    corrected = {"level": share * GAIN * factor, "slope": share * GAIN_SLOPE * factor}
    truths: dict[Wanted, tuple[str, Truth]] = {
        ("joint", "chance_corrected"): (
            "chance-corrected gain",
            Truth(here=(joint * stretch).mean(axis=1), **corrected),
        ),
        ("inter", "chance_corrected"): (
            "chance-corrected gap",
            Truth(here=(tgt * stretch).mean(axis=1), **corrected),
        ),
        ("sequential", "error_reduction"): (
            "log ratio of errors",
            Truth(here=fewer, level=share * FEWER, slope=share * FEWER_SLOPE),
        ),
    }
    every = contrasts(study.table, study.arms)
    found = measured_series(study, every, truths, question=5)
    said: dict[str, Outcome] = {}
    for wanted, (words, truth) in truths.items():
        said |= outcomes(words, found[wanted], truth)
    return said


def right(
    rng: np.random.Generator, joint: np.ndarray, tgt: np.ndarray, fewer: np.ndarray
) -> np.ndarray:
    """Items right, of gains [models, tasks] and log ratios of errors [models]."""
    plain = np.broadcast_to(LEVEL, (len(MODELS), len(TASKS), 1))
    seq = 100 - (100 - plain) * np.exp(-fewer)[:, None, None]
    with_tgt = plain + tgt[..., None]
    share = np.stack([plain, plain + joint[..., None], seq, plain, with_tgt, with_tgt], axis=1)
    runs = (len(MODELS), len(ARMS), len(TASKS), 1, SEEDS)
    share = share[..., None] + SEED_SD * rng.normal(size=runs)
    hard = rng.normal(size=(len(TASKS), 1, 1, GROUPS)) + rng.normal(
        size=(len(TASKS), len(LANGUAGES), 1, GROUPS)
    )
    return drawn_right(rng, share[..., None] + CLUSTER_SD / np.sqrt(2) * hard)
