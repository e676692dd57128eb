"""Two arms on the same items: McNemar's test, and a bootstrap over clusters of items.

McNemar's test takes items as independent, so it is for tasks without clusters; questions of one
paragraph or hypotheses of one premise need :func:`cluster_test`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlgap.analysis.stats.row_bootstrap import cluster_sums
from xlgap.errors import ResultError

FEWEST_CLUSTERS = 10
"""Below this a bootstrap over clusters has too few different resamples to speak of 5%."""


@dataclass(frozen=True, kw_only=True)
class PairedTest:
    """A two-sided test that two arms are equally good.

    Attributes:
        difference: mean of a minus b, in points.
        p: two-sided.
        n: independent units: items of McNemar's test, clusters of the bootstrap.
        only_a, only_b: items that one arm alone has right; ``None`` of the bootstrap.
        method: in words.
    """

    difference: float
    p: float
    n: int
    method: str
    only_a: int | None = None
    only_b: int | None = None


def mcnemar(right_a: ArrayLike, right_b: ArrayLike, *, mid_p: bool = True) -> PairedTest:
    """McNemar's exact test on items that are right or wrong under both arms.

    Args:
        right_a: one outcome an item, [n].
        right_b: of the same items in the same order.
        mid_p: count half of the observed outcome's own probability (Fagerland, Lydersen and Laake 2013,
            BMC Medical Research Methodology 13), which is closer to the nominal level; ``False`` gives
            the exact test, which never exceeds it.

    Raises:
        ResultError: other numbers of outcomes, none at all, or values besides 0 and 1.
    """
    from scipy.stats import binom
    from statsmodels.stats.contingency_tables import mcnemar as exact

    a, b = np.asarray(right_a, dtype=np.float64), np.asarray(right_b, dtype=np.float64)
    if a.shape != b.shape or a.size == 0:
        raise ResultError(
            f"McNemar's test needs the same items of both arms, got {a.size} and {b.size}."
        )
    if not np.isin([a, b], [0.0, 1.0]).all():
        raise ResultError("McNemar's test needs outcomes of 0 or 1; use the cluster test for scores.")
    only_a, only_b = int(np.sum(a > b)), int(np.sum(b > a))
    both, neither = int(np.sum(a * b)), int(np.sum((1 - a) * (1 - b)))
    p = float(exact([[both, only_a], [only_b, neither]], exact=True).pvalue)
    if mid_p:
        apart = only_a + only_b
        p = min(1.0, p - float(binom.pmf(min(only_a, only_b), apart, 0.5)))
        p = 1.0 if only_a == only_b else p
    return PairedTest(
        difference=100 * float(a.mean() - b.mean()),
        p=p,
        n=a.size,
        method="McNemar's test, " + ("mid-p" if mid_p else "exact"),
        only_a=only_a,
        only_b=only_b,
    )


def cluster_test(
    differences: ArrayLike,
    clusters: Sequence[object],
    weights_RG: NDArray[np.float64],
) -> PairedTest:
    """Bootstrap over clusters of the mean of paired differences, [n], studentised.

    Resampled means are centred on the mean seen, which is the null hypothesis, and compared in units of
    their own cluster-robust standard errors (Cameron, Gelbach and Miller 2008, Bootstrap-based
    improvements for inference with clustered errors, Rev. Econ. Stat. 90).

    Args:
        differences: of the items, [n].
        clusters: of the items, n names.
        weights_RG: how often each resample draws each of the G clusters, see
            :func:`~xlgap.analysis.stats.row_bootstrap.cluster_weights`; several tests may share them.

    Raises:
        ResultError: fewer than ten clusters, not one cluster an item, or weights of other clusters.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) != len(clusters):
        raise ResultError(
            f"{len(values)} differences have {len(clusters)} clusters: one each is needed."
        )
    sums_GK = cluster_sums(np.stack([values, np.ones_like(values)], axis=1), clusters)
    groups = len(sums_GK)
    if groups < FEWEST_CLUSTERS:
        raise ResultError(
            f"a bootstrap over clusters needs at least {FEWEST_CLUSTERS} clusters, got {groups}."
        )
    resamples = len(weights_RG)
    if weights_RG.shape != (resamples, groups):
        raise ResultError(
            f"{groups} clusters have resamples of {weights_RG.shape[-1]}: the same is needed."
        )
    seen, error = _studentised(np.ones((1, groups)), sums_GK)
    if error[0] == 0:
        p = 1.0 if seen[0] == 0 else 1 / (resamples + 1)
    else:
        means, errors = _studentised(weights_RG, sums_GK)
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.abs(means - seen[0]) / errors >= abs(seen[0]) / error[0]
        p = (1 + int(np.sum(far))) / (resamples + 1)
    return PairedTest(
        difference=float(seen[0]),
        p=float(p),
        n=groups,
        method=f"studentised bootstrap over {groups} clusters, {resamples} resamples",
    )


def _studentised(
    weights_RG: NDArray[np.float64], sums_GK: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and its cluster-robust standard error in each resample."""
    totals = weights_RG @ sums_GK
    means = totals[:, 0] / totals[:, 1]
    residuals_RG = sums_GK[None, :, 0] - means[:, None] * sums_GK[None, :, 1]
    squares = np.sum(weights_RG * residuals_RG**2, axis=1)
    groups = len(sums_GK)
    return means, np.sqrt(groups / (groups - 1) * squares) / totals[:, 1]
