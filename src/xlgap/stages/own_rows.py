"""``xlgap analyse --rows FILE``: the analysis and the report of anyone's scores, without a study."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from xlgap.analysis import result, words
from xlgap.analysis.counted import counted
from xlgap.analysis.own.study import own_study
from xlgap.analysis.own.values import Row, at_line
from xlgap.analysis.sentence import headline
from xlgap.errors import DataError, ResultError
from xlgap.formats import atomic_dir, file_digest, write_json
from xlgap.published import load_scores
from xlgap.report.letters import boxed, boxed_note
from xlgap.report.write import write_report
from xlgap.wording import short

if TYPE_CHECKING:
    import pandas as pd

OUT = Path("own_rows")
MARK = "own_rows.json"
"""Stands in every directory that this command has made, and says from what."""
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""Of tables that are no CSV as it is read here."""
OURS = frozenset({MARK, "index.html", "answers.json", "tables", "figures", "analysis"})


def analyse_rows(rows: Path, *, items: Path | None = None, out: Path | None = None) -> list[str]:
    """Write ``out/answers.json``, ``out/index.html`` and what belongs to them.

    Args:
        rows: a CSV or Parquet table of scores, see ``docs/rows.md``.
        items: a table of the outcomes of their items.
        out: a directory that is new, empty, or of an earlier run of this command, which it replaces as
            a whole.

    Returns:
        What it found, in lines: a sentence a question, and where the report is.

    Raises:
        DataError, UnknownNameError: a file, a column or a value is wrong; nothing is written.
        ResultError: ``out`` holds something else, or cannot be written.
    """
    out = out or OUT
    with _told(out):
        folder = _free(out)
    columns, table = _read(rows)
    item_columns, outcomes = _read(items) if items is not None else ([], [])
    study = own_study(
        table,
        outcomes,
        name=rows.stem,
        columns=columns,
        item_columns=item_columns,
        items_called=str(items),
    )
    with _told(out):
        folder.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryDirectory(dir=folder.parent).cleanup()  # now, not after the analysis
    with _doing(f"{counted(len(study.scores), 'score')}: gaps, intervals and answers"):
        found = result.analyse(study, load_scores())
    names = {name for s in study.scores for name in (s.model, s.family, s.task, s.arm, s.metric)}
    drawing = _doing("figures, tables and the page")
    with _told(out), atomic_dir(folder) as made, drawing, boxed(names) as without_letters:
        result.write_analysis(made / "analysis", found)
        page = write_report(made, found)
        read = {"rows": file_digest(rows, 64), "items": file_digest(items, 64) if items else None}
        write_json(made / MARK, read)
    said = [f"{number}. {headline(found.answers, number, 'measured')}" for number in words.QUESTIONS]
    notes = (*study.notes, *study.language_notes, *boxed_note(without_letters))
    return [*said, *notes, f"report: {folder / page.name}"]


@contextmanager
def _doing(what: str) -> Iterator[None]:
    """Show what takes its time, on a terminal."""
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


@contextmanager
def _told(out: Path) -> Iterator[None]:
    """Have what keeps ``out`` from being written said in one sentence.

    Raises:
        ResultError: the system refuses to make or write it.
    """
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ResultError(
            f"{out}: cannot be written ({why}); name another directory with --out."
        ) from error


def _free(out: Path) -> Path:
    """``out`` as a full path, where it may be written.

    Raises:
        ResultError: it holds, or is, something that this command has not made.
    """
    folder = out.resolve()
    advice = "name another directory with --out."
    if folder.exists() and not folder.is_dir():
        raise ResultError(f"{out}: a file stands there; {advice}")
    if Path.cwd().is_relative_to(folder):
        raise ResultError(f"{out}: is the current directory, or one above it; {advice}")
    held = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    if held and (MARK not in held or not held <= OURS):
        odd = sorted(held - OURS) or sorted(held)
        raise ResultError(
            f"{out}: holds {odd[0]!r}, which 'xlgap analyse --rows' has not made and does not replace; "
            f"{advice}"
        )
    return folder


def _read(path: Path) -> tuple[list[str], list[Row]]:
    """Columns and rows of a table, every cell as text and absent ones empty.

    Raises:
        DataError: no such file, another kind of file, or a damaged one.
    """
    import pandas as pd

    if not path.is_file():
        raise DataError(f"{path}: no such file; give a table of scores as .csv or .parquet.")
    suffix = path.suffix.casefold()
    if suffix not in {".csv", ".parquet"}:
        raise DataError(f"{path}: expected .csv or .parquet, got {suffix or 'no suffix'!r}.")
    try:
        table = _csv_lines(path) if suffix == ".csv" else pd.read_parquet(path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: cannot be read as .csv (no UTF-8 text); save it as UTF-8.") from error
    except (OSError, ValueError, csv.Error) as error:  # what csv, pandas and pyarrow raise
        first = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else "empty"
        raise DataError(f"{path}: cannot be read as {suffix} ({first}); write it again.") from error
    return _of_csv(table, path) if isinstance(table, list) else _of_parquet(table, path)


def _csv_lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as f:
        return list(csv.reader(f, strict=True))


def _of_csv(lines: list[list[str]], path: Path) -> tuple[list[str], list[Row]]:
    """The first line names the columns, every other one has as many fields, or nothing in them."""
    if not lines or not lines[0]:
        raise DataError(f"{path}: no header; the first line names the columns (docs/rows.md).")
    if any("\0" in field for fields in lines for field in fields):
        raise DataError(f"{path}: holds NUL characters, as UTF-16 text does; save it as UTF-8.")
    columns = [name.strip() for name in lines[0]]
    other = [word for mark, word in _SEPARATORS.items() if mark in columns[0]]
    if len(columns) == 1 and other:
        raise DataError(
            f"{path}: fields are separated by {other[0]}: commas are wanted (docs/rows.md)."
        )
    for number, fields in enumerate(lines, 1):
        if any(map(str.strip, fields)) and len(fields) != len(columns):
            raise DataError(
                f"{path}: line {number} has {counted(len(fields), 'field')}, but the first line names "
                f"{counted(len(columns), 'column')}; give each row all of them, empty ones, too."
            )
    return columns, [dict(zip(columns, fields, strict=False)) for fields in lines[1:]]


def _of_parquet(frame: pd.DataFrame, path: Path) -> tuple[list[str], list[Row]]:
    """What names the rows of a frame is a column, too, where it has a name."""
    import pandas as pd

    index = frame.index.to_frame(index=False)
    index = index[[name for name in frame.index.names if name is not None]]
    frame = pd.concat([index, frame.reset_index(drop=True)], axis=1)
    columns = [str(name) for name in frame.columns]
    absent = frame.isna().to_numpy()
    for position, name in enumerate(columns):
        cells = frame.iloc[:, position]
        for line, value in enumerate(cells if cells.dtype == object else (), 2):
            if not pd.api.types.is_scalar(value) or isinstance(value, bytes):
                raise DataError(
                    f"{path}: {at_line(name, line)}: got {short(str(value))}, of the type "
                    f"{type(value).__name__}; a cell holds one text or number."
                )
    return columns, [
        {
            name: "" if gone else str(value)
            for name, value, gone in zip(columns, line, of_line, strict=True)
        }
        for line, of_line in zip(frame.itertuples(index=False, name=None), absent, strict=True)
    ]
