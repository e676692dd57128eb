"""Anyone's scores as a study: a table in, the :class:`~xlgap.analysis.study.Study` that it is out.

The columns are described in ``docs/rows.md``. A row is one score; rows that have the same regime,
intermediate tasks, training language and budget are of one arm.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from xlgap.analysis.assemble import parallel_tasks
from xlgap.analysis.bootstrap import TaskItems
from xlgap.analysis.chance import BASELINES
from xlgap.analysis.gap import primary_metric
from xlgap.analysis.own.arms import ArmOf, arm_of, one_spec_a_name
from xlgap.analysis.own.item_notes import item_notes
from xlgap.analysis.own.units import check_units
from xlgap.analysis.own.values import (
    Row,
    at_line,
    choice,
    integer,
    language,
    number,
    positive,
    required,
    share,
    task_called,
    text,
)
from xlgap.analysis.rows import UNKNOWN_FAMILY
from xlgap.analysis.study import Study, TaskInfo
from xlgap.errors import DataError, UnknownNameError, suggestion
from xlgap.languages import CODES
from xlgap.records import Score
from xlgap.tasks import get_task, task_names

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

REQUIRED = ("model", "params_total", "regime", "task", "language", "metric", "value")
OPTIONAL = (
    "family", "params_nonembedding", "seed", "arm", "intermediate", "train_language", "budget", "shots",
    "chance", "stderr", "n_items", "parallel",
)  # fmt: skip
CELL = ("model", "regime", "task", "language")
"""Columns that both files have: what an item is of."""
OF_ARM = ("seed", "arm", "intermediate", "train_language", "budget", "shots")
ITEM_REQUIRED = (*CELL, "item", "correct")
ITEM_OPTIONAL = (*OF_ARM, "metric", "group")
TOLERANCE = 0.06
"""Points by which a score may differ from the mean of its items: it may be rounded to one decimal."""


def own_study(
    rows: Sequence[Row],
    items: Sequence[Row] = (),
    *,
    name: str,
    columns: Sequence[str],
    item_columns: Sequence[str] = (),
    items_called: str = "the items",
) -> Study:
    """The study that a table of scores is.

    Args:
        rows: of the table, cells as text, absent ones empty; line 2 is the first of them. A row without
            any text counts as a line and as nothing else.
        items: of the table of item-level outcomes, if there is one.
        name: of the study.
        columns: of the table of scores.
        item_columns: of the table of items.
        items_called: where an error is in one of their lines.

    Raises:
        DataError, UnknownNameError: a column or a value that it cannot be; it names the line.
    """
    check_columns("the rows", columns, REQUIRED, OPTIONAL)
    numbered = _lines(rows)
    if not numbered:
        raise DataError("the rows: the table has no row; give one score a row (docs/rows.md).")
    arms = [(line, arm_of(row, line)) for line, row in numbered]
    scores = tuple(
        score_of(row, line, arm) for (line, row), (_, arm) in zip(numbered, arms, strict=True)
    )
    _check_scores([(line, score) for (line, _), score in zip(numbered, scores, strict=True)])
    tasks, specs = _tasks(numbered, scores), one_spec_a_name(arms)
    outcomes: dict[str, TaskItems] = {}
    if item_columns:
        check_columns("the items", item_columns, ITEM_REQUIRED, ITEM_OPTIONAL)
        outcomes = _items(items, items_called, scores, tasks)
    primary = {task: info.metric for task, info in tasks.items()}
    return Study(
        language_notes=language_notes(scores),
        notes=(
            *check_units(scores),
            *(item_notes(scores, outcomes, primary) if item_columns else ()),
        ),
        name=name,
        source="rows",
        arms=specs,
        tasks=tasks,
        scores=scores,
        items=outcomes,
        translated=parallel_tasks(task for arm in specs.values() for task in arm.intermediate),
    )


def _lines(rows: Sequence[Row]) -> list[tuple[int, Row]]:
    """The rows with the numbers of their lines; empty ones, as spreadsheets write them, are none."""
    return [(line, row) for line, row in enumerate(rows, 2) if any(map(str.strip, row.values()))]


def check_columns(
    what: str, columns: Sequence[str], needed: Sequence[str], optional: Sequence[str]
) -> None:
    """Refuse a table that lacks a column, has one twice, or has one that nothing is known of."""
    missing = [c for c in needed if c not in columns]
    odd = [c for c in columns if c not in (*needed, *optional)]
    for column in odd:
        near = suggestion(column, [c for c in (*needed, *optional) if c not in columns])
        if near.startswith("did you mean"):
            raise UnknownNameError(f"{what}: unknown column {column!r}; {near}")
    if missing:
        raise DataError(
            f"{what}: {_columns(missing, needed)} missing; needed are {', '.join(needed)} "
            "(docs/rows.md)."
        )
    if odd:
        raise UnknownNameError(
            f"{what}: unknown column {odd[0]!r}; leave it out, or see docs/rows.md for what may stand "
            f"beside the needed ones: {', '.join(optional)}."
        )
    if len(set(columns)) < len(columns):
        twice = next(c for c in columns if list(columns).count(c) > 1)
        raise DataError(f"{what}: column {twice!r} stands there twice; keep one of them.")


def _columns(missing: Sequence[str], needed: Sequence[str]) -> str:
    """Those that are ``missing``, where some of the ``needed`` ones are there."""
    if len(missing) == len(needed):
        return "all needed columns are"
    return f"column{'s' if len(missing) > 1 else ''} {', '.join(missing)}"


def score_of(row: Row, line: int, arm: ArmOf) -> Score:
    """The score of one row."""
    model = required(row, "model", line)
    total = positive(row, "params_total", line)
    if total is None:
        raise DataError(f"{at_line('params_total', line)}: empty; give the number of parameters.")
    inner = positive(row, "params_nonembedding", line)
    if inner is not None and inner > total:
        raise DataError(
            f"{at_line('params_nonembedding', line)}: {inner} is more than params_total, {total}; "
            "non-embedding parameters are a part of all."
        )
    return Score(
        source="measured",
        model=model,
        family=text(row, "family") or UNKNOWN_FAMILY,
        params_total=total,
        params_nonembedding=inner,
        arm=arm.name,
        regime=arm.spec.regime,
        train_language=arm.spec.language or "en",
        task=task_called(required(row, "task", line), "task", line),
        language=tested_in(row, line),
        seed=integer(row, "seed", line) or 0,
        metric=required(row, "metric", line),
        value=share(row, "value", line),
        chance=None if not text(row, "chance") else share(row, "chance", line),
        stderr=number(row, "stderr", line, least=0.0),
        n_items=positive(row, "n_items", line),
    )


def tested_in(row: Row, line: int) -> str:
    """The language that a row is a score, or an outcome, in."""
    required(row, "language", line)
    return language(row, "language", line)


def language_notes(scores: Iterable[Score]) -> tuple[str, ...]:
    """What cannot be said of languages: those without distances, tasks without an English score."""
    scores = tuple(scores)
    distant = sorted({s.language for s in scores} - {*CODES})
    notes = []
    if distant:
        notes.append(
            f"No distance from English is known of {', '.join(distant)}: left out of the slopes over "
            "distance."
        )
    baselines = [s for s in scores if s.regime in BASELINES]
    lacking = {s.task for s in baselines} - {s.task for s in baselines if s.language == "en"}
    if lacking:
        notes.append(
            f"No English score without intermediate training on {', '.join(sorted(lacking))}: slopes "
            "over distance are those of minus the score, there is no transfer gap, and whether models "
            "are above chance in English cannot be checked."
        )
    return tuple(notes)


def _check_scores(scores: Sequence[tuple[int, Score]]) -> None:
    """What no row shows alone: shares for per cents, rows twice, a model of two sizes."""
    if 0 < max(s.value for _, s in scores) <= 1 and len(scores) > 1:
        raise DataError(
            "column 'value': no score is above 1, but scores are from 0 to 100; multiply them by 100."
        )
    seen: dict[tuple[object, ...], int] = {}
    models: dict[str, tuple[object, ...]] = {}
    for line, s in scores:
        key = (s.model, s.arm, s.task, s.language, s.seed, s.metric)
        if key in seen:
            raise DataError(
                f"lines {seen[key]} and {line}: both are {s.model}, {s.arm}, {s.task}, {s.language}, "
                f"seed {s.seed}, {s.metric}; keep one, or give each run a seed of its own."
            )
        seen[key] = line
        size = (s.params_total, s.params_nonembedding, s.family)
        if models.setdefault(s.model, size) != size:
            raise DataError(
                f"line {line}: model {s.model!r} has another size or family there than before; give "
                "each model one name."
            )


def _tasks(rows: Sequence[tuple[int, Row]], scores: Sequence[Score]) -> dict[str, TaskInfo]:
    """Primary metric of each task, and whether its test sets are translations of each other."""
    metrics: dict[str, set[str]] = defaultdict(set)
    parallel: dict[str, bool] = {}
    for (line, row), score in zip(rows, scores, strict=True):
        metrics[score.task].add(score.metric)
        said = choice(row, "parallel", line, {"true": True, "false": False})
        if said is None:
            said = score.task in task_names() and get_task(score.task).parallel
        if parallel.setdefault(score.task, said) != said:
            raise DataError(
                f"{at_line('parallel', line)}: task {score.task!r} is said to be parallel in one line "
                "and not in another; say the same in all of its lines."
            )
    return {
        task: TaskInfo(metric=primary_metric(metrics[task]), parallel=parallel[task])
        for task in sorted(metrics)
    }


def _items(
    rows: Sequence[Row], called: str, scores: Sequence[Score], tasks: Mapping[str, TaskInfo]
) -> dict[str, TaskItems]:
    """Item-level outcomes by task, each cell's mean compared with its score."""
    import pandas as pd

    numbered = _lines(rows)
    if not numbered:
        raise DataError(
            f"{called}: the table has no row; give one outcome a row (docs/rows.md), or leave --items "
            "out."
        )
    by_task: dict[str, list[dict[str, object]]] = defaultdict(list)
    for line, row in numbered:
        try:
            outcome = _item(row, line, tasks)
        except (DataError, UnknownNameError) as error:
            raise type(error)(f"{called}: {error}") from error
        by_task[required(row, "task", line)].append(outcome)
    frames = {task: pd.DataFrame(of_task) for task, of_task in by_task.items()}
    for task, frame in frames.items():
        _check_items(task, frame, scores)
        _check_groups(task, frame, parallel=tasks[task].parallel)
    return {
        task: TaskItems(
            frame=frame, metric=tasks[task].metric, value=mean_of_items, parallel=tasks[task].parallel
        )
        for task, frame in sorted(frames.items())
        if (frame["metric"] == tasks[task].metric).any()
    }


