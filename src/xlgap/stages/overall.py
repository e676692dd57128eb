"""The overall scores of a study: as rows of the report, as a table, as the last line of a run."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xlgap import listings
from xlgap.analysis.counted import counted
from xlgap.analysis.learned import in_words, learned_nothing
from xlgap.analysis.tables import read_scores
from xlgap.errors import ResultError
from xlgap.evaluation.editions import (
    EDITIONS,
    XTREME_R,
    Edition,
    OfTasks,
    get_edition,
    overall,
    tasks_told,
    told,
)
from xlgap.evaluation.tested import OfTests, read_tested
from xlgap.layout import PREPARED, SCORES
from xlgap.layout import scores as scores_path
from xlgap.records import EditionScore, Score, official_words
from xlgap.report.overall import task_notes
from xlgap.stages.study import Study

ENGLISH = "en"
COLUMNS = ("edition", "model", "arm", "level", "name", "official", "corrected", "spread", "of", "rows")


def edition_scores(
    scores: Sequence[Score], *, edition: str | None = None, tested: OfTests | None = None
) -> tuple[EditionScore, ...]:
    """The scores of each model under each arm that is trained in English, in each edition.

    Args:
        scores: measured, of all metrics.
        edition: one edition alone.
        tested: what is known of the test rows.

    Returns:
        Rows of tasks, groups and editions; none of an edition that the study has no task of.
    """
    editions = EDITIONS.values() if edition is None else (get_edition(edition),)
    tables = _tables(scores)
    return tuple(
        row
        for each in editions
        for (model, arm), seeds in tables.items()
        if any(name in table for table in seeds for name in each.tasks)
        for row in overall(each, seeds, model=model, arm=arm, tested=tested)
    )


def tested_here() -> OfTests:
    """What the prepared data of the current directory say of the test rows of the benchmark's tasks."""
    return tested_in(PREPARED)


def tested_in(data: Path) -> OfTests:
    """The same of a ``data/prepared``; nothing of a directory of release files.

    Raises:
        DataError: a manifest is damaged.
    """
    return read_tested(data, dict.fromkeys(name for each in EDITIONS.values() for name in each.tasks))


def _tables(scores: Sequence[Score]) -> dict[tuple[str, str], list[OfTasks]]:
    """By model and arm the scores of each seed."""
    found: dict[tuple[str, str], dict[int, dict[str, dict[str, dict[str, float]]]]] = {}
    for s in scores:
        if s.train_language == ENGLISH and s.seed is not None:
            seeds = found.setdefault((s.model, s.arm), {})
            table = seeds.setdefault(s.seed, defaultdict(lambda: defaultdict(dict)))
            table[s.task][s.language][s.metric] = s.value
    return {key: list(seeds.values()) for key, seeds in found.items()}


def measured_editions(study: Study, edition: str | None) -> tuple[EditionScore, ...]:
    """What ``xlgap scores`` prints, of the cells that have scores.

    Raises:
        ResultError: none of them is of the edition.
        UnknownNameError: there is no such edition.
    """
    rows = edition_scores(load_measured(study), edition=edition, tested=tested_here())
    if not rows:
        wanted = "the benchmark" if edition is None else get_edition(edition).title
        raise ResultError(
            f"no task of {wanted} has a score of an arm trained in English under {SCORES}; run a study "
            f"that has one of: {', '.join(XTREME_R.tasks)}."
        )
    return rows


def load_measured(study: Study) -> tuple[Score, ...]:
    """The scores of the study in the current directory; of a cell without any there are none."""
    cells = {(cell.task.name, cell.model, cell.arm.name) for cell in study.grid.cells}
    paths = [path for task in study.params.tasks if (path := scores_path(task)).is_file()]
    return tuple(
        s
        for path in paths
        for s in read_scores(path)
        if (s.task, s.model, s.arm) in cells and s.seed in study.params.study.seeds
    )


def print_scores(study: Study, edition: str | None, *, as_json: bool) -> None:
    """``xlgap scores``: the measured overall scores, as a table and in words, or as JSON."""
    rows = measured_editions(study, edition)
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return
    listings.show(as_table(rows), COLUMNS, terminal=sys.stdout.isatty())
    print("\n".join([*overall_lines(rows), *nothing_lines(load_measured(study))]))


