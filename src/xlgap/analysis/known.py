"""The interval that known sampling variances alone allow, beside the one over models.

A Knapp-Hartung interval is read off the scatter of the models. A few models may by luck scatter less
than the errors of their estimates make likely, and their interval is then narrower than items and seeds
alone allow. Every answer is a weighted sum of one estimate a model; that sum over bootstrap draws, or
its normal interval from the known variances, is conditional on the checkpoints and a floor of what is
not known. Where it is the wider one, the answer has both, and a trend must leave out 0 by both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlgap.analysis.bootstrap import interval
from xlgap.analysis.rows import Answer
from xlgap.analysis.words import interval_words

Floats = NDArray[np.float64]
Interval = tuple[float, float]

NO_WIDTH = 1e-6
"""Points, and the last digit kept: a narrower interval is of models exactly on a line, or alike."""

NARROW = "By luck narrower than the known errors of these models allow"
EXACT = "These models lie exactly on a line or are alike"


def by_draws(weights: ArrayLike, draws: Sequence[Floats], *, confidence: float) -> Interval | None:
    """Percentile interval of a weighted sum of estimates, from the draws [R] of each.

    ``None`` where there are none; resamples in which an estimate has no value stay out.
    """
    w = np.asarray(weights, dtype=np.float64)
    if not draws or len(draws) != len(w):
        return None
    sums = np.stack(draws, axis=1) @ w
    sums = sums[np.isfinite(sums)]
    return interval(sums, confidence) if len(sums) else None


def by_errors(
    estimate: float, weights: ArrayLike, variances: ArrayLike, *, confidence: float
) -> Interval:
    """Normal interval of a weighted sum of independent estimates with known variances.

    Example:
        >>> low, high = by_errors(2.0, [0.5, 0.5], [1.0, 1.0], confidence=0.95)
        >>> round(low, 2), round(high, 2)
        (0.61, 3.39)
    """
    from scipy.special import ndtri

    w, v = np.asarray(weights, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    half = float(ndtri((1 + confidence) / 2)) * math.sqrt(float(w**2 @ v))
    return estimate - half, estimate + half


def beside(answer: Answer, known: Interval | None) -> Answer:
    """The answer, with the interval of the known errors alone where that is the wider one.

    An interval without width gives way to it; without known errors it supports nothing.
    """
    if answer.ci_low is None or answer.ci_high is None:
        return answer
    width = answer.ci_high - answer.ci_low
    if known is not None and known[1] - known[0] < NO_WIDTH:
        known = None
    if width < NO_WIDTH and known is None:
        said = (
            "Not sufficient: these models lie exactly on a line or are alike, and their errors are "
            "not known."
        )
        return replace(
            answer, ci_low=None, ci_high=None, supported=False, reason=f"{said} {answer.reason}".strip()
        )
    if known is None or known[1] - known[0] <= width:
        return answer
    low, high = known
    if width < NO_WIDTH:
        said = f"{EXACT}: the interval is that of their known errors alone."
        return replace(answer, ci_low=low, ci_high=high, reason=f"{answer.reason} {said}".strip())
    said = (
        f"{NARROW}, which alone give {interval_words(low, high, 2)}: a trend is told only where both "
        "intervals leave out 0."
    )
    return replace(answer, known_low=low, known_high=high, reason=f"{answer.reason} {said}".strip())
