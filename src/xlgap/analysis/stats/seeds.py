"""How many training seeds a gap needs.

The gap of one model is a mean over seeds of the gap in each seed, tested against 0 with Student's t. By
the noncentral t (scipy's ``nct``) a number of seeds and the spread between them give the
smallest gap that the test finds in 80% of studies, and the other way round.

Assumptions: gaps of the seeds are independent and normal, with the spread seen. Items add an error that
more seeds do not lessen; it is not in here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from xlgap.analysis.stats.verdict import Refused

POWER = 0.8
MOST_SEEDS = 1000
"""Where no number of seeds up to this does, none is named."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Standard deviation between seeds, pooled over groups of runs.

    Attributes:
        sd: in the unit of the values.
        df: degrees of freedom behind it.
        seeds: of the group with fewest.
    """

    sd: float
    df: int
    seeds: int


def pooled_spread(groups: Sequence[Sequence[float]]) -> Spread | Refused:
    """Standard deviation within ``groups``, each the values of one model's seeds.

    Groups of a single seed say nothing and are left out.
    """
    from statistics import variance

    usable = [g for g in groups if len(g) > 1]
    if not usable:
        return Refused(
            "One seed: the variance between seeds is not known, so that no smallest detectable gap can "
            "be named; train with at least 2 seeds."
        )
    df = sum(len(g) - 1 for g in usable)
    squares = sum((len(g) - 1) * variance(g) for g in usable)
    return Spread(sd=math.sqrt(squares / df), df=df, seeds=min(len(g) for g in usable))


def detectable_gap(
    sd: float, seeds: int, *, level: float = 0.05, power: float = POWER
) -> float | Refused:
    """Smallest gap that a t test over ``seeds`` finds with ``power``, in the unit of ``sd``.

    Example:
        >>> round(detectable_gap(1.0, 5), 2)
        1.68
    """
    from scipy.optimize import brentq

    if seeds < 2:
        return Refused("One seed cannot show a gap of any size: train with at least 2 seeds.")
    if sd == 0:
        return 0.0
    top = 1.0
    while _power(top, seeds, level) < power:
        top *= 2
    return sd * float(brentq(lambda d: _power(d, seeds, level) - power, 0.0, top, xtol=1e-6))


def seeds_needed(sd: float, gap: float, *, level: float = 0.05, power: float = POWER) -> int | Refused:
    """Fewest seeds, at least 2, with which a t test finds ``gap`` with ``power``.

    Example:
        >>> seeds_needed(1.0, 1.69)
        5
    """
    if gap == 0:
        return Refused("A gap of 0 cannot be found with any number of seeds.")
    if sd == 0 or _power(abs(gap) / sd, 2, level) >= power:
        return 2
    low, high = 2, 4
    while _power(abs(gap) / sd, high, level) < power:
        low, high = high, 2 * high
        if high > MOST_SEEDS:
            return Refused(
                f"More than {MOST_SEEDS} seeds would be needed: the gap is {abs(gap) / sd:.2g} of the "
                "standard deviation between seeds."
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _power(abs(gap) / sd, middle, level) >= power else (middle, high)
    return high


def _power(effect: float, seeds: int, level: float) -> float:
    """Power of the two-sided one-sample t test for a mean of ``effect`` standard deviations."""
    from scipy.stats import nct
    from scipy.stats import t as student

    bar = float(student.ppf(1 - level / 2, seeds - 1))
    centre = effect * math.sqrt(seeds)
    # the lower tail as the upper one of -centre: scipy's cdf is not a number far out
    return float(nct.sf(bar, seeds - 1, centre) + nct.sf(bar, seeds - 1, -centre))
