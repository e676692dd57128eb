"""What prepared data say of their test rows: how many of the released ones, and of which files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from xlgap.formats import read_json
from xlgap.records import EditionScore

_SHAPE = {"splits": {str: {str: {"rows": int}}}}


@dataclass(frozen=True, kw_only=True)
class Tested:
    """The test rows of a task in one language.

    Attributes:
        rows, released_rows: how many are scored, and how many the files have.
        stands_in: which files it is that stand in for the official test files; empty where none do.
    """

    rows: int
    released_rows: int
    stands_in: str = ""


OfTests = Mapping[str, Mapping[str, Tested]]
"""By task and language."""


def read_tested(prepared: Path, tasks: Iterable[str]) -> OfTests:
    """What the manifests below a study's ``data/prepared`` say; nothing of a task without one.

    Raises:
        DataError: a manifest is damaged.
    """
    found: dict[str, dict[str, Tested]] = {}
    for task in tasks:
        path = prepared / task / "manifest.json"
        if path.is_file():
            test = read_json(path, _SHAPE)["splits"].get("test", {})
            found[task] = {
                code: Tested(
                    rows=listed["rows"],
                    released_rows=listed["released_rows"],
                    stands_in=listed.get("origin", {}).get("stands_in", ""),
                )
                for code, listed in test.items()
                if "released_rows" in listed
            }
    return found


def marked(row: EditionScore, tests: Mapping[str, Tested]) -> EditionScore:
    """A task's row with what is known of its test rows in the languages present."""
    known = {code: tests[code] for code in row.present if code in tests}
    if not known:
        return row
    return replace(
        row,
        rows=sum(test.rows for test in known.values()),
        released_rows=sum(test.released_rows for test in known.values()),
        capped=tuple(code for code, test in known.items() if test.rows < test.released_rows),
        standing_in=tuple(code for code, test in known.items() if test.stands_in),
        stands_in=" and ".join(dict.fromkeys(t.stands_in for t in known.values() if t.stands_in)),
    )
