"""The score and item tables of a study directory.

``results/scores/<task>.csv`` holds one :class:`~xlgap.records.Score` a line, ``results/items/<task>.
parquet`` the per-item statistics of each metric. Both are read against the grid: a row of a cell that
is no longer in it is not counted, and a cell without rows is an error or, for a partial report, named.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlgap import layout
from xlgap.analysis.retention.tables import Again, load_again
from xlgap.cell import Cell, Grid, grid, require_complete
from xlgap.config import Params
from xlgap.errors import ResultError
from xlgap.formats import read_text, write_text
from xlgap.records import Score

if TYPE_CHECKING:
    import pandas as pd

RARE = ("learned_nothing",)
"""Columns that a file of scores lacks where no score has them."""

FIELDS = tuple(f.name for f in dataclasses.fields(Score) if f.name not in RARE)


@dataclass(frozen=True)
class Results:
    """What a study measured.

    Attributes:
        scores: of the cells of the grid.
        items: per-item statistics by task.
        missing: keys of cells that have no complete scores.
        again: earlier tasks scored again; ``None`` where the study is not asked for it.
    """

    scores: tuple[Score, ...]
    items: Mapping[str, pd.DataFrame]
    missing: tuple[str, ...]
    again: Again | None = None


def load(study_dir: Path, params: Params, *, allow_missing: bool = False) -> Results:
    """Read the scores and items of the grid of ``params``.

    Args:
        study_dir: directory of the study.
        params: its parameters.
        allow_missing: for a partial report: cells without scores are named, not refused.

    Raises:
        ResultError: a cell of the grid has no complete scores (unless ``allow_missing``), or a table
            is not in its format.
    """
    cells = grid(params)
    scores: list[Score] = []
    items: dict[str, pd.DataFrame] = {}
    missing: list[str] = []
    for task in params.tasks:
        path = study_dir / layout.scores(task)
        found = read_scores(path) if path.is_file() else []
        complete = [c for c in cells.of_task(task) if _complete(c, found, params)]
        missing += [c.key for c in cells.of_task(task) if c not in complete]
        names = {(c.model, c.arm.name) for c in complete}
        scores += [s for s in found if (s.model, s.arm) in names and s.seed in params.study.seeds]
        if names:
            items[task] = _read_items(study_dir / layout.items(task), names)
    if not allow_missing:
        require_complete(missing)
    again = load_again(study_dir, params, allow_missing=allow_missing)
    missing += again.missing if again else ()
    kept = tuple(s for s in scores if not math.isnan(s.value))
    return Results(kept, items, tuple(missing), again)


def _complete(cell: Cell, scores: Sequence[Score], params: Params) -> bool:
    """Whether a cell has its primary metric in every language and seed."""
    metric = cell.task.metrics[0]
    have = {
        (s.language, s.seed)
        for s in scores
        if (s.model, s.arm, s.metric) == (cell.model, cell.arm.name, metric)
    }
    want = {(c, seed) for c in cell.eval_languages(params) for seed in params.study.seeds}
    return want <= have


def _read_items(path: Path, names: set[tuple[str, str]]) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file():
        raise ResultError(f"{path}: no such file, though its task has scores; score the task again.")
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # what pyarrow raises, by where the file is cut
        raise ResultError(
            f"{path}: damaged or truncated, no Parquet table can be read; score the task again."
        ) from error
    needed = {"model", "arm", "language", "seed", "metric", "item", "group", "s0"}
    if not needed <= set(frame.columns):
        raise ResultError(
            f"{path}: columns {sorted(needed - set(frame.columns))} are missing; score the task again."
        )
    kept = [pair in names for pair in zip(frame["model"], frame["arm"], strict=True)]
    return frame[kept]


def read_scores(path: Path) -> list[Score]:
    """The scores in a CSV file.

    Raises:
        ResultError: other columns than those of a score, or a value that is not of its column's type.
    """
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    columns = tuple(reader.fieldnames or ())
    if set(columns) - set(RARE) != set(FIELDS):
        odd = sorted(set(columns) - set(RARE) ^ set(FIELDS))
        raise ResultError(
            f"{path}: columns must be {', '.join(FIELDS)}; these are missing or too many: "
            f"{', '.join(odd)}; score the task again."
        )
    return [_parse(row, path, number) for number, row in enumerate(reader, 2)]


def write_scores(path: Path, scores: Iterable[Score]) -> None:
    """Write scores as CSV, atomically; an absent value is an empty field."""
    rows = [dataclasses.asdict(s) for s in scores]
    rare = [name for name in RARE if any(row[name] for row in rows)]
    write_rows(path, rows, (*FIELDS, *rare))


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write mappings as CSV, atomically; ``None`` is an empty field."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({c: "" if row[c] is None else row[c] for c in columns})
    write_text(path, text.getvalue())


def flat(row: Any) -> dict[str, Any]:
    """A dataclass as one row of CSV: names joined by spaces, parts of a point or pair by colons."""

    def text(value: Any) -> Any:
        if not isinstance(value, tuple):
            return value
        return " ".join(":".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in value)

    return {f.name: text(getattr(row, f.name)) for f in dataclasses.fields(row)}


def _parse(row: Mapping[str, str], path: Path, line: int) -> Score:
    values: dict[str, Any] = {}
    for name, (kind, optional) in _types().items():
        text = row.get(name, "")
        if text == "" and optional:
            values[name] = None
            continue
        try:
            values[name] = kind(text)
        except (TypeError, ValueError) as error:
            raise ResultError(
                f"{path}, line {line}: column '{name}' must be {kind.__name__}, got {text!r}; "
                "score the task again."
            ) from error
    return Score(**values)


def _types() -> dict[str, tuple[type, bool]]:
    """For each field of a score its plain type and whether it may be empty."""
    hints = typing.get_type_hints(Score)
    found: dict[str, tuple[type, bool]] = {}
    for name in (*FIELDS, *RARE):
        hint = hints[name]
        optional = isinstance(hint, types.UnionType)
        plain = next(a for a in typing.get_args(hint) if a is not type(None)) if optional else hint
        found[name] = (plain if isinstance(plain, type) else str, optional)
    return found


def left_out(cells: Grid) -> tuple[tuple[str, str, str], ...]:
    """(arm, task, reason) of the pairs that the grid does not define."""
    return tuple((o.arm, o.task, o.reason) for o in cells.left_out)
