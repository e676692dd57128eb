"""Which task each optimizer step of a mixture is of, and how many steps there are; pure numpy.

A step is of one task, or of masked language modelling, on all ranks and in all its micro-batches. The
order of the steps is drawn from a generator that every rank seeds alike, so that no two ranks ever call
different heads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from xlgap.regimes.base import Sampling
from xlgap.training.batches import Index

_DRAW, _TEXT = 1, 2  # what generators of one seed draw


def draw(rows: Sequence[int], sampling: Sampling, *, steps: int, seed: int) -> Index:
    """The task of each of ``steps`` steps, each drawn by itself.

    Where probabilities do not move, the first steps are the same whatever the number of steps.
    """
    last, moments = max(1, steps - 1), range(steps if sampling.moves else 1)
    chances = np.asarray([sampling.probabilities(rows, progress=step / last) for step in moments])
    reached = chances.cumsum(1)  # of each step, or of all
    drawn = np.random.default_rng((seed, _DRAW)).random(steps)
    found: Index = np.minimum((drawn[:, None] >= reached).sum(1), len(rows) - 1)
    return found.astype(np.int64)


def with_text(tasks: Index, *, text: int, steps: int, seed: int) -> Index:
    """Steps of masked language modelling, numbered ``text``, at random places among those of tasks.

    Args:
        tasks: the task of each step that is of one.
        text: the number that stands for masked language modelling.
        steps: of both together.
        seed: of the places.
    """
    found = np.full(steps, text, np.int64)
    places = np.random.default_rng((seed, _TEXT)).permutation(steps)[: len(tasks)]
    found[np.sort(places)] = tasks
    return found


def text_steps(tasks: int, rate: float) -> int:
    """Steps of masked language modelling beside ``tasks`` others, so that they are ``rate`` of all.

    >>> text_steps(80, 0.2)
    20
    """
    return round(tasks * rate / (1 - rate))


def task_steps(total: int, rate: float | None) -> int:
    """Of ``total`` steps those that are of tasks, at least one.

    >>> task_steps(100, 0.2), task_steps(100, None)
    (80, 100)
    """
    return total if rate is None else max(1, round(total * (1 - rate)))


def shares(total: int, lengths: Sequence[int]) -> tuple[int, ...]:
    """``total`` in whole parts, in proportion to ``lengths``, each at least 1 (largest remainders).

    Where a proportional part is less than 1, it is 1, and the others share what is left.

    >>> shares(100, [10, 20]), shares(150, [1, 1, 1000])
    ((33, 67), (1, 1, 148))

    Raises:
        ValueError: ``total`` is less than the number of parts.
    """
    if total < len(lengths):
        raise ValueError(f"{total} cannot be shared by {len(lengths)} parts of at least 1")
    sizes, found = np.asarray(lengths, np.float64), np.ones(len(lengths), np.int64)
    open_ = np.ones(len(lengths), bool)  # parts that are not fixed at 1
    while open_.any():
        left = total - int((~open_).sum())
        exact = sizes[open_] * left / sizes[open_].sum()
        parts = np.floor(exact).astype(np.int64)
        parts[np.argsort(parts - exact, kind="stable")[: left - int(parts.sum())]] += 1
        if parts.all():
            found[open_] = parts
            break
        open_[np.flatnonzero(open_)[parts == 0]] = False
    return tuple(int(part) for part in found)


def steps_to_reach(amount: int, seen: Callable[[int], int]) -> int:
    """The number of steps after which ``amount`` has been seen, but not before the last of them.

    Args:
        amount: at least 1.
        seen: how much a training of so many steps sees; it grows with them.
    """
    enough = 1
    while seen(enough) < amount:
        enough *= 2
    lacking = enough // 2
    while enough - lacking > 1:
        middle = (lacking + enough) // 2
        if seen(middle) < amount:
            lacking = middle
        else:
            enough = middle
    return enough
