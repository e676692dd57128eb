"""What the items of anyone's table lack of its scores, and where its standard errors are not theirs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from xlgap.analysis.bootstrap import TaskItems
from xlgap.analysis.words import number
from xlgap.records import Score

if TYPE_CHECKING:
    import pandas as pd

CELL = ["model", "arm", "language", "seed"]
APART = 2.0
"""Factor from which on a standard error cannot be of the items."""
NAMED = 6
"""Scores that a sentence names."""


def item_notes(
    scores: Sequence[Score], items: Mapping[str, TaskItems], primary: Mapping[str, str]
) -> tuple[str, ...]:
    """Sentences on scores without items, and on standard errors that are not those of the items.

    Of a table with items, that is: without one nothing is lacking.

    Args:
        scores: of the table.
        items: of its tasks, where there are any.
        primary: task to the metric that speaks for it.
    """
    asked = [s for s in scores if s.metric == primary[s.task]]
    cells = {task: _cells(of_task) for task, of_task in items.items()}
    found = [cells.get(s.task, {}).get((s.model, s.arm, s.language, s.seed)) for s in asked]
    lacking = [s for s, errors in zip(asked, found, strict=True) if errors is None]
    notes = [] if not lacking else [_without_items(lacking, of=len(asked))]
    off: dict[str, list[tuple[Score, float]]] = defaultdict(list)
    known: dict[str, int] = defaultdict(int)
    for s, errors in zip(asked, found, strict=True):
        if errors is not None and s.stderr is not None:
            known[s.task] += 1
            if not any(e / APART <= s.stderr <= e * APART for e in errors):
                off[s.task].append((s, errors[0]))
    return (*notes, *(_apart(task, off[task], of=known[task]) for task in sorted(off)))


def _cells(items: TaskItems) -> dict[object, tuple[float, float]]:
    """Each cell with the standard error of its mean, in points: over clusters, and over items."""
    frame = items.frame[items.frame["metric"] == items.metric]
    return {key: _errors(cell) for key, cell in frame.groupby(CELL, sort=True)}


def _errors(cell: pd.DataFrame) -> tuple[float, float]:
    outcomes = cell["s0"].astype(float)
    apart = outcomes - outcomes.mean()
    clusters = apart.groupby(cell["group"].to_numpy()).sum()
    over_clusters, over_items = (
        100 * math.sqrt(float((part**2).sum()) * len(part) / max(1, len(part) - 1)) / len(cell)
        for part in (clusters, apart)
    )
    return over_clusters, over_items


def _without_items(lacking: Sequence[Score], *, of: int) -> str:
    named = [f"{s.model}/{s.arm}/{s.task} in {s.language}" for s in lacking]
    names = list(dict.fromkeys(named))
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (
        f"{len(lacking)} of {of} scores {'has' if len(lacking) == 1 else 'have'} no items "
        f"({', '.join(names[:NAMED])}{more}): a gap that has one of them has the errors of the column "
        "'stderr', none where that is empty, and no interval from items."
    )


def _apart(task: str, off: Sequence[tuple[Score, float]], *, of: int) -> str:
    score, error = off[0]
    return (
        f"The column 'stderr' is less than half or more than twice what the items give for {len(off)} "
        f"of {of} scores on {task} ({number(score.stderr, 2)} beside {number(error, 2)} of "
        f"{score.model}/{score.arm} in {score.language}): gaps between scores with items have the "
        "items' errors, chance is judged by the column."
    )
