"""Clustered bootstrap over rows that have no items: published scores.

Rows of one publication share its code, data and rounding, rows of one model share the model, so neither
are independent: whole clusters are drawn. A statistic that is a function of sums over rows needs the
rows once; after that a resample is a product of cluster weights with cluster sums, and ten thousand are
one matrix product.

Two crossed factors (publication and model) are resampled both at once, a row's weight being the product
of the two draws: the pigeonhole bootstrap, whose variance is at least the true one in crossed designs
(Owen 2007, The pigeonhole bootstrap, Annals of Applied Statistics 1).

Shapes: N rows, G clusters, K sums, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from xlgap.errors import ResultError

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""From sums [..., K] to values [...]; not a number where the sums do not define it."""

CHUNK = 4_000_000
"""Weights held at once, numbers."""


def codes(names: Sequence[object]) -> tuple[NDArray[np.intp], int]:
    """For each row the number of its name, and how many names there are."""
    numbers: dict[object, int] = {}
    found = np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.intp)
    return found, len(numbers)


def cluster_sums(values_NK: Floats, clusters: Sequence[object]) -> Floats:
    """Sums of the columns of ``values_NK`` over each cluster, [G, K]."""
    number, count = codes(clusters)
    sums = np.zeros((count, values_NK.shape[1]))
    np.add.at(sums, number, values_NK)
    return sums


def cluster_weights(count: int, *, resamples: int, rng: np.random.Generator) -> Floats:
    """How often each of ``count`` clusters is drawn in each resample, [R, G]."""
    weights: Floats = rng.multinomial(count, np.full(count, 1 / count), size=resamples).astype(float)
    return weights


def bootstrap_rows(
    values_NK: Floats,
    factors: Sequence[Sequence[object]],
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    resamples: int = 10_000,
) -> Floats:
    """``statistic`` in each of R resamples of whole clusters, [R].

    Args:
        values_NK: what is summed: see :func:`mean_of` and :func:`slope_of`.
        factors: one or two clusterings, each with one name a row: ``[publications, models]``.
        statistic: of the sums.
        rng: the generator; the same state gives the same draws.
        resamples: R.

    Raises:
        ResultError: no rows, a clustering of another length, or one with a single cluster.
    """
    numbers = [_checked(names, len(values_NK)) for names in factors]
    cells = list(zip(*(number for number, _ in numbers), strict=True))
    sums_CK = cluster_sums(values_NK, cells)
    of_cell = np.array(list(dict.fromkeys(cells)))
    step = max(1, CHUNK // max(len(of_cell), *(count for _, count in numbers)))
    found: list[Floats] = []
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        weights_RC = np.ones((size, len(of_cell)))
        for i, (_, count) in enumerate(numbers):
            weights_RC *= cluster_weights(count, resamples=size, rng=rng)[:, of_cell[:, i]]
        found.append(statistic(weights_RC @ sums_CK))
    return np.concatenate(found)


def _checked(names: Sequence[object], rows: int) -> tuple[NDArray[np.intp], int]:
    if len(names) != rows or rows == 0:
        raise ResultError(f"{rows} rows have {len(names)} cluster names: one a row is needed.")
    number, count = codes(names)
    if count < 2:
        raise ResultError("a bootstrap over clusters needs at least 2 clusters, got 1.")
    return number, count


def mean_columns(values: Floats) -> Floats:
    """What :func:`mean_of` needs summed, [N, 2]."""
    return np.stack([values, np.ones_like(values)], axis=1)


def mean_of(sums: Floats) -> Floats:
    """The mean from sums of value and 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: Floats = sums[..., 0] / sums[..., 1]
    return mean


def slope_columns(x: Floats, y: Floats) -> Floats:
    """What :func:`slope_of` needs summed, [N, 5]; centred first, for the digits."""
    a, b = x - x.mean(), y - y.mean()
    return np.stack([np.ones_like(a), a, b, a * a, a * b], axis=1)


def slope_of(sums: Floats) -> Floats:
    """The least-squares slope from sums of 1, x, y, xx and xy."""
    n, sx, sy, sxx, sxy = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope: Floats = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    return slope
