"""What is wrong between the questions of a ranking task and its pool of candidates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from xlgap.tasks.base import Row, Split

COLUMNS: Mapping[str, str] = {
    "pool_twice": "a candidate's id stands once in the pool, whatever the language",
    "outside_pool": "every right candidate of a test row is in the pool",
    "unlike_pool": "the candidate of a test row is, word for word, that of its first right id",
}
"""What the language table counts of ranking tasks, and what is asked for."""


Faults = dict[tuple[str, str, str], list[str]]  # ids by (split, language, column)


def faults(splits: Mapping[Split, Mapping[str, Sequence[Row]]]) -> Faults:
    """Ids that do not meet :data:`COLUMNS`."""
    candidates = splits.get("candidates", {})
    count = Counter(str(row.get("id")) for rows in candidates.values() for row in rows)
    pool = {str(row.get("id")): row for rows in candidates.values() for row in rows}
    found: Faults = {}
    for code, rows in candidates.items():
        names = (str(row.get("id")) for row in rows)
        found["candidates", code, "pool_twice"] = [name for name in names if count[name] > 1]
    for code, rows in splits.get("test", {}).items():
        outside = [row for row in rows if not {*map(str, row.get("targets") or [])} <= pool.keys()]
        unlike = [row for row in rows if not _stands(row, pool)]
        found["test", code, "outside_pool"] = [str(row.get("id")) for row in outside]
        found["test", code, "unlike_pool"] = [str(row.get("id")) for row in unlike]
    return found


def _stands(row: Row, pool: Mapping[str, Row]) -> bool:
    """Whether a row's text is that of its first target; one outside the pool is told of elsewhere."""
    targets = row.get("targets") or [None]
    there = pool.get(str(targets[0]), row)
    return all(row.get(key) == there.get(key) for key in ("candidate", "context"))
