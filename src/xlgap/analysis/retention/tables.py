"""The files of question 4: ``results/retention/TASK/MODEL-ARM/scores.csv`` and ``items.parquet``."""

from __future__ import annotations

import csv
import io
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlgap import layout
from xlgap.analysis.counted import counted
from xlgap.analysis.retention.rows import RetentionScore
from xlgap.cell import grid
from xlgap.config import Params
from xlgap.errors import ResultError
from xlgap.formats import read_text
from xlgap.retained import retained_cells

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Again:
    """What was scored again.

    Attributes:
        scores: of all cells that were asked.
        items: their statistics, a row an item, with the cell's model, arm and target.
        missing: stages without results.
    """

    scores: tuple[RetentionScore, ...]
    items: pd.DataFrame
    missing: tuple[str, ...]


def load_again(study_dir: Path, params: Params, *, allow_missing: bool = False) -> Again | None:
    """Read what the study's cells were asked again; ``None`` where none is.

    Raises:
        ResultError: a file is missing (unless ``allow_missing``) or not in its format.
    """
    import pandas as pd

    asked = retained_cells(params, grid(params))
    if not asked:
        return None
    scores: list[RetentionScore] = []
    frames: list[pd.DataFrame] = []
    missing: list[str] = []
    for cell in (found.cell for found in asked):
        folder = study_dir / layout.retention(cell.task.name, cell.model, cell.arm.name)
        if not (folder / "scores.csv").is_file():
            missing.append(f"retention@{cell.key}")
            continue
        scores += read_retention(folder / "scores.csv")
        named = {"model": cell.model, "arm": cell.arm.name, "target": cell.task.name}
        frames.append(_read_items(folder / "items.parquet").assign(**named))
    if missing and not allow_missing:
        raise ResultError(
            f"{counted(len(missing), 'cell')} with earlier tasks that were not scored again: "
            f"{', '.join(missing[:5])}; run 'dvc repro' (or the flow) to compute them."
        )
    items = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    return _with_values(Again(tuple(scores), items, tuple(missing)))


def _with_values(again: Again) -> Again:
    """Without the languages of an earlier task in which its metric has no value at some point."""
    empty = {(s.task, s.language) for s in again.scores if math.isnan(s.value)}
    if not empty:
        return again
    pairs = zip(again.items["task"], again.items["language"], strict=True)
    scores = tuple(s for s in again.scores if (s.task, s.language) not in empty)
    items = again.items[[pair not in empty for pair in pairs]]
    return replace(again, scores=scores, items=items)


def _read_items(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ResultError(
            f"{path}: missing or damaged, no Parquet table can be read; remove its folder and run the "
            "study again."
        ) from error


def read_retention(path: Path) -> list[RetentionScore]:
    """The scores in a CSV file.

    Raises:
        ResultError: other columns than those of a score, or a value that is not of its column's type.
    """
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    kinds = typing.get_type_hints(RetentionScore)
    if set(reader.fieldnames or ()) != set(kinds):
        odd = sorted(set(reader.fieldnames or ()) ^ set(kinds))
        raise ResultError(
            f"{path}: columns must be {', '.join(kinds)}; these are missing or too many: "
            f"{', '.join(odd)}; remove its folder and run the study again."
        )
    return [_parsed(row, kinds, path, number) for number, row in enumerate(reader, 2)]


def _parsed(row: Mapping[str, str], kinds: Mapping[str, Any], path: Path, line: int) -> RetentionScore:
    values: dict[str, Any] = {}
    for name, kind in kinds.items():
        try:
            values[name] = _value(row[name], kind)
        except (KeyError, TypeError, ValueError) as error:
            raise ResultError(
                f"{path}, line {line}: column '{name}' cannot be {row[name]!r}; remove its folder and "
                "run the study again."
            ) from error
    return RetentionScore(**values)


def _value(text: str, kind: Any) -> Any:
    if isinstance(kind, types.UnionType):
        if text == "":
            return None
        kind = next(a for a in typing.get_args(kind) if a is not type(None))
    if kind is bool:
        return {"True": True, "False": False}[text]
    return kind(text) if isinstance(kind, type) else text