def _item(row: Row, line: int, tasks: Mapping[str, TaskInfo]) -> dict[str, object]:
    """One line of the items."""
    arm = arm_of(row, line)
    task = required(row, "task", line)
    if task not in tasks:
        near = suggestion(task, tasks)
        raise UnknownNameError(f"{at_line('task', line)}: no row of scores has task {task!r}; {near}")
    item = required(row, "item", line)
    return {
        "model": required(row, "model", line),
        "arm": arm.name,
        "language": tested_in(row, line),
        "seed": integer(row, "seed", line) or 0,
        "metric": text(row, "metric") or tasks[task].metric,
        "item": item,
        "group": text(row, "group") or item,
        "s0": _outcome(row, line),
        "s1": 1.0,
    }


def _outcome(row: Row, line: int) -> float:
    found = number(row, "correct", line, least=0.0, most=1.0)
    if found is None:
        raise DataError(f"{at_line('correct', line)}: empty; give 1 for right, 0 for wrong.")
    return found


def mean_of_items(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """100 x mean outcome, from sums [..., 2] of outcomes and items."""
    value: NDArray[np.float64] = 100 * sums[..., 0] / sums[..., 1]
    return value


KEY = ["model", "arm", "language", "seed", "metric"]


def _check_items(task: str, frame: pd.DataFrame, scores: Sequence[Score]) -> None:
    """Refuse items that stand there twice, or whose mean is not the score that is given."""
    said = {(s.model, s.arm, s.language, s.seed, s.metric): s.value for s in scores if s.task == task}
    twice = frame.duplicated([*KEY, "item"])
    if twice.any():
        line = frame[twice].iloc[0]
        raise DataError(
            f"the items: item {line['item']!r} of {task} in {line['language']} stands twice under "
            f"{line['model']}, {line['arm']}, seed {line['seed']}; give each item an id of its own."
        )
    for key, mean in frame.groupby(KEY, sort=True)["s0"].mean().items():
        cell = ", ".join(map(str, key)) if isinstance(key, tuple) else str(key)
        if key not in said:
            raise DataError(
                f"the items: there is no score of {task} for {cell}; give the score in the rows, too."
            )
        if abs(100 * float(mean) - said[key]) > TOLERANCE:
            raise DataError(
                f"the items: those of {task}, {cell} have a mean of {100 * float(mean):.2f}, but its "
                f"score is {said[key]:.2f}; give all items of a score that is their mean, or none."
            )


def _check_groups(task: str, frame: pd.DataFrame, *, parallel: bool) -> None:
    """Refuse an item of two groups: of a task whose languages are ``parallel``, in any two lines."""
    item = ["item"] if parallel else ["language", "item"]
    first = frame.groupby(item, sort=False)["group"].transform("first")
    odd = frame[frame["group"] != first]
    if odd.empty:
        return
    second = odd.iloc[0]
    before = frame[(frame[item] == second[item]).all(axis=1)].iloc[0]
    where = [
        f"{line['group']!r} under {line['model']}, {line['arm']}, {line['language']}, seed "
        f"{line['seed']}"
        for line in (before, second)
    ]
    of_languages = " and in all its languages, which are parallel" if parallel else ""
    raise DataError(
        f"the items: item {second['item']!r} of {task} has the group {' and '.join(where)}; give it "
        f"the same one under all models, arms and seeds{of_languages}."
    )
