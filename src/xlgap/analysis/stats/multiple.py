"""Corrections for a family of comparisons.

Holm (1979, A simple sequentially rejective multiple test procedure) keeps the chance of a single false
positive in the family below the level, whatever the tests share; Benjamini and Hochberg (1995,
Controlling the false discovery rate) the expected share of false ones among those found, for tests
that are independent or positively dependent. Both are statsmodels' ``multipletests``.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from xlgap.errors import ResultError

Method = Literal["holm", "benjamini_hochberg"]
NAMES: dict[Method, str] = {"holm": "holm", "benjamini_hochberg": "fdr_bh"}


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """One comparison of a family.

    Attributes:
        p: as tested.
        adjusted: to be compared with the level itself.
        rejected: whether ``adjusted`` is at most the level.
        family: number of comparisons that were corrected for.
    """

    p: float
    adjusted: float
    rejected: bool
    family: int


def corrected(
    p_values: Mapping[str, float], *, method: Method = "holm", level: float = 0.05
) -> dict[str, Corrected]:
    """Adjusted p of each comparison of one family, by its name.

    Args:
        p_values: of every comparison that was looked at, those that were not of interest included.
        method: ``holm`` for claims on single comparisons, ``benjamini_hochberg`` for a list of finds.
        level: of the family.

    Raises:
        ResultError: a p outside 0 to 1, or none at all.

    Example:
        >>> found = corrected({"a": 0.01, "b": 0.04})
        >>> found["a"].adjusted, found["b"].adjusted
        (0.02, 0.04)
    """
    wrong = sorted(name for name, p in p_values.items() if not 0 <= p <= 1)
    if wrong:
        raise ResultError(f"p of {', '.join(wrong)} is outside 0 to 1: leave out what was not tested.")
    if not p_values:
        raise ResultError("a family of comparisons has no p to correct: give at least one.")
    from statsmodels.stats.multitest import multipletests

    gc.freeze()  # multipletests collects garbage, for which Python walks all that an analysis holds
    try:
        rejected, adjusted, _, _ = multipletests(list(p_values.values()), level, NAMES[method])
    finally:
        gc.unfreeze()
    return {
        name: Corrected(p=p, adjusted=float(a), rejected=bool(r), family=len(p_values))
        for (name, p), a, r in zip(p_values.items(), adjusted, rejected, strict=True)
    }
