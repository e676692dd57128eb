"""The gap itself: its mean over models with Student's t interval.

The mean over n models, each with the same weight, of estimates y_i. Two things move it: models differ,
and all of them were scored on the same items. With s2 the variance of y_i between models and c the mean
covariance of two models' estimates over items (from bootstrap draws that resample items together)::

    V = s2 / n + max(c, 0)

is an unbiased estimate of the variance of the mean; s2 alone leaves out what all models share, since
that moves no y_i away from the others. Without draws c is taken as 0.

With f degrees of freedom behind s2 the t interval has f V / (s2 / n): f where nothing is shared, and
more the less of V is estimated from the models. Satterthwaite's (1946, An approximate distribution of
estimates of variance components, Biometrics 2), f (V / (s2 / n))^2, are too many where s2 is small by
luck, as it often is with two of them: if c is a tenth of s2 / n, that interval holds the mean of four
models in 92.2% of studies and this one in 94.3%; whatever c is, in 94.1 to 96.5% (docs/log.md).

n is the number of models, however many items, seeds and languages are behind each. Sizes are chosen and
not drawn: where they are known, s2 is the scatter about the line on log10 parameters with n - 2 degrees
of freedom, so that a trend with size does not widen the interval of a mean over these sizes. About the
mean alone, intervals of simulated ladders with a trend covered 98.5% (docs/log.md). Where a curve fits
better than the line (:func:`~xlgap.analysis.stats.curves.preferred`), it is the scatter about that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis.counted import counted
from xlgap.analysis.stats.curves import preferred
from xlgap.analysis.stats.verdict import Refused

FEWEST = 3

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean over models.

    Attributes:
        spread: standard deviation between models.
        shared: covariance of two models over the items that they share; ``None`` without draws.
        df: degrees of freedom of the interval.
        n: models.
        about: what the scatter behind the interval is about: the form of a curve on log10 parameters
            (``line``, ...), or empty for the mean.
    """

    mean: float
    stderr: float
    ci_low: float
    ci_high: float
    spread: float
    shared: float | None
    df: float
    n: int
    about: str = ""


def mean_over(
    values: Sequence[float],
    *,
    draws: Sequence[Floats] = (),
    x: Sequence[float] = (),
    confidence: float = 0.95,
) -> Mean | Refused:
    """Mean of one value a model, with its t interval.

    Args:
        values: [n].
        draws: bootstrap draws [R] of each, items resampled together; empty where unknown.
        x: log10 parameters of each; empty where unknown: the scatter is then about the mean.
        confidence: of the interval.

    Example:
        >>> round(mean_over([1.0, 2.0, 3.0]).ci_low, 2)
        -0.48
    """
    from scipy.stats import t as student

    n = len(values)
    if n < FEWEST:
        models = counted(n, "model")
        return Refused(f"{models}: a mean over models with an interval needs at least {FEWEST}.")
    spread = float(np.std(values, ddof=1))
    scatter, own, about = _scatter(
        np.asarray(values, dtype=np.float64), np.asarray(x, dtype=np.float64)
    )
    between = scatter / n
    shared = _shared(draws) if draws else None
    variance = between + max(shared or 0.0, 0.0)
    df = own * variance / between if between > 0 else math.inf
    error = math.sqrt(variance)
    mean = float(np.mean(values))
    half = float(student.ppf((1 + confidence) / 2, df)) * error
    return Mean(mean=mean, stderr=error, ci_low=mean - half, ci_high=mean + half, spread=spread,
                shared=shared, df=df, n=n, about=about)  # fmt: skip


def _scatter(y: Floats, x: Floats) -> tuple[float, int, str]:
    """Variance between models, its degrees of freedom, and what it is about."""
    n = len(y)
    if len(x) < n or n <= FEWEST or len(set(x.tolist())) < FEWEST:
        return float(y.var(ddof=1)), n - 1, ""
    curve = preferred((10**x).tolist(), y.tolist())
    if curve is not None:
        return curve.sd**2, curve.df, curve.form
    slope, intercept = np.polyfit(x, y, 1)
    return float(np.sum((y - intercept - slope * x) ** 2)) / (n - 2), n - 2, "line"


def _shared(draws: Sequence[Floats]) -> float:
    """Mean covariance between the draws of two models, over resamples in which each has a value."""
    stacked = np.stack(draws)
    covariance = np.cov(stacked[:, np.isfinite(stacked).all(axis=0)])
    n = len(draws)
    return float((covariance.sum() - np.trace(covariance)) / (n * (n - 1)))
