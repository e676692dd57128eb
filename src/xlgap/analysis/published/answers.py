"""Answers from published scores: question 2 by language and distance, question 3 by proxies.

Questions 1 and 5 stand in :mod:`.mixtures`; question 4 has no published data.

Published rows have no items and rarely a standard error; a model counts once, however many papers print
it. Models of several families differ in data and design, so a slope across families is no clean effect
of size; ladders of one family are fitted apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from xlgap.analysis.answers.distance import MORE_ROBUST
from xlgap.analysis.answers.series import Series, series_answers
from xlgap.analysis.answers.trend import beyond_answers, family_answers
from xlgap.analysis.contrasts import fixed_set
from xlgap.analysis.distance.rows import DistanceRow
from xlgap.analysis.gap import primary_metric
from xlgap.analysis.published.distance import CONFOUNDED, distance_series
from xlgap.analysis.published.mixtures import mixture_answers, mixture_series
from xlgap.analysis.published.rows import row_answers, transfer_figure
from xlgap.analysis.rows import AVERAGE, Answer, Estimate, GapRow, LanguageSlope, of_gap
from xlgap.records import Score

PROXIES = (
    ("native", "in_language:multitask", "G_native (in-language minus zero-shot)"),
    ("translate_train", "translate_train", "translate-train minus zero-shot"),
)
"""(gap, arm a, quantity): what stands in for G_direct in published scores."""

MORE_ROWS = {
    "native": "In-language training is on the data of all languages at once, so that part of the gap "
    "is that of more rows.",
    "translate_train": "Translate-train is on English and its translations into all languages at "
    "once, so that part of the gap is that of more rows.",
}
"""What a proxy has beside the language, by gap."""

DISAGREE = "Sources disagree, "
"""Begins a note on a number that another source prints differently."""

LADDER = 4
"""Sizes from which on models of one family are a ladder."""

NO_PAIR = {
    1: "No published score is a pair of target-language and English intermediate training.",
    4: "No source prints the score on the intermediate task after the target task.",
    5: "No published score is of several intermediate tasks beside none or one.",
}


def published_answers(
    gaps: Sequence[GapRow],
    slopes: Sequence[LanguageSlope],
    scores: Sequence[Score] = (),
    distances: Sequence[DistanceRow] = (),
    *,
    confidence: float = 0.95,
) -> list[Answer]:
    """Answers of the published source to all five questions, with intervals of ``confidence``."""
    found: list[Answer] = []
    for series in published_series(gaps, slopes, distances):
        sure = replace(series, confidence=confidence)
        found += series_answers(sure)
        found += family_answers(sure)
        if series.question == 3 and series.estimates:
            found += beyond_answers(sure)
    found += row_answers(scores, confidence=confidence)
    found += mixture_answers(gaps, scores, confidence=confidence)
    found += [
        Answer(
            question=q,
            quantity="not published",
            source="published",
            method="none",
            reason=why,
            key=f"{q}.none",
        )
        for q, why in NO_PAIR.items()
        if all(a.question != q for a in found)
    ]
    return found


def published_series(
    gaps: Sequence[GapRow],
    slopes: Sequence[LanguageSlope],
    distances: Sequence[DistanceRow] = (),
) -> list[Series]:
    """What the published source gives once a model, and a slope is fitted to."""
    series = [*distance_series(slopes, distances), *_transfer_series(gaps), *_proxy_series(gaps)]
    return [*series, *mixture_series(gaps)]


def _transfer_series(gaps: Sequence[GapRow]) -> list[Series]:
    """Question 2: the transfer gap on XNLI, one estimate a model."""
    points = [
        of_gap(row)
        for row in gaps
        if (row.gap, row.task, row.language, row.scale) == ("transfer", "xnli", AVERAGE, "raw")
        and row.params_total
    ]
    return [
        Series(
            question=2,
            key="2.transfer.xnli",
            quantity="transfer gap on xnli (English minus mean of 14 languages)",
            unit="points",
            estimates=tuple(sorted(points, key=_by_size)),
            figure=transfer_figure("xnli"),
            notes=(MORE_ROBUST, CONFOUNDED),
            absent="No source prints it of a model of known size.",
        )
    ]


def _proxy_series(gaps: Sequence[GapRow]) -> list[Series]:
    """Question 3: proxies along the ladder of one family, over the tasks that all its sizes have."""
    series = []
    for gap, arm, quantity in PROXIES:
        for family, points in sorted(ladders(gaps, gap=gap, arm=arm).items()):
            series.append(
                Series(
                    question=3,
                    key=f"3.{gap}.{family}",
                    quantity=f"{quantity} of {family}, {points[0].note}",
                    unit="points",
                    estimates=points,
                    figure=f"published_{gap}.svg",
                    proxy=True,
                    notes=(
                        "A proxy: no publication has both target-language data and English "
                        "intermediate training, so G_direct itself cannot be formed.",
                        MORE_ROWS[gap],
                        f"One family ({family}), averages over languages as printed.",
                        *_disagreements(gaps, gap=gap, arm=arm, family=family),
                    ),
                )
            )
    return sorted(series, key=lambda s: s.key != "3.native.mT5")


def _disagreements(gaps: Sequence[GapRow], *, gap: str, arm: str, family: str) -> list[str]:
    """A sentence for each point of a ladder for which another source prints another number."""
    return [
        f"{DISAGREE}{row.model} on {row.task}: {row.note}."
        for row in published_averages(gaps, gap=gap, arm=arm)
        if row.family == family and " prints " in row.note
    ]


def ladders(gaps: Sequence[GapRow], *, gap: str, arm: str) -> dict[str, tuple[Estimate, ...]]:
    """For each family with enough sizes, one estimate a model: the mean over its common tasks."""
    by_family: dict[str, dict[str, dict[str, GapRow]]] = defaultdict(lambda: defaultdict(dict))
    for row in published_averages(gaps, gap=gap, arm=arm):
        by_family[row.family][row.model][row.task] = row
    found: dict[str, tuple[Estimate, ...]] = {}
    for family, models in by_family.items():
        shared = fixed_set([frozenset(tasks) for tasks in models.values()])
        points = [
            replace(
                of_gap(next(iter(tasks.values()))),
                task="mean",
                value=sum(tasks[t].value for t in shared) / len(shared),
                note=("mean over " if len(shared) > 1 else "") + " and ".join(sorted(shared)),
                tasks=tuple(sorted(shared)),
            )
            for tasks in models.values()
            if shared <= set(tasks)
        ]
        if len({p.params_total for p in points}) >= LADDER:
            found[family] = tuple(sorted(points, key=_by_size))
    return found


def published_averages(gaps: Iterable[GapRow], *, gap: str, arm: str) -> list[GapRow]:
    """Raw averages over languages of one gap, in each task's primary metric, models with a size."""
    rows = [
        row
        for row in gaps
        if row.source == "published"
        and (row.gap, row.language, row.scale) == (gap, AVERAGE, "raw")
        and row.arm_a == arm
        and row.params_total
    ]
    metrics: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        metrics[row.task].add(row.metric)
    return [row for row in rows if row.metric == primary_metric(metrics[row.task])]


def _by_size(estimate: Estimate) -> tuple[int, str]:
    return (estimate.params_total or 0, estimate.model)
