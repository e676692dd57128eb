"""How large a quantity is over the models of a study: its mean, with an interval for other models.

The mean over n models, each with the same weight, of estimates y_i. Two things move it: models differ,
and all of them were scored on the same items. With s2 the variance of y_i between models and c the mean
covariance of two models' estimates over items (from bootstrap draws that resample items together)::

    V = s2 / n + max(c, 0)

is an unbiased estimate of the variance of the mean (s2 alone leaves out what all models share, since it
moves no y_i away from the others). The interval is a t interval with the degrees of freedom of
Satterthwaite (1946, An approximate distribution of estimates of variance components, Biometrics 2),
n - 1 where items are shared by nothing. Without draws c is taken as 0, and the answer says so.

Sizes are chosen and not drawn: where they are known, s2 is the scatter about the line on log10
parameters with n - 2 degrees of freedom, so that a trend with size does not widen the interval of a
mean over these sizes. About the mean alone, intervals of simulated ladders with a trend covered 98.5%
(docs/log.md).

Assumptions: models alike but for their size, drawn from those that one wants to speak of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis.rows import Answer
from xlgap.analysis.scaling import FEWEST_MODELS
from xlgap.analysis.series import Series, base_answer

FEWEST = 3
"""Models below which the spread between them has one degree of freedom at most."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean over models.

    Attributes:
        ci_low, ci_high: t interval; ``None`` for a single model.
        df: its degrees of freedom, by Satterthwaite.
        shared: c of the module; ``None`` without draws.
    """

    value: float
    ci_low: float | None
    ci_high: float | None
    df: float
    shared: float | None


def mean_over_models(
    values: Sequence[float],
    draws: Sequence[Floats] = (),
    *,
    x: Sequence[float] = (),
    confidence: float = 0.95,
) -> Mean:
    """The mean of ``values``, one a model, with its interval; see the module.

    Args:
        values: [n].
        draws: bootstrap draws [R] of each, items resampled together; none where unknown.
        x: log10 parameters of each; none where unknown: the spread is then taken about the mean.
        confidence: of the interval.

    Example:
        >>> found = mean_over_models([1.0, 2.0, 3.0])
        >>> round(found.value, 1), round(found.ci_low, 2), found.df
        (2.0, -0.48, 2.0)
    """
    from scipy.stats import t as student

    y = np.asarray(values, dtype=np.float64)
    n = len(y)
    value = float(y.mean())
    if n < 2:
        return Mean(value=value, ci_low=None, ci_high=None, df=0, shared=None)
    spread, own_df = _scatter(y, np.asarray(x, dtype=np.float64))
    between = spread / n
    shared = _shared(draws) if len(draws) == n else None
    variance = between + max(shared or 0.0, 0.0)
    df = own_df * (variance / between) ** 2 if between > 0 else math.inf
    half = float(student.ppf((1 + confidence) / 2, df)) * math.sqrt(variance)
    return Mean(value=value, ci_low=value - half, ci_high=value + half, df=df, shared=shared)


def _scatter(y: Floats, x: Floats) -> tuple[float, int]:
    """Variance between models, about their line on x or their mean, and its degrees of freedom."""
    n = len(y)
    if len(x) < n or n < FEWEST_MODELS or len(set(x.tolist())) < FEWEST:
        return float(y.var(ddof=1)), n - 1
    slope, intercept = np.polyfit(x, y, 1)
    return float(np.sum((y - intercept - slope * x) ** 2)) / (n - 2), n - 2


def _shared(draws: Sequence[Floats]) -> float:
    """Mean covariance between the draws of two models."""
    covariance = np.cov(np.stack(draws))
    n = len(draws)
    return float((covariance.sum() - np.trace(covariance)) / (n * (n - 1)))


def level_answer(series: Series) -> Answer:
    """How large the quantity of a series is, as its mean over models."""
    estimates = series.estimates
    base = replace(
        base_answer(series, estimates, "params_total"),
        key=f"{series.key}.level",
        quantity=f"{series.quantity}, {series.unit}",
        method="none",
    )
    if not estimates:
        return base
    x = [math.log10(e.params_total) for e in estimates if e.params_total]
    found = mean_over_models(
        [e.value for e in estimates], series.draws, x=x, confidence=series.confidence
    )
    enough = len(estimates) >= FEWEST
    items = (
        "the covariance of models scored on the same items added"
        if found.shared is not None
        else "items that models share are left out, for want of their draws"
    )
    few = "" if enough else (
        f"Not sufficient: {len(estimates)} model{'s' * (len(estimates) > 1)}; a mean over models needs "
        f"at least {FEWEST}. "
    )  # fmt: skip
    return replace(
        base,
        estimate=found.value,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        supported=enough,
        method="mean over models, each with the same weight"
        if found.ci_low is None
        else f"mean over models, each with the same weight; t interval from their spread "
        f"({found.df:.1f} degrees of freedom), {items}",
        reason=few + base.reason,
    )
