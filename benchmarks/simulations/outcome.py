"""What one estimator said of one simulated study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from xlgap.analysis.rows import Answer
from xlgap.analysis.stats.cluster_robust import Coefficient

INTERVAL, TEST, EXACT = "interval", "test", "exact test"
SHOWN = "no answer"
"""An interval that stands in a table or figure, and in no answer."""
FLOOR = "safeguard"
"""An interval beside that of an answer, which can only take a claim back: too wide on purpose."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one estimator said of one study: an interval and the truth, or a p.

    ``nothing`` is the value that an interval without it claims an effect against.
    """

    kind: str = INTERVAL
    low: float | None = None
    high: float | None = None
    truth: float = 0.0
    nothing: float = 0.0
    p: float | None = None

    @property
    def covered(self) -> bool | None:
        """Whether the interval holds the truth."""
        if self.low is None or self.high is None:
            return None
        return self.low <= self.truth <= self.high

    @property
    def found(self) -> bool | None:
        """Whether an effect is claimed at 5%; of no use where 0 has no meaning."""
        if self.p is not None:
            return self.p <= 0.05 + 1e-12
        if self.low is None or self.high is None:
            return None
        return not self.low <= self.nothing <= self.high


Study = Callable[[np.random.Generator, bool], Mapping[str, Outcome]]


def of(found: Coefficient, truth: float) -> Outcome:
    """The interval of a coefficient."""
    return Outcome(low=found.ci_low, high=found.ci_high, truth=truth)


def answered(answer: Answer, truth: float, *, nothing: float = 0.0) -> Outcome:
    """The interval of an answer; none of one that is not supported."""
    if not answer.supported:
        return Outcome(truth=truth, nothing=nothing)
    return Outcome(low=answer.ci_low, high=answer.ci_high, truth=truth, nothing=nothing)


def true_slope(values: np.ndarray, x: np.ndarray, weights: Sequence[float]) -> float:
    """The slope that a fit with these weights would have through ``values``."""
    w = np.asarray(weights)
    centred = x - np.average(x, weights=w)
    return float((w * centred) @ values / (w @ centred**2))


def named(numbers: np.ndarray, names: Sequence[str]) -> pd.Categorical:
    """A column of ``names`` by their numbers."""
    return pd.Categorical.from_codes(numbers, list(names))
