"""Cluster-robust intervals of least-squares coefficients when clusters are few.

Languages of one genus lose alike, so a slope over languages is clustered by genus. The usual estimate
(CR0, CR1 as in statsmodels) with a normal interval covers too seldom with few clusters; CR2 with
Satterthwaite's degrees of freedom (Bell and McCaffrey 2002, Bias reduction in standard errors for
linear regression with multi-stage samples, Survey Methodology 28; Imbens and Kolesar 2016, Robust
standard errors in small samples, Rev. Econ. Stat. 98) is unbiased when errors are independent with
equal variance, and takes its t from how much the clusters really say of the coefficient. statsmodels
has it not.

Shapes: n observations, g clusters, p columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlgap.analysis.counted import counted
from xlgap.analysis.stats.row_bootstrap import codes
from xlgap.analysis.stats.verdict import Refused

Floats = NDArray[np.float64]

FEWEST_CLUSTERS = 4
"""Below this there is nothing to estimate a spread between clusters from."""

LEAST_DF = 1.5
"""Degrees of freedom below which Satterthwaite's interval is not trusted."""

LEAST_OF_ONE = 0.75
"""Share of the variance by the first clusters that the two-way one must have: of so few it is sometimes
small by luck. At 1 intervals of published slopes held 96.5% of simulated studies (docs/log.md)."""


@dataclass(frozen=True, kw_only=True)
class Coefficient:
    """One coefficient with its interval.

    Attributes:
        estimate: of least squares.
        stderr: of the estimate.
        df: Satterthwaite's degrees of freedom of ``stderr``.
        ci_low, ci_high, p: from Student's t.
        n: observations.
        clusters: how many.
    """

    estimate: float
    stderr: float
    df: float
    ci_low: float
    ci_high: float
    p: float
    n: int
    clusters: int


@dataclass(frozen=True, eq=False)
class Operator:
    """CR2 of one coefficient for one design: linear in the outcomes, so made once for many of them.

    Attributes:
        weights_n: estimate = weights @ y.
        parts_gn: variance = sum of (parts @ y) squared.
        df: Satterthwaite's.
    """

    weights_n: Floats
    parts_gn: Floats
    df: float

    def estimate(self, y: Floats) -> Floats:
        """The coefficient of outcomes [..., n], [...]."""
        found: Floats = y @ self.weights_n
        return found

    def variance(self, y: Floats) -> Floats:
        """Its CR2 variance, [...]."""
        found: Floats = np.sum((y @ self.parts_gn.T) ** 2, axis=-1)
        return found


def operator(design_np: Floats, clusters: Sequence[object], *, target: ArrayLike) -> Operator:
    """CR2 of ``target @ coefficients``, see the module; the design must have full rank."""
    number, count = codes(clusters)
    bread = np.linalg.inv(design_np.T @ design_np)
    hat = design_np @ bread @ design_np.T
    away = np.eye(len(design_np)) - hat
    weights = design_np @ bread @ np.asarray(target, dtype=np.float64)
    parts = np.zeros((count, len(design_np)))
    for g in range(count):
        inside = np.flatnonzero(number == g)
        adjusted = _inverse_root(away[np.ix_(inside, inside)]) @ weights[inside]
        parts[g] = adjusted @ away[inside]
    spread = parts @ parts.T  # covariance of the parts when errors are independent and equal
    df = float(np.trace(spread) ** 2 / np.sum(spread**2))
    return Operator(weights, parts, df)


def _inverse_root(matrix: Floats) -> Floats:
    """Symmetric inverse square root; a direction that the design takes up whole is left out."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > 1e-10
    root: Floats = (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T
    return root


def coefficient(
    design: ArrayLike,
    outcome: ArrayLike,
    clusters: Sequence[object],
    *,
    column: int,
    confidence: float = 0.95,
) -> Coefficient | Refused:
    """Coefficient of ``column`` with its CR2 interval.

    Args:
        design: [n, p], the intercept among its columns.
        outcome: [n].
        clusters: a name an observation.
        column: which coefficient.
        confidence: of the interval.
    """
    x, y = np.asarray(design, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    groups = len(set(clusters))
    if groups < FEWEST_CLUSTERS:
        return Refused(
            f"{counted(groups, 'cluster')}: an interval that is robust to clusters needs at least "
            f"{FEWEST_CLUSTERS}."
        )
    if np.linalg.matrix_rank(x) < x.shape[1] or len(y) <= x.shape[1]:
        return Refused(
            f"{counted(len(y), 'observation')} cannot tell {counted(x.shape[1], 'coefficient')} apart: "
            "more that differ in them are needed."
        )
    made = operator(x, clusters, target=np.eye(x.shape[1])[column])
    if made.df < LEAST_DF:
        return Refused(
            f"One cluster nearly alone decides the coefficient ({made.df:.1f} degrees of freedom, at "
            f"least {LEAST_DF} are needed)."
        )
    return interval_of(
        float(made.estimate(y)), float(made.variance(y)), made.df,
        n=len(y), clusters=groups, confidence=confidence,
    )  # fmt: skip


def interval_of(
    estimate: float, variance: float, df: float, *, n: int, clusters: int, confidence: float
) -> Coefficient:
    """A t interval from an estimate, its variance and degrees of freedom."""
    from scipy.stats import t as student

    error = math.sqrt(variance)
    half = float(student.ppf((1 + confidence) / 2, df)) * error
    ratio = abs(estimate) / error if error > 0 else math.inf
    return Coefficient(
        estimate=estimate,
        stderr=error,
        df=df,
        ci_low=estimate - half,
        ci_high=estimate + half,
        p=2 * float(student.sf(ratio, df)),
        n=n,
        clusters=clusters,
    )


def slope_over(
    x: ArrayLike, y: ArrayLike, clusters: Sequence[object], *, confidence: float = 0.95
) -> Coefficient | Refused:
    """Slope of ``y`` over ``x``, clustered: a loss over distance, languages clustered by genus."""
    a = np.asarray(x, dtype=np.float64)
    design = np.stack([np.ones_like(a), a], axis=1)
    return coefficient(design, y, clusters, column=1, confidence=confidence)


def slope_over_both(
    x: ArrayLike,
    y: ArrayLike,
    clusters: Sequence[object],
    others: Sequence[object],
    *,
    confidence: float = 0.95,
) -> Coefficient | Refused:
    """Slope of ``y`` over ``x``, clustered in two ways at once: scores by model and by source.

    The variance of ``clusters`` plus that of ``others`` minus that of the cells of both (Cameron,
    Gelbach and Miller 2011, Robust inference with multiway clustering, J. Bus. Econ. Stat. 29), each
    CR2, and at least :data:`LEAST_OF_ONE` of that of ``clusters`` alone; the degrees of freedom are
    those of ``clusters``.
    """
    a, outcome = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    one = slope_over(a, outcome, clusters, confidence=confidence)
    if isinstance(one, Refused):
        return one
    design = np.stack([np.ones_like(a), a], axis=1)
    second, cells = (
        float(operator(design, of, target=[0.0, 1.0]).variance(outcome))
        for of in (others, list(zip(clusters, others, strict=True)))
    )
    variance = max(one.stderr**2 + second - cells, LEAST_OF_ONE * one.stderr**2)
    return interval_of(
        one.estimate, variance, one.df, n=one.n, clusters=one.clusters, confidence=confidence
    )
