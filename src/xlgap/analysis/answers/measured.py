"""What the rows answer to the five questions, and what they do not.

Questions: 1 does target-language intermediate training beat English, and how does that move with size;
2 is transfer to distant languages more robust in larger models; 3 the same as 1 for training on the
target task itself; 4 is the intermediate task retained; 5 do several intermediate tasks add up.
An answer that the data cannot support says so and why; an estimate that exists is still shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xlgap.analysis.answers.absent import why_absent
from xlgap.analysis.answers.cautions import (
    behind,
    cautions,
    languages_of,
    of_compute,
    of_languages,
    of_seeds,
    with_notes,
)
from xlgap.analysis.answers.combinations import combination_answers
from xlgap.analysis.answers.distance import DISTANCE_NEEDS, distance_notes
from xlgap.analysis.answers.floor import floor_notes
from xlgap.analysis.answers.lacking import left_out
from xlgap.analysis.answers.level import level_answer
from xlgap.analysis.answers.mixed import mixed_answers
from xlgap.analysis.answers.refitted import refitted_answers, with_runs
from xlgap.analysis.answers.retention import retention_answers
from xlgap.analysis.answers.series import Series, series_answers, series_of
from xlgap.analysis.answers.trend import trend_answers
from xlgap.analysis.ceiling import GAP as CEILING
from xlgap.analysis.chance import runs_in_cells
from xlgap.analysis.measure import Measured
from xlgap.analysis.rows import MATCHED, PARTS, Answer, Estimate, Scale, plain_gap
from xlgap.analysis.study import Study

ADD_UP = (
    "A part of G_direct, over its tasks: in each model G_direct is G_native minus the gain of English "
    "intermediate training; slopes, each weighted by its own errors, need not add up."
)
MEASURED = {
    1: (("inter", "G_inter (target-language minus English intermediate training)"),),
    2: (
        (
            "distance_partial",
            "loss of zero-shot score for 0.1 more of syntactic distance, covariates held still "
            "(direct_en)",
        ),
        ("distance", "loss of zero-shot score for 0.1 more of syntactic distance (direct_en)"),
        (
            "robustness",
            "the same loss under English intermediate training minus without (intermediate_en - "
            "direct_en)",
        ),
        (
            "robustness_partial",
            "the loss with covariates held still under English intermediate training minus without "
            "(intermediate_en - direct_en)",
        ),
        (
            "spread",
            "spread of scores over languages (standard deviation) under English intermediate training "
            "minus without (intermediate_en - direct_en)",
        ),
        (
            "worst",
            "score of the worst language under English intermediate training minus without "
            "(intermediate_en - direct_en)",
        ),
        ("transfer", "transfer gap (English minus mean of the others, parallel tasks, direct_en)"),
        (
            CEILING,
            "transfer gap relative to the in-language ceiling (direct_tgt minus direct_en, share of "
            "direct_tgt, chance-corrected)",
        ),
    ),
    3: (
        ("direct", "G_direct (target-language data minus English intermediate training)"),
        ("native", "G_native (in-language minus zero-shot)"),
        ("english_gain", "gain of English intermediate training (minus none)"),
        ("few_gain", "gain of a few target-language examples (minus none)"),
    ),
}
"""For each question the gaps that answer it; the first is the primary one."""

TRENDS = ("inter", "direct")
"""Gaps that are looked at from all sides: the first of questions 1 and 3."""

NEEDS = {
    "inter": "It needs an intermediate_tgt arm and an intermediate_en arm with the same intermediate "
    "tasks, and a task that is not at chance for every model.",
    "direct": "It needs a direct_tgt and an intermediate_en arm, and a task not at chance.",
    "native": "It needs a direct_tgt and a direct_en arm, and a task not at chance; beside G_direct, "
    "on all of its tasks.",
    "english_gain": "It needs the arms intermediate_en, direct_en and direct_tgt, and a task not at "
    "chance, on all tasks of G_direct.",
    "few_gain": "It needs a few_shot arm and the arm that it follows, and a task not at chance.",
    "transfer": "It needs a direct_en arm on a parallel task with English that is not at chance.",
    CEILING: "It needs a direct_tgt and a direct_en arm on a task, and models whose direct_tgt score "
    "is above chance by two standard errors in each language.",
    **DISTANCE_NEEDS,
}
"""What a study must have for each gap."""

NOT_CONDITIONAL = ("worst", CEILING)
"""Gaps whose conditional bootstrap slope does not hold its level in simulated studies (docs/log.md)."""


def measured_answers(study: Study, measured: Measured) -> list[Answer]:
    """Answers from a study's own scores."""
    found: list[Answer] = []
    for question, gaps in MEASURED.items():
        for gap, quantity in gaps:
            if gap == "few_gain" and not any(a.regime == "few_shot" for a in study.arms.values()):
                continue  # nobody asked for it
            of_gap: list[Answer] = []
            for scale in ("raw", "chance_corrected") if question != 2 else ("raw",):
                series = _series(study, measured, question, gap, quantity, scale)
                of_gap += series_answers(
                    series, brief=scale != "raw", conditional=gap not in NOT_CONDITIONAL
                )
                if scale == "raw":
                    of_gap += mixed_answers(study, measured, series)
                if scale == "raw" and gap in TRENDS:
                    of_gap += trend_answers(measured, series)
                elif scale == "raw":
                    of_gap += refitted_answers(measured.refits, series, levels=False)
            for matched, said in MATCHED.items():
                series = _series(
                    study, measured, question, f"{gap}{matched}", f"{quantity}, {said}", "raw"
                )
                if series.estimates:
                    of_gap += [level_answer(series), *series_answers(series, brief=True)]
                    of_gap += refitted_answers(measured.refits, series, levels=True)
            of = "native" if gap == CEILING else gap
            found += of_languages(of_gap, languages_of(measured, of))
    found += combination_answers(study, measured)
    notes = cautions(study, measured)
    fallen = {gap: runs_in_cells(measured.collapsed, cells) for gap, cells in measured.cells.items()}
    found = [with_runs(a, fallen.get(_gap(a), []), measured.refits) for a in found]
    floors = floor_notes(study, measured)
    found = [
        with_notes(a, [*of_seeds(behind(measured, a, _gap(a))), *floors.get(_gap(a), []), *notes])
        for a in found
    ]
    return [*found, *retention_answers(study, measured)]


