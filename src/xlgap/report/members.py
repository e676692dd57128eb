"""The rows by language that a measured mean over tasks is made of: what a figure beside it may show.

An answer's mean leaves out tasks at chance, transfer gaps of test sets that are not parallel, cells
that not all models have, and English; so do the figures that stand beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xlgap.analysis.chance import hopeless
from xlgap.analysis.counted import counted
from xlgap.analysis.gap import primary_metric
from xlgap.analysis.pairing import languages_of_mean
from xlgap.analysis.result import Analysis
from xlgap.analysis.rows import AVERAGE, Estimate, GapRow

FEW_TASKS = 3
"""Tasks that a title names."""


@dataclass(frozen=True, kw_only=True)
class Members:
    """What one mean over tasks is made of.

    Attributes:
        tasks: that it is over, sorted.
        rows: one a model, task, language and unit, in the languages that all of these tasks have.
        lacking: languages of some of the tasks alone; they have no rows here.
        left_out: tasks with such a gap that the mean is not over.
    """

    tasks: tuple[str, ...]
    rows: tuple[GapRow, ...]
    lacking: tuple[str, ...]
    left_out: tuple[str, ...]


def primary_rows(gaps: Iterable[GapRow], analysis: Analysis) -> list[GapRow]:
    """Raw gaps over seeds in each task's primary metric, without untrained twins."""
    metrics: dict[str, set[str]] = defaultdict(set)
    kept = [
        r
        for r in gaps
        if r.scale == "raw" and r.seed is None and r.params_total and r.model not in analysis.controls
    ]
    for row in kept:
        metrics[row.task].add(row.metric)
    primary = {task: primary_metric(have) for task, have in metrics.items()}
    for score in reversed(analysis.english):  # a task's primary metric comes first
        primary[score.task] = score.metric
    return [r for r in kept if r.metric == primary[r.task]]


def members(
    rows: Sequence[GapRow], estimates: Iterable[Estimate], *, gap: str, of: str = ""
) -> Members | None:
    """The rows of ``gap`` behind a mean over tasks; ``None`` where there is no such mean.

    Args:
        rows: from :func:`primary_rows`.
        estimates: of the study.
        gap: of the rows.
        of: gap of the mean, where it is another one; a slope over distance is one of transfer gaps.
    """
    means = {e.model: e for e in estimates if (e.gap, e.task, e.scale) == (of or gap, "mean", "raw")}
    if not means:
        return None
    tasks = next(iter(means.values())).tasks
    mine = [r for r in rows if r.gap == gap and r.model in means]
    units: dict[str, set[tuple[str, ...]]] = {model: set() for model in means}
    for r in mine:
        if r.language == AVERAGE and r.task in tasks and _within(r, means[r.model]):
            units[r.model].add((r.task, r.arm_a, r.arm_b, r.note))
    shared = set.intersection(*units.values())
    found = [r for r in mine if any(_is_of(r, unit) for unit in shared)]
    have: dict[str, set[str]] = defaultdict(set)
    for r in found:
        have[r.language].add(r.task)
    whole = {code for code, some in have.items() if some == set(tasks)}
    return Members(
        tasks=tasks,
        rows=tuple(r for r in found if r.language in whole),
        lacking=tuple(sorted(set(have) - whole)),
        left_out=tuple(sorted({r.task for r in mine} - set(tasks))),
    )


def _within(row: GapRow, mean: Estimate) -> bool:
    """Whether a mean over languages is of the arms that the mean over tasks is of."""
    return _names(row.arm_a) <= _names(mean.arm_a) and _names(row.arm_b) <= _names(mean.arm_b)


def _is_of(row: GapRow, unit: tuple[str, ...]) -> bool:
    """Whether a row of one language is in the mean over languages of ``unit``."""
    task, arm_a, arm_b, note = unit
    return (
        row.task == task
        and row.language in languages_of_mean(note)
        and _names(row.arm_a) <= _names(arm_a)
        and _names(row.arm_b) <= _names(arm_b)
    )


def _names(joined: str) -> set[str]:
    return set(joined.split("+"))


def at_chance(analysis: Analysis) -> frozenset[str]:
    """Tasks that every model is at chance on in English, each by its primary metric."""
    first = {
        (e.model, e.task): e for e in reversed(analysis.english) if e.model not in analysis.controls
    }
    return hopeless(first.values())


def over(tasks: Sequence[str]) -> str:
    """What a mean is over, for a title."""
    if len(tasks) == 1:
        return tasks[0]
    said = ", ".join(tasks) if len(tasks) <= FEW_TASKS else counted(len(tasks), "task")
    return f"mean over {said}"


def members_words(shown: Members, dead: frozenset[str]) -> str:
    """What a figure of ``shown`` is over and what it leaves out, as the answer does, in sentences."""
    said = f"Over the tasks of the answer: {', '.join(shown.tasks)}"
    if shown.left_out:
        why = (f"{task} (at chance)" if task in dead else task for task in shown.left_out)
        said += f"; left out of both: {', '.join(why)}"
    if shown.lacking:
        said += f". Languages that not all of these tasks have are not here: {', '.join(shown.lacking)}"
    return f"{said}."
