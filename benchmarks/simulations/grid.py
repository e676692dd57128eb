"""A simulated study from counts of right items: models, arms, tasks, languages, seeds and clusters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from simulations.numbers import RESAMPLES, SIZES
from simulations.outcome import named
from xlgap.analysis.bootstrap import TaskItems
from xlgap.analysis.rows import ArmInfo
from xlgap.analysis.study import Study, TaskInfo
from xlgap.records import Score

MODELS = tuple(f"m{i}" for i in range(len(SIZES)))
GROUPS, GROUP_SIZE = 40, 6


def drawn_right(rng: np.random.Generator, share: np.ndarray) -> np.ndarray:
    """Items right in each cluster, of shares in percent [..., groups]."""
    return rng.binomial(GROUP_SIZE, np.clip(share / 100, 0.01, 0.99))


def study_of(
    right: np.ndarray,
    *,
    arms: Mapping[str, ArmInfo],
    tasks: Sequence[str],
    languages: Sequence[str],
    seed: int,
    chance: Mapping[str, float] | float | None = None,
) -> Study:
    """A study of these counts.

    Args:
        right: items right, [models, arms, tasks, languages, seeds, groups]. An arm with a language of
            its own is scored in that one alone.
        arms: what the second axis is called, and how each was trained.
        tasks: what the third is called.
        languages: what the fourth is called.
        seed: of the bootstrap.
        chance: of every score, in percent, or by task.
    """
    scored = np.array([[a.language in (None, code) for code in languages] for a in arms.values()])
    names = [MODELS, tuple(arms), tasks, languages]
    scores = [
        _score(
            [of[i] for of, i in zip(names, at, strict=False)],
            seed=at[4],
            value=float(value),
            arms=arms,
            chance=chance[tasks[at[2]]] if isinstance(chance, Mapping) else chance,
        )
        for at, value in np.ndenumerate(right.mean(axis=-1) * 100 / GROUP_SIZE)
        if scored[at[1], at[3]]
    ]
    return Study(
        name="simulated",
        source="lab",
        arms=dict(arms),
        tasks={task: TaskInfo(metric="accuracy", parallel=True) for task in tasks},
        scores=tuple(scores),
        items={
            task: _items(right[:, :, n], scored, tuple(arms), languages) for n, task in enumerate(tasks)
        },
        resamples=RESAMPLES,
        seed=seed,
    )


def _score(
    where: Sequence[str],
    *,
    seed: int,
    value: float,
    arms: Mapping[str, ArmInfo],
    chance: float | None,
) -> Score:
    model, arm, task, code = where
    size, items = SIZES[MODELS.index(model)], GROUPS * GROUP_SIZE
    return Score(
        source="measured", model=model, family="made", params_total=round(10**size),
        params_nonembedding=round(0.8 * 10**size), arm=arm, regime=arms[arm].regime,
        train_language=arms[arm].language or "en", task=task, language=code, seed=seed,
        metric="accuracy", value=value, chance=chance, n_items=items,
        stderr=math.sqrt(value * (100 - value) / items),
    )  # fmt: skip


def _items(
    right: np.ndarray, scored: np.ndarray, arms: Sequence[str], languages: Sequence[str]
) -> TaskItems:
    """A row a cluster: the bootstrap takes sums over clusters of whatever rows it is given."""
    at = np.indices(right.shape).reshape(right.ndim, -1)
    kept = scored[at[1], at[2]]
    at = at[:, kept]
    frame = pd.DataFrame(
        {
            "model": named(at[0], MODELS),
            "arm": named(at[1], arms),
            "language": named(at[2], languages),
            "seed": at[3],
            "metric": named(0 * at[0], ["accuracy"]),
            "item": at[4],
            "group": at[4],
            "s0": right.ravel()[kept].astype(float),
            "s1": float(GROUP_SIZE),
        }
    )
    return TaskItems(
        frame=frame, metric="accuracy", value=lambda s: 100 * s[..., 0] / s[..., 1], parallel=True
    )