def _gap(answer: Answer) -> str:
    """The gap that an answer is of: the second part of its key."""
    return answer.key.split(".")[1]


def _series(
    study: Study, measured: Measured, question: int, gap: str, quantity: str, scale: Scale
) -> Series:
    found = series_of(
        measured.estimates, measured.draws, gap=gap, scale=scale, question=question, quantity=quantity,
        confidence=study.confidence,
    )  # fmt: skip
    points = found.estimates
    plain = plain_gap(gap)
    notes = of_compute(study, gap) if points else [NEEDS[plain]]
    direct = gap.replace(plain, "direct", 1)
    beside_direct = any((e.gap, e.task) == (direct, "mean") for e in measured.estimates)
    if points and plain in PARTS and beside_direct:
        notes.append(ADD_UP)
    notes += distance_notes(plain, measured.held, study.language_notes, some=bool(points))
    notes += _averaged(study, points, plain)
    notes += _other_data(study, measured, gap)
    notes += left_out(study, measured, gap)
    absent = found.absent if points else why_absent(study, measured, plain)
    return replace(found, absent=absent, notes=(*found.notes, *notes))


def _averaged(study: Study, points: Sequence[Estimate], plain: str) -> list[str]:
    """The English arms that a gap is against the mean of, where there are several."""
    side = {"direct": "arm_b", "english_gain": "arm_a"}.get(plain)
    if side is None or not points:
        return []
    joined = getattr(points[0], side)
    arms = sorted(arm for arm in study.arms if f"+{arm}+" in f"+{joined}+")
    if len(arms) < 2:
        return []
    return [f"English intermediate training is the mean over {len(arms)} arms: {', '.join(arms)}."]


def _other_data(study: Study, measured: Measured, gap: str) -> list[str]:
    """A sentence where target-language training data need not be the English data in translation."""
    if plain_gap(gap) == "inter":
        arms = {key.arm for key in measured.cells.get(gap, ())}
        trained = {task for arm in arms for task in study.arms[arm].intermediate}
        return _domain(sorted(trained - study.translated), "intermediate data")
    if plain_gap(gap) not in {"native", "direct", CEILING}:
        return []
    tasks = sorted(
        {e.task for e in measured.estimates if e.gap == gap and e.task != "mean"} - measured.hopeless
    )
    return _domain([task for task in tasks if not study.tasks[task].parallel], "data")


def _domain(apart: Sequence[str], data: str) -> list[str]:
    """The sentence of tasks whose ``data`` need not mean the same in two languages."""
    if not apart:
        return []
    return [
        f"Language + domain: on {', '.join(apart)} the target-language {data} need not be the English "
        f"{data} in translation, so the gap is not one of language alone."
    ]
