"""Which training rows of a language a few-shot arm is shown."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from xlgap.errors import DataError
from xlgap.tasks.base import Classify, Row, Task


def shots(rows: Sequence[Row], count: int, *, task: Task, language: str, seed: int) -> list[Row]:
    """``count`` of ``rows``: the first of an order that seed, task and language draw.

    The order is that of the SHA-256 of seed, task, language and a row's id: a larger ``count`` adds to
    the rows of a smaller one, and other rows beside them change nothing about their order. For
    classification labels take turns in it as long as they last, so that ``count`` rows have every
    label equally often, or, fewer than there are labels, ``count`` different ones.

    Args:
        rows: training rows of ``language``.
        count: how many to take.
        task: whose rows they are.
        language: of the rows.
        seed: of the training.

    Raises:
        DataError: there are fewer rows.
    """
    require_rows(len(rows), count, task=task.name, language=language)
    ordered = sorted(rows, key=lambda row: _draw(f"{seed}/{task.name}/{language}/{row['id']}"))
    if isinstance(task.kind, Classify):
        ordered = _by_turns(ordered)
    return ordered[:count]


def require_rows(rows: int, count: int, *, task: str, language: str) -> None:
    """Stop where a task has fewer ``rows`` in a language than the ``count`` that an arm is shown.

    Raises:
        DataError: it has.
    """
    if rows < count:
        raise DataError(
            f"task '{task}' has {rows} training rows in '{language}', but an arm asks for "
            f"{count} shots; lower 'shots', or raise 'train_rows' where they are cut by it."
        )


def _draw(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _by_turns(rows: Sequence[Row]) -> list[Row]:
    """All first rows of their label, then all second ones, and so on; otherwise in their order."""
    seen: Counter[str] = Counter()
    turns = []
    for row in rows:
        seen[row["label"]] += 1
        turns.append(seen[row["label"]])
    return [row for _, row in sorted(zip(turns, rows, strict=True), key=lambda pair: pair[0])]
