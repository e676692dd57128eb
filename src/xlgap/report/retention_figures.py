"""The heat map of question 4: what each model keeps of each earlier task."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence

from xlgap.analysis.retention.rows import MLM, RetentionRow
from xlgap.analysis.rows import AVERAGE
from xlgap.report.canvas import Drawing
from xlgap.report.comparison import Field, heat_map

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", AVERAGE: "other languages"}
HEADS = {"kept": "", "probe": " (probe)"}
NAME = "retention_matrix.svg"
CAPTION = (
    "Score on the earlier task after all phases minus the score just after its own, mean over arms and "
    "target tasks; models from small to large. Hatched: below 0, forgetting."
)
STARS = (
    " *: beyond two standard errors; runs share items and weights, so that their errors add as if they "
    "were wholly dependent, which is never too small; not corrected for the number of fields."
)
AT_CHANCE = (
    " Grey, in brackets and without a test: at chance just after its own phase, in English where that "
    "was scored: there is nothing to forget, and a change says nothing. Where other runs of a line are "
    "above chance, the mean is over those alone."
)
PROBES = " A probe is fitted to the frozen encoder both times."


def retention_figure(rows: Sequence[RetentionRow]) -> list[Drawing]:
    """A row an earlier task, group of languages and head; a column a model. Nothing without rows."""
    groups: dict[tuple[str, str], list[RetentionRow]] = defaultdict(list)
    shown = sorted(filter(_is_shown, rows), key=_order)
    for row in shown:
        groups[_label(row), row.model].append(row)
    dead = frozenset(_run(row) for row in shown if row.not_learned)
    for label in {label for label, _ in groups}:
        _leave_out_dead(groups, label, dead)
    fields = [_field(label, model, members, dead) for (label, model), members in groups.items()]
    if not fields:
        return []
    title = "Change of the score on earlier tasks after later training, measured"
    picture = heat_map(fields, title=title, unit="points")
    caption = CAPTION
    if any(field.starred for field in fields):
        caption += STARS
    if any(field.empty for field in fields):
        caption += AT_CHANCE
    if any(row.head == "probe" for row in shown):
        caption += PROBES
    return [Drawing(NAME, picture, title, caption, (4, "measured"), on_page=True)]


Run = tuple[str, str, str, str, str]
"""Model, arm, target, earlier task and head."""


def _run(row: RetentionRow) -> Run:
    return row.model, row.arm, row.target, row.task, row.head


def _leave_out_dead(
    groups: dict[tuple[str, str], list[RetentionRow]], label: str, dead: frozenset[Run]
) -> None:
    """Take out of a line the arms and targets that every model is at chance in, if others are left."""
    members = [row for (of, _), some in groups.items() if of == label for row in some]
    alive = {(row.arm, row.target) for row in members if _run(row) not in dead}
    for key, some in groups.items():
        kept = [row for row in some if (row.arm, row.target) in alive]
        if key[0] == label and kept:
            groups[key] = kept


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


def _field(label: str, model: str, rows: Sequence[RetentionRow], dead: frozenset[Run]) -> Field:
    """The mean of ``rows``; its standard error is at most the mean of theirs, however they depend."""
    errors = [r.stderr for r in rows if r.stderr is not None]
    return Field(
        row=label,
        column=model,
        value=statistics.fmean(r.change for r in rows if r.change is not None),
        stderr=statistics.fmean(errors) if len(errors) == len(rows) else None,
        empty=all(_run(row) in dead for row in rows),
    )
