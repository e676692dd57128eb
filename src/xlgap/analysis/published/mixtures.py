"""Published answers to questions 1 and 5, as far as intermediate mixtures and single tables carry them.

What there is: pairs of multilingual and English-only mixtures (:mod:`.pairs`), X-STILTs on
one model, one sequential order on one model. None has several sizes of one intermediate task in two
languages, so question 1 gets numbers and no trend, and question 5 a proxy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xlgap.analysis.answers.series import Series
from xlgap.analysis.counted import counted
from xlgap.analysis.published.pairs import P3, XP3, XP3MT, of_pairing
from xlgap.analysis.rows import AVERAGE, Answer, Estimate, GapRow, of_gap
from xlgap.analysis.stats.mean_over import Mean, mean_over
from xlgap.analysis.words import signed
from xlgap.records import Score

PROMPTED = (
    "The target tasks are prompted without examples and held out of the mixture, not fine-tuned; "
    "accuracy is the median over five English prompts, the mean over languages but English and over "
    "four tasks (XNLI, XCOPA, XStoryCloze, XWinograd)."
)
NOT_ONE_TASK = (
    "A proxy: xP3 and P3 are mixtures of many tasks, not one task in two languages, and the "
    "multilingual one has more rows."
)
FOURTH = "T0-11B is a fourth English-only (P3) model, without a multilingual sibling."
NO_SINGLE = (
    "No source prints joint, sequential and single intermediate training at several sizes; none prints "
    "them at equal steps or tokens."
)
XSTILTS = "english_intermediate:best_per_task (X-STILTs)"
XSTILTS_TABLE, XSTILTS_MEAN = "rembert_paper", "xtreme_mean_over_tasks"
"""The one table that has X-STILTs and its baseline on seven tasks, and its own mean over them."""

MIXTURES = (
    ("xp3", f"multilingual_intermediate:{XP3}", f"xP3 minus English-only {P3.split()[0]}"),
    ("xp3mt", f"multilingual_intermediate:{XP3MT}", "xP3mt (translated prompts) minus English-only P3"),
)
"""(key, arm a, words) of the pairs that stand in for G_inter."""


def mixture_series(gaps: Sequence[GapRow]) -> list[Series]:
    """Question 1 by pairs of mixtures, question 5 by a mixture against none; those with data."""
    series = [_inter_series(gaps, key=k, arm=arm, words=words) for k, arm, words in MIXTURES]
    return [s for s in (*series, _joint_series(gaps)) if s.estimates]


def mixture_answers(
    gaps: Sequence[GapRow], scores: Sequence[Score], *, confidence: float
) -> list[Answer]:
    """What stands beside the series: the gap itself, X-STILTs for question 1, EXAMS for question 5."""
    found = [
        _level(replace(series, confidence=confidence), gaps)
        for series in mixture_series(gaps)
        if series.question == 1
    ]
    return found + _xstilts(scores) + _exams(scores)


def points(gaps: Sequence[GapRow], *, gap: str, arm: str) -> tuple[Estimate, ...]:
    """One estimate a model of a pairing of mixtures: the mean over the tasks that it has."""
    models = of_pairing(gaps, gap=gap, arm=arm)
    made = [
        replace(
            of_gap(next(iter(tasks.values()))),
            task="mean",
            value=sum(row.value for row in tasks.values()) / len(tasks),
            note=f"mean over {', '.join(sorted(tasks))}",
            tasks=tuple(sorted(tasks)),
        )
        for tasks in models.values()
    ]
    return tuple(sorted(made, key=lambda e: (e.params_total or 0, e.model)))


def _inter_series(gaps: Sequence[GapRow], *, key: str, arm: str, words: str) -> Series:
    return Series(
        question=1,
        key=f"1.inter.{key}",
        quantity=f"{words} (multilingual minus English intermediate mixture)",
        unit="points",
        estimates=points(gaps, gap="inter", arm=arm),
        figure="published_inter.svg",
        proxy=True,
        notes=(NOT_ONE_TASK, PROMPTED, FOURTH),
    )


def _level(series: Series, gaps: Sequence[GapRow]) -> Answer:
    """The gap itself in words, and its mean over models; rows of a model are one cluster."""
    values = [e.value for e in series.estimates]
    found, n = mean_over(values, confidence=series.confidence), len(values)
    low, high = (found.ci_low, found.ci_high) if isinstance(found, Mean) else (None, None)
    arm = next(arm for key, arm, _ in MIXTURES if series.key.endswith(f".{key}"))
    by_task = of_pairing(gaps, gap="inter", arm=arm)
    told = "; ".join(
        f"{e.model} {signed(e.value)} ({_tasks(by_task[e.model])})" for e in series.estimates
    )
    families = sorted({e.family for e in series.estimates})
    sizes = [e.params_total for e in series.estimates if e.params_total]
    return Answer(
        question=1,
        key=f"{series.key}.level",
        quantity=f"{series.quantity}, mean over models, points",
        source="published",
        models=tuple(e.model for e in series.estimates),
        size_range=(min(sizes), max(sizes)) if sizes else None,
        estimate=sum(values) / n,
        ci_low=low,
        ci_high=high,
        n=n,
        method=f"mean over {counted(n, 'model')} with a t interval; all rows of a model are one "
        "cluster",
        proxy=True,
        reason=f"Not sufficient for a correlation with size: {counted(n, 'model')} of "
        f"{counted(len(families), 'family')}: {told}. " + " ".join(series.notes),
        figure=series.figure,
    )


def _tasks(rows: dict[str, GapRow]) -> str:
    return ", ".join(f"{task} {signed(row.value)}" for task, row in sorted(rows.items()))


def _xstilts(scores: Sequence[Score]) -> list[Answer]:
    """English intermediate training, the best task for each target, on one model."""
    sides: dict[str, dict[str, Score]] = {XSTILTS: {}, "zero_shot_english": {}}
    for s in scores:
        here = (s.publication, s.model, s.language) == (XSTILTS_TABLE, "XLM-R large", AVERAGE)
        if here and s.arm in sides and s.metric in {"accuracy", "f1", "score"}:
            sides[s.arm][s.task] = s
    after, before = sides.values()
    gains = {task: after[task].value - before[task].value for task in after.keys() & before.keys()}
    if XSTILTS_MEAN not in gains:
        return []
    mean = after[XSTILTS_MEAN]
    told = ", ".join(f"{t} {signed(v)}" for t, v in sorted(gains.items()) if not t.startswith("xtreme"))
    return [
        Answer(
            question=1,
            key="1.english_gain.xstilts",
            quantity="X-STILTs (best English intermediate task for each target) minus none, mean over "
            "seven tasks, points",
            source="published",
            models=(mean.model,),
            size_range=(mean.params_total, mean.params_total) if mean.params_total else None,
            estimate=gains[XSTILTS_MEAN],
            n=1,
            method=f"difference of two means printed by {XSTILTS_TABLE}; no standard error",
            proxy=True,
            reason=f"One model ({mean.model}) is not sufficient for a correlation with size: {told} "
            "(question answering by F1). X-STILTs is English throughout and says nothing of "
            "target-language intermediate training.",
        )
    ]


def _joint_series(gaps: Sequence[GapRow]) -> Series:
    return Series(
        question=5,
        key="5.joint.xp3",
        quantity="gain of the xP3 mixture over none (BLOOMZ minus BLOOM)",
        unit="points",
        estimates=points(gaps, gap="joint", arm=f"multilingual_intermediate:{XP3}"),
        figure="published_joint.svg",
        proxy=True,
        notes=(
            "A proxy: many tasks at once against no intermediate training; it does not say whether "
            "several tasks beat the best one.",
            NO_SINGLE,
            PROMPTED,
            "Small models are near chance on these tasks with and without the mixture, so that part of "
            "a growing gain is leaving the floor.",
        ),
    )


def _exams(scores: Sequence[Score]) -> list[Answer]:
    """RACE then SciENs minus RACE alone: one sequential order on one model."""
    found = {
        s.arm: s
        for s in scores
        if (s.publication, s.model, s.language, s.metric)
        == ("exams_readme", "XLM-R large", AVERAGE, "accuracy")
    }
    after = found.get("english_intermediate:RACE then SciENs")
    single = found.get("english_intermediate:RACE")
    if after is None or single is None:
        return []
    return [
        Answer(
            question=5,
            key="5.sequential.exams",
            quantity="RACE then SciENs minus RACE alone, EXAMS average, points",
            source="published",
            models=(after.model,),
            size_range=(after.params_total, after.params_total) if after.params_total else None,
            estimate=after.value - single.value,
            n=1,
            method="difference of two printed averages, weighted by test-set size; no standard error",
            proxy=True,
            reason="One model and one order is not sufficient; the second task is more rows, too, and "
            f"is close to the target. {NO_SINGLE}",
        )
    ]
