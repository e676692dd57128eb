"""The editions of the benchmark and their overall scores.

Of a task: the mean over languages of its metric, of question answering (mean EM + mean F1) / 2. Of a
group of tasks and of the edition: the unweighted mean over tasks. The official and the corrected number
(:mod:`.ledger`) stand side by side. What is not there is named: a mean is always of those tasks and
languages that are there, and its row says which are not.

Source of groups and languages: Hu et al. 2020 (arXiv 2003.11080) and Ruder et al. 2021 (arXiv
2104.07412).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from xlgap.errors import unknown
from xlgap.evaluation import ledger
from xlgap.evaluation.tested import OfTests, marked
from xlgap.records import EditionScore, official_words
from xlgap.tasks import get_task, task_names
from xlgap.tasks.base import Task

OfTasks = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Scores of one model, arm and seed: by task, language and metric, 0-100."""
Shared = frozenset[tuple[str, str, str]]
"""(task, language, metric) that every seed has."""


@dataclass(frozen=True, kw_only=True)
class Edition:
    """One edition of the benchmark.

    Attributes:
        name: as in ``--edition``.
        title: as the paper writes it.
        groups: its tasks by group.
        without: languages that it does not have, by task; later editions added them.
    """

    name: str
    title: str
    groups: Mapping[str, tuple[str, ...]]
    without: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of all its tasks."""
        return tuple(name for group in self.groups.values() for name in group)

    def languages(self, task: Task) -> tuple[str, ...]:
        """The languages that a task is scored in."""
        return tuple(c for c in task.eval_languages if c not in self.without.get(task.name, ()))


XTREME_R = Edition(
    name="xtreme-r",
    title="XTREME-R",
    groups={
        "classification": ("xnli", "xcopa"),
        "structured": ("udpos", "wikiann"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("tatoeba", "lareqa", "mewslix"),
    },
)
XTREME = Edition(
    name="xtreme",
    title="XTREME",
    groups={
        "classification": ("xnli", "pawsx"),
        "structured": ("udpos", "wikiann"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("tatoeba", "bucc2018"),
    },
    without={
        "udpos": ("lt", "pl", "ro", "uk", "wo"),
        "wikiann": ("az", "gu", "lt", "pa", "pl", "qu", "ro", "uk"),
        "xquad": ("ro",),
        "tatoeba": ("az", "lt", "pl", "ro", "uk"),
    },
)
EDITIONS: Mapping[str, Edition] = {edition.name: edition for edition in (XTREME_R, XTREME)}


def get_edition(name: str) -> Edition:
    """The edition called ``name``.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in EDITIONS:
        raise unknown("edition", name, EDITIONS)
    return EDITIONS[name]


def overall(
    edition: Edition, seeds: Sequence[OfTasks], *, model: str, arm: str, tested: OfTests | None = None
) -> tuple[EditionScore, ...]:
    """Rows of each task, each group and the whole edition, in this order.

    Args:
        edition: which tasks, groups and languages.
        seeds: one table of scores a training seed; what one of them lacks counts in none.
        model: name for the rows.
        arm: name for the rows.
        tested: what is known of the test rows; nothing is said of a task that it has not.

    Returns:
        Means over seeds; ``spread`` is the standard deviation of the official score over seeds, which
        says nothing of items, languages or tasks; ``None`` with one seed.
    """
    shared = frozenset.intersection(*(_finite(scores) for scores in seeds))
    empty = EditionScore(edition=edition.name, model=model, arm=arm, level="task", name="")
    of_seed = [tuple(_rows(edition, empty, scores, shared, tested or {})) for scores in seeds]
    return tuple(_over_seeds(same) for same in zip(*of_seed, strict=True))


def _finite(scores: OfTasks) -> Shared:
    return frozenset(
        (task, language, metric)
        for task, of_task in scores.items()
        for language, values in of_task.items()
        for metric, value in values.items()
        if math.isfinite(value)
    )


def _rows(
    edition: Edition, empty: EditionScore, scores: OfTasks, shared: Shared, tested: OfTests
) -> Iterator[EditionScore]:
    found = {
        name: marked(
            _task_row(edition, replace(empty, name=name), scores, shared), tested.get(name, {})
        )
        for name in edition.tasks
    }
    yield from found.values()
    for group, names in edition.groups.items():
        yield _mean_row([found[name] for name in names], level="group", name=group)
    yield _mean_row(list(found.values()), level="overall", name=edition.title)


def _task_row(edition: Edition, row: EditionScore, scores: OfTasks, shared: Shared) -> EditionScore:
    if row.name not in task_names():
        return row
    task = get_task(row.name)
    wanted = edition.languages(task)
    needed = {*ledger.official(task), *ledger.corrected(task)}
    have = tuple(c for c in wanted if all((task.name, c, metric) in shared for metric in needed))

    def mean(metrics: tuple[str, ...]) -> float | None:
        if not have:
            return None
        of_task = scores[task.name]
        return statistics.fmean(statistics.fmean(of_task[c][m] for c in have) for m in metrics)

    return replace(
        row,
        official=mean(ledger.official(task)),
        corrected=mean(ledger.corrected(task)),
        present=have,
        missing=tuple(c for c in wanted if c not in have),
        metric=ledger.summary(task),
    )


def _mean_row(rows: Sequence[EditionScore], *, level: str, name: str) -> EditionScore:
    there = [row for row in rows if row.official is not None]

    def mean(values: Sequence[float | None]) -> float | None:
        return statistics.fmean(v for v in values if v is not None) if there else None

    return EditionScore(
        edition=rows[0].edition,
        model=rows[0].model,
        arm=rows[0].arm,
        level=level,
        name=name,
        official=mean([row.official for row in there]),
        corrected=mean([row.corrected for row in there]),
        present=tuple(row.name for row in there),
        missing=tuple(row.name for row in rows if row.official is None),
        lacking=tuple(row.name for row in there if row.missing),
        capped=tuple(row.name for row in there if row.capped),
        standing_in=tuple(row.name for row in there if row.standing_in),
    )


def _over_seeds(rows: Sequence[EditionScore]) -> EditionScore:
    official = [row.official for row in rows if row.official is not None]
    corrected = [row.corrected for row in rows if row.corrected is not None]
    if not official:
        return rows[0]
    return replace(
        rows[0],
        official=statistics.fmean(official),
        corrected=statistics.fmean(corrected),
        spread=statistics.stdev(official) if len(official) > 1 else None,
        seeds=len(official),
    )


def told(row: EditionScore) -> str:
    """A mean over tasks in words: both numbers, of which tasks, how many of these lack languages."""
    assert row.level != "task"
    if row.official is None or row.corrected is None:
        return f"no score: missing {', '.join(row.missing)}"
    spread = "" if row.spread is None else f" (± {row.spread:.2f} over {row.seeds} seeds)"
    both = f"{row.official:.2f} {official_words([row])}{spread}, {row.corrected:.2f} corrected"
    n = len(row.lacking)
    lacking = f"; of those present {n} {'lacks' if n == 1 else 'lack'} languages" if n else ""
    return f"{both}; mean of {tasks_told(row)}{lacking}"


def tasks_told(row: EditionScore) -> str:
    """Of which tasks a mean is."""
    n, of = len(row.present), len(row.present) + len(row.missing)
    if not row.missing:
        return f"all {of} tasks"
    return f"the {n} of {of} tasks present, missing: {', '.join(row.missing)}"
