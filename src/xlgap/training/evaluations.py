"""When a phase is evaluated on dev rows, and which evaluation is the best; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence


def better(score: float, *, than: Sequence[tuple[int, float]]) -> bool:
    """Whether a dev score is above those of earlier steps; any number is above one that is none.

    >>> [better(0.0, than=[(1, math.nan)]), better(math.nan, than=[(1, 0.0)])]
    [True, False]
    """
    numbers = [value for _, value in than if not math.isnan(value)]
    return not math.isnan(score) and score > max(numbers, default=-math.inf)


def evaluation_steps(steps: int, evaluations: int) -> set[int]:
    """After which steps to evaluate: evenly spaced, the last step among them.

    >>> sorted(evaluation_steps(10, 3))
    [3, 7, 10]
    """
    return {round(steps * (k + 1) / evaluations) for k in range(evaluations)} - {0}
