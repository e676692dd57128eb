"""The heat map of question 4: what each model keeps of each earlier task."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence

from xlgap.analysis.retention.rows import MLM, RetentionRow
from xlgap.analysis.rows import AVERAGE
from xlgap.report.canvas import Drawing
from xlgap.report.comparison import Field, heat_map

LANGUAGES = {"en": "English", AVERAGE: "other languages"}
HEADS = {"kept": "", "probe": " (probe)"}
NAME = "retention_matrix.svg"
CAPTION = (
    "Score on the earlier task after all phases minus the score just after its own, mean over arms and "
    "target tasks; models from small to large. Hatched: below 0, forgetting. *: beyond two standard "
    "errors. A probe is fitted to the frozen encoder both times."
)


def retention_figure(rows: Sequence[RetentionRow]) -> list[Drawing]:
    """A row an earlier task, group of languages and head; a column a model. Nothing without rows."""
    groups: dict[tuple[str, str], list[RetentionRow]] = defaultdict(list)
    for row in sorted(filter(_is_shown, rows), key=_order):
        groups[_label(row), row.model].append(row)
    fields = [_field(label, model, members) for (label, model), members in groups.items()]
    if not fields:
        return []
    title = "Change of the score on earlier tasks after later training, measured"
    picture = heat_map(fields, title=title, unit="points")
    return [Drawing(NAME, picture, title, CAPTION, (4, "measured"))]


def _is_shown(row: RetentionRow) -> bool:
    """The end of a run, in points: of a loss the unit is another."""
    shown = row.language in LANGUAGES and row.head in HEADS and row.task != MLM
    return shown and row.final and row.change is not None


def _label(row: RetentionRow) -> str:
    return f"{row.task}, {LANGUAGES[row.language]}{HEADS[row.head]}"


def _order(row: RetentionRow) -> tuple[int, str, int, int, str]:
    """Kept heads before probes, English before the others, small models before large ones."""
    head, language = list(HEADS).index(row.head), list(LANGUAGES).index(row.language)
    return (head, row.task, language, row.params_total or 0, row.model)


def _field(label: str, model: str, rows: Sequence[RetentionRow]) -> Field:
    """The mean of ``rows``; its standard error as of independent runs, ``None`` where one lacks it."""
    errors = [r.stderr for r in rows if r.stderr is not None]
    return Field(
        row=label,
        column=model,
        value=statistics.fmean(r.change for r in rows if r.change is not None),
        stderr=math.hypot(*errors) / len(rows) if len(errors) == len(rows) else None,
    )
