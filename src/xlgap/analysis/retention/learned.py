"""Which runs have learned an earlier task: those above chance just after its own phase."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

from xlgap.analysis.bootstrap import deviation
from xlgap.analysis.chance import STANDARD_ERRORS
from xlgap.analysis.counted import counted
from xlgap.analysis.retention.matrix import Entry, RetentionData, at_chance


class Runs(NamedTuple):
    """The seeds of one entry.

    Attributes:
        fallen: how many are at chance, each by its own score and error.
        seeds: how many there are.
        mean: whether their mean is.
        highest: how many of its standard errors the best of them is above chance.
    """

    fallen: int
    seeds: int
    mean: bool
    highest: float

    @property
    def whole(self) -> bool:
        """Whether nothing was learned: all are at chance, and their mean."""
        return self.mean and self.fallen == self.seeds


def runs_at_chance(data: RetentionData, entry: Entry, codes: Sequence[str]) -> Runs:
    """The seeds of an entry beside chance, by two standard errors; 0 fell where that cannot be told."""
    above = [_errors(value, deviation(drawn)) for value, drawn in data.by_seed(entry, codes).values()]
    seeds = len({seed for code in codes for seed in data.table[entry][code]})
    return Runs(
        fallen=sum(errors <= STANDARD_ERRORS for errors in above),
        seeds=seeds,
        mean=at_chance(data, entry, codes),
        highest=max(above) if len(above) == seeds else math.inf,
    )


def _errors(value: float, error: float) -> float:
    return value / error if error else math.copysign(math.inf, value or -1)


def none_learned(runs: Collection[Runs]) -> bool:
    """Whether all means are at chance, and no seed is above it.

    How far above a seed must be to count grows with their number, so that luck in one of many does not
    (Bonferroni).
    """
    from scipy.stats import norm

    errors = float(norm.isf(norm.sf(STANDARD_ERRORS) / sum(r.seeds for r in runs)))
    return all(r.mean and r.highest <= errors for r in runs)


def share_words(of_arms: Sequence[Runs]) -> str:
    """How much of a task was not learned under some arms: ``1 of 2 seeds``; empty where all of it."""
    if all(runs.whole for runs in of_arms):
        return ""
    fallen, seeds = sum(runs.fallen for runs in of_arms), sum(runs.seeds for runs in of_arms)
    if len(of_arms) == 1:
        return f"{fallen} of {counted(seeds, 'seed')}"
    arms = counted(len(of_arms), "arm")
    hit = [runs for runs in of_arms if runs.fallen]
    if all(runs.whole for runs in hit):
        return f"under {len(hit)} of {arms}"
    return f"{fallen} of {counted(seeds, 'run')} of {arms}"
