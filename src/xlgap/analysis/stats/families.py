"""Slope against size within model families, and across them.

Models of one family share data and design, so a line through models of several families is partly one
between families. Each model's x is split into its family's mean and its distance from it (Mundlak 1978,
On the pooling of time series and cross section data, Econometrica 46)::

    y_fm = a_f + b_within (x_fm - mean_f x) + u_fm + e_fm            one intercept a family
    y_fm = a + b_within (x_fm - mean_f x) + b_between mean_f x + ...

The within slope is what size does where data and design are held, a meta-regression with Knapp and
Hartung's interval. Models without another size of their family say nothing of it. The between slope is
least squares over one mean a family. A mean over more models varies less, the more so the less families
differ, so that its interval is CR2 with each family as a cluster: under the equal variances of ordinary
least squares seven families held the slope in 92 to 95% of studies, with CR2 in 96% (docs/log.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis.counted import counted
from xlgap.analysis.known import Interval
from xlgap.analysis.stats import meta
from xlgap.analysis.stats.cluster_robust import Coefficient, slope_over
from xlgap.analysis.stats.verdict import Refused

Floats = NDArray[np.float64]

FEWEST_DF = 2
"""Degrees of freedom below which an interval of a slope says nothing."""

FEWEST_FAMILIES = 4
"""Families below which there is no slope between them."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One model: its family, log10 parameters, effect and sampling variance (``None``: unknown)."""

    family: str
    x: float
    effect: float
    variance: float | None = None


@dataclass(frozen=True, kw_only=True)
class FamilySlope:
    """A slope for ten times the parameters.

    Attributes:
        slope: with its interval; ``n`` models.
        families: behind it, in order of name.
        tau2: variance between models of a family beyond their sampling variance.
        known: interval from the known variances alone; ``None`` without them.
    """

    slope: Coefficient
    families: tuple[str, ...]
    tau2: float
    known: Interval | None


def within(points: Sequence[Point], *, confidence: float = 0.95) -> FamilySlope | Refused:
    """Common slope of all families with at least two sizes, each with its own intercept."""
    usable = _with_sizes(points)
    names = tuple(sorted({p.family for p in usable}))
    if len(usable) - len(names) - 1 < FEWEST_DF:
        return Refused(
            f"{counted(len(usable), 'model')} in {counted(len(names), 'family')} of at least 2 sizes: "
            f"a slope within families needs {FEWEST_DF + 1} models more than families."
        )
    intercepts = [[float(p.family == name) for name in names] for p in usable]
    design = np.column_stack([_centred(usable), intercepts])
    return _slope(usable, design, names, column=0, confidence=confidence)


def between(points: Sequence[Point], *, confidence: float = 0.95) -> FamilySlope | Refused:
    """Slope of the families' means over their mean sizes, one estimate a family, equal weights, CR2."""
    names = tuple(sorted({p.family for p in points}))
    means = [
        (float(np.mean([p.x for p in points if p.family == n])),
         float(np.mean([p.effect for p in points if p.family == n])))
        for n in names
    ]  # fmt: skip
    if len(names) < FEWEST_FAMILIES or len({x for x, _ in means}) < 3:
        return Refused(
            f"{counted(len(names), 'family')}: a slope between families needs at least "
            f"{FEWEST_FAMILIES} of 3 mean sizes."
        )
    x, y = (np.array(column) for column in zip(*means, strict=True))
    slope = slope_over(x, y, names, confidence=confidence)
    if isinstance(slope, Refused):
        return slope
    return FamilySlope(slope=slope, families=names, tau2=0.0, known=None)


def _with_sizes(points: Sequence[Point]) -> list[Point]:
    sizes: dict[str, set[float]] = defaultdict(set)
    for p in points:
        sizes[p.family].add(p.x)
    return [p for p in points if len(sizes[p.family]) > 1]


def _centred(points: Sequence[Point]) -> Floats:
    x = np.array([p.x for p in points])
    family = np.array([p.family for p in points])
    centred: Floats = x - np.array([x[family == f].mean() for f in family])
    return centred


def _slope(
    points: Sequence[Point], design: Floats, names: tuple[str, ...], *, column: int, confidence: float
) -> FamilySlope:
    variances = [p.variance for p in points]
    known = None if None in variances else np.array([v for v in variances if v is not None])
    fitted = meta.fit(np.array([p.effect for p in points]), known, design)
    weights = np.eye(design.shape[1])[column]
    return FamilySlope(
        slope=fitted.combination(weights, confidence=confidence),
        families=names,
        tau2=fitted.tau2,
        known=fitted.known(weights, confidence=confidence),
    )
