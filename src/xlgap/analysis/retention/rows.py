"""Scores of earlier tasks after each phase: as they are measured, and as one row over seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xlgap.records import Source

Head = Literal["kept", "probe", "untrained"]
MLM = "mlm"
"""The task of rows that are losses of masked language modelling."""

MLM_METRIC = "mlm_loss"
"""Their metric: natural logarithm, a masked sub-word; less is better."""


def mean_loss(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """The loss of a masked sub-word from sums ``[..., 2]`` of losses and of masked sub-words."""
    mean: NDArray[np.float64] = sums[..., 0] / sums[..., 1]
    return mean


@dataclass(frozen=True, kw_only=True)
class RetentionScore:
    """One earlier task, scored after one phase of one run, in one language: a line of ``scores.csv``.

    Attributes:
        model, family, params_total, params_nonembedding: as in :class:`~xlgap.records.Score`.
        arm, regime: whose intermediate stage the task is of.
        target: the task that is trained on last.
        task: the earlier task, or ``mlm``.
        language, split: of the rows that are scored.
        seed: training seed.
        head: ``kept``: the task's head as it was when its own phase ended, on the encoder as it is now;
            ``probe``: a linear head fitted to the frozen states of the encoder as it is now;
            ``untrained``: the same on an encoder of the same shape with random weights, ``phase`` 0.
        own: number of the phase that trained on the task, from 1; 0: pretraining.
        phase: number of the phase after which it is scored; 0: pretraining.
        after: that phase, ``lab_typing[en]``.
        final: whether it is the last one.
        metric: the task's primary one, or ``mlm_loss``.
        value: 0-100; a loss as it is.
        chance: of these predictions; ``None`` for a loss.
        stderr: over items, in the unit of ``value``.
        n_items: scored.
    """

    model: str
    family: str
    params_total: int | None
    params_nonembedding: int | None
    arm: str
    regime: str
    target: str
    task: str
    language: str
    split: str
    seed: int
    head: Head
    own: int
    phase: int
    after: str
    final: bool
    metric: str
    value: float
    chance: float | None
    stderr: float | None
    n_items: int


@dataclass(frozen=True, kw_only=True)
class RetentionRow:
    """One entry of a model's retention matrix, mean over seeds: a cell of the heat map.

    The rows of one (model, arm, target, head, language) are a matrix of ``task`` by ``phase``, whose
    diagonal is ``phase == own`` (Lopez-Paz and Ranzato 2017, Gradient episodic memory).

    Attributes:
        source, model, family, params_total, params_nonembedding, arm, regime, target, task, head, own,
            phase, after, final, metric, split: as in :class:`RetentionScore`.
        language: of the rows; ``en``, another code, or ``avg``: the mean over the others than English.
        value: mean over seeds.
        chance: mean over seeds; ``None`` for a loss.
        before: value just after the task's own phase; ``None`` where that was not scored.
        change: value minus ``before``: what later phases have taken (negative; of a loss positive).
        stderr: of ``change``, over items and seeds that both share; ``None`` on the diagonal or where
            it cannot be told.
        ratio: 100 x chance-corrected value / chance-corrected ``before``; only where ``before``
            is above chance by two standard errors.
        untrained: what the probe of an untrained encoder scores; ``None`` for a kept head and a loss.
        not_learned: whether no seed is above chance just after the task's own phase, in English where
            that was scored; not where it cannot be told.
        seeds: behind the mean.
    """

    source: Source
    model: str
    family: str
    params_total: int | None
    params_nonembedding: int | None
    arm: str
    regime: str
    target: str
    task: str
    language: str
    split: str
    head: Head
    own: int
    phase: int
    after: str
    final: bool
    metric: str
    value: float
    chance: float | None
    before: float | None
    change: float | None
    stderr: float | None
    ratio: float | None
    untrained: float | None
    not_learned: bool
    seeds: int
