"""Scales beside raw points: chance-corrected, log-odds for accuracies, and error reduction.

A raw gap shrinks near the ceiling by itself and vanishes near chance; these scales undo a part of that.

Error reduction is relative: (S_a - S_b) / (100 - S_b) of b's errors are gone. That is no difference of
two rescaled scores, so that it could be averaged over languages and tasks, taken apart into parts or
drawn in a bootstrap only pair by pair, and it runs away where a b is near 100. Its logarithm is one:
with the error E = 100 - S, ``log E_b - log E_a`` is the log ratio of errors, the log response ratio of
meta-analysis (Hedges, Gurevitch and Curtis 1999, The meta-analysis of response ratios in experimental
ecology, Ecology 80). It is kept on that scale; :func:`percent_fewer_errors` gives back the percentage,
100 (1 - exp(-d)), of a mean that of the geometric mean of the ratios. Where the number of items is
known, half an item is added to errors and to items, which takes most of the bias of the logarithm of a
count away and keeps a perfect score finite (Pettigrew, Gart and Thomas 1986, The bias and higher
cumulants of the logarithm of a binomial variate, Biometrika 73).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xlgap.analysis.rows import Scale

ACCURACIES = frozenset({"accuracy", "token_accuracy"})
"""Metrics that are a share of right items, for which odds mean something."""

Floats = NDArray[np.float64]


def chance_corrected(value: ArrayLike, chance: ArrayLike) -> Floats:
    """100 (S - c) / (100 - c): 0 at chance, 100 at the ceiling.

    >>> float(chance_corrected(75.0, 50.0))
    50.0
    """
    level = np.asarray(chance, dtype=np.float64)
    return 100 * (np.asarray(value, dtype=np.float64) - level) / (100 - level)


def log_odds(value: ArrayLike, n_items: int) -> Floats:
    """Natural log-odds of an accuracy, with half an item added on each side (Haldane, Anscombe).

    ``n_items`` are those that are right or wrong: tokens, of an accuracy of tokens.

    >>> float(log_odds(50.0, 100))
    0.0
    """
    right = np.asarray(value, dtype=np.float64) / 100 * n_items
    return np.log((right + 0.5) / (n_items - right + 0.5))


def log_error(value: ArrayLike, n_items: int | None) -> Floats | None:
    """Minus the natural log of the share of errors, so that more is better; see the module.

    ``None`` where a score is 100 and the number of items is not known.

    >>> float(log_error(50.0, None) - log_error(0.0, None)) == float(np.log(2))
    True
    """
    wrong = 1 - np.asarray(value, dtype=np.float64) / 100
    if n_items:
        return -np.log((np.maximum(wrong, 0) * n_items + 0.5) / (n_items + 0.5))
    return None if np.any(wrong <= 0) else -np.log(wrong)


def percent_fewer_errors(difference: float) -> float:
    """A difference on the scale ``error_reduction`` as the percentage of errors that are gone.

    >>> round(percent_fewer_errors(float(np.log(2))), 6)
    50.0
    """
    return 100 * -math.expm1(-difference)


def rescale(
    value: ArrayLike, scale: Scale, *, metric: str, chance: float | None, n_items: int | None
) -> Floats | None:
    """``value`` on ``scale``, or ``None`` where the scale is not defined for it."""
    if scale == "raw":
        return np.asarray(value, dtype=np.float64)
    if scale == "chance_corrected":
        return None if chance is None or chance >= 100 else chance_corrected(value, chance)
    if scale == "error_reduction":
        return log_error(value, n_items)
    if metric not in ACCURACIES or not n_items:
        return None
    return log_odds(value, n_items)
