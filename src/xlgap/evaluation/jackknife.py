"""Standard error of a score over its items."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from xlgap.evaluation.metrics import Floats, Metric


def standard_error(metric: Metric, stats: Floats, groups: Sequence[str]) -> float | None:
    """Jackknife standard error of ``metric`` over groups of items, in points.

    See :func:`jackknife`, whose ``value`` is the metric's.
    """
    return jackknife(metric.value, stats, groups)


def jackknife(value: Callable[[Floats], Floats], stats: Floats, groups: Sequence[str]) -> float | None:
    """Jackknife standard error of a function of sums over items.

    Items of one group (a paragraph, a premise) are left out together (Efron and Tibshirani 1993,
    An Introduction to the Bootstrap, chapter 11): sqrt((G - 1) / G * sum_g (S_-g - mean S_-g)^2) for G
    groups.

    Args:
        value: from sums of statistics [..., K] to scores [...].
        stats: of each item, [I, K].
        groups: of each item.

    Returns:
        ``None`` where it cannot be told: with one group, or where a group holds all that is counted.
    """
    names, group_n = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    if len(names) < 2:
        return None
    sums_GK = np.zeros((len(names), stats.shape[1]))
    np.add.at(sums_GK, group_n, stats)
    without_G = value(stats.sum(axis=0) - sums_GK)
    share = (len(names) - 1) / len(names)
    error = math.sqrt(share * float(np.square(without_G - without_G.mean()).sum()))
    return None if math.isnan(error) else error