def nothing_lines(scores: Sequence[Score]) -> list[str]:
    """The runs whose training has learned nothing of a task; no line where there is none."""
    found = learned_nothing(scores)
    if not found:
        return []
    first = f"training has learned nothing, by its loss, in {counted(len(found), 'run')}:"
    return [first, *(f"  {line}" for line in in_words(found))]


def as_table(rows: Sequence[EditionScore]) -> list[dict[str, Any]]:
    """The rows as a table for people.

    ``of`` says how many languages or tasks are present, ``rows`` how many of the test rows were scored,
    with a star where other files stand in for the official ones.
    """
    return [
        {
            **asdict(row),
            "of": f"{len(row.present)} of {len(row.present) + len(row.missing)}",
            "rows": _rows_told(row),
        }
        for row in rows
        if row.official is not None
    ]


def _rows_told(row: EditionScore) -> str:
    star = "*" if row.standing_in else ""
    if row.level != "task":
        return f"part{star}" if row.capped else star
    if row.rows is None or row.released_rows is None:
        return ""
    count = f"{row.rows:,} of {row.released_rows:,}" if row.capped else f"all {row.rows:,}"
    return count + star


def overall_lines(rows: Sequence[EditionScore]) -> Iterator[str]:
    """For people: of each edition, model and arm a line and its groups; then what its tasks lack."""
    for edition in dict.fromkeys(row.edition for row in rows):
        of_edition = [row for row in rows if row.edition == edition]
        for row in of_edition:
            if row.level == "overall":
                who = " ".join(filter(None, (row.model, row.arm)))
                yield f"{row.name}, {who}: {told(row)}"
                same = [r for r in of_edition if (r.model, r.arm) == (row.model, row.arm)]
                yield f"  by group: {groups_told(same)}"
        yield from (f"  {note}" for note in task_notes(of_edition))


def groups_told(rows: Sequence[EditionScore]) -> str:
    """The groups of one model in words: official (corrected), and the tasks that are missing."""
    parts = []
    for row in rows:
        if row.level == "group":
            missing = f", missing {', '.join(row.missing)}" if row.present and row.missing else ""
            parts.append(f"{row.name} {_numbers(row)}{missing}")
    return "; ".join(parts)


def closing_lines(study: Study) -> Iterator[str]:
    """Each edition's overall score of every model, under the first arm trained in English; by group.

    A study without any task of an edition has no line of it.
    """
    for edition in EDITIONS.values():
        rows = edition_scores(load_measured(study), edition=edition.name, tested=tested_here())
        whole = [row for row in rows if row.level == "overall"]
        if whole:
            most = max(len(row.present) for row in whole)
            arm = next(row.arm for row in whole if len(row.present) == most)
            of_arm = [row for row in rows if row.arm == arm]
            yield _closing(edition, arm, [row for row in of_arm if row.level == "overall"])
            for model in dict.fromkeys(row.model for row in of_arm):
                told_of = groups_told([row for row in of_arm if row.model == model])
                yield f"  {model} by group: {told_of}"


def _closing(edition: Edition, arm: str, rows: Sequence[EditionScore]) -> str:
    """One edition: each model's score, and of which tasks, once where it is the same for all models."""
    same = len({row.missing for row in rows}) == 1
    scores = (", " if same else "; ").join(
        _score_told(row) + ("" if same else f" as the mean of {tasks_told(row)}") for row in rows
    )
    parts = [
        f"{edition.title} under {arm}, {official_words(rows)} (corrected): {scores}",
        *([f"mean of {tasks_told(rows[0])}"] if same else []),
        "languages and rows: xlgap scores",
    ]
    return "; ".join(parts)


def _score_told(row: EditionScore) -> str:
    return f"{row.model} {_numbers(row)}"


def _numbers(row: EditionScore) -> str:
    """Official (corrected), or that there is none."""
    if row.official is None or row.corrected is None:
        return "no score"
    return f"{row.official:.1f} ({row.corrected:.1f})"
