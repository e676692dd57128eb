"""Scales beside raw points: chance-corrected, and log-odds for accuracies.

A raw gap shrinks near the ceiling by itself and vanishes near chance; both scales undo a part of that.
"""

from __future__ import annotations

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


def rescale(
    value: ArrayLike, scale: Scale, *, metric: str, chance: float | None, n_items: int | None
) -> Floats | None:
    """``value`` on ``scale``, or ``None`` where the scale is not defined for it."""
    if scale == "raw":
        return np.asarray(value, dtype=np.float64)
    if scale == "chance_corrected":
        return None if chance is None or chance >= 100 else chance_corrected(value, chance)
    if metric not in ACCURACIES or not n_items:
        return None
    return log_odds(value, n_items)
