"""The gap itself: its mean over models with Student's t interval.

n is the number of models, however many items, seeds and languages are behind each: their errors are in
the scatter of the models. That scatter also holds what size does, so the interval is for a mean over
these sizes and wide where the gap moves with size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xlgap.analysis.stats.verdict import Refused

FEWEST = 3


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean over models.

    Attributes:
        spread: standard deviation between models.
        n: models.
    """

    mean: float
    stderr: float
    ci_low: float
    ci_high: float
    spread: float
    n: int


def mean_over(values: Sequence[float], *, confidence: float = 0.95) -> Mean | Refused:
    """Mean of one value a model, with its t interval.

    Example:
        >>> round(mean_over([1.0, 2.0, 3.0]).ci_low, 2)
        -0.48
    """
    from scipy.stats import t as student

    n = len(values)
    if n < FEWEST:
        return Refused(f"{n} models: a mean over models with an interval needs at least {FEWEST}.")
    spread = float(np.std(values, ddof=1))
    error = spread / math.sqrt(n)
    mean = float(np.mean(values))
    half = float(student.ppf((1 + confidence) / 2, n - 1)) * error
    return Mean(mean=mean, stderr=error, ci_low=mean - half, ci_high=mean + half, spread=spread, n=n)
