"""Question 5: do several intermediate tasks add up?

The first answer decides what the report's sentence is about: the combination against the best single
intermediate task, at equal compute where the study has that, else against no intermediate training.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from xlgap.analysis.answers.absent import why_absent
from xlgap.analysis.answers.cautions import languages_of, of_compute, of_languages
from xlgap.analysis.answers.lacking import left_out
from xlgap.analysis.answers.level import level_answer
from xlgap.analysis.answers.refitted import refitted_answers
from xlgap.analysis.answers.series import UNITS, Series, series_answers, series_of
from xlgap.analysis.counted import counted
from xlgap.analysis.gains import AGAINST_NONE
from xlgap.analysis.measure import Measured
from xlgap.analysis.rows import (
    COMBINED,
    ENGLISH,
    GAP_WORDS,
    MATCHED,
    Answer,
    Estimate,
    Scale,
    plain_gap,
)
from xlgap.analysis.study import Study

QUESTION = 5
GROUPS = (
    ("joint_best", "sequential_best"),
    ("joint", "sequential", "best_single"),
    ("joint_sequential",),
)
"""Gaps in the order of their answers; within a group those that the study has come first."""

NEEDS = {
    "joint": "It needs a joint arm and a direct_en arm, and a task not at chance.",
    "sequential": "It needs a sequential arm and a direct_en arm, and a task not at chance.",
    "best_single": "It needs a best_of arm and a direct_en arm, and a task not at chance.",
    "joint_best": "It needs a joint arm and a best_of arm that chooses among the same intermediate "
    "tasks, and a task not at chance.",
    "sequential_best": "It needs a sequential arm and a best_of arm that chooses among the same "
    "intermediate tasks, and a task not at chance.",
    "joint_sequential": "It needs a joint arm and a sequential arm of the same intermediate tasks, and "
    "a task not at chance.",
}
"""What a study must have for each gap."""

REGIMES = ("joint", "sequential", "best_of")
NOT_RUN = "Not run in this study: it has no arm that combines intermediate tasks (joint or sequential)."
ZERO_SHOT = "The mean over languages leaves English out."
LEVELS: tuple[Scale, ...] = ("chance_corrected", "error_reduction")
"""Scales beside raw points on which the level is told."""


def combination_answers(study: Study, measured: Measured) -> list[Answer]:
    """Level and slope against size of every contrast of combined intermediate tasks."""
    if not any(arm.regime in REGIMES for arm in study.arms.values()):
        return [
            Answer(question=QUESTION, quantity="not measured", source="measured", method="none",
                   reason=NOT_RUN, key=f"{QUESTION}.none")
        ]  # fmt: skip
    found: list[Answer] = []
    have = {e.gap for e in measured.estimates if e.task == "mean"}
    for group in GROUPS:
        for matched in (*MATCHED, ""):
            for gap in group:
                if f"{gap}{matched}" in have:
                    found += _gap_answers(study, measured, gap, matched)
        found += [_missing(study, measured, gap) for gap in group if not _any_variant(gap, have)]
    return found


def _any_variant(gap: str, have: Collection[str]) -> bool:
    return any(f"{gap}{matched}" in have for matched in ("", *MATCHED))


def _gap_answers(study: Study, measured: Measured, plain: str, matched: str) -> Iterator[Answer]:
    """How large a gap is, how it moves with size, and how large it is in English."""
    gap = f"{plain}{matched}"
    raw = _series(study, measured, gap, "raw")
    zero_shot = [level_answer(raw), *series_answers(raw)]
    refitted = refitted_answers(measured.refits, raw, levels=True)
    for scale in LEVELS:
        other = _series(study, measured, gap, scale)
        if other.estimates:
            zero_shot.append(level_answer(other))
    yield from of_languages([*zero_shot, *refitted], languages_of(measured, plain))
    english = _series(study, measured, f"{plain}{ENGLISH}{matched}", "raw")
    if english.estimates:
        yield level_answer(english)
        without = refitted_answers(measured.refits, english, levels=True)
        yield from (a for a in without if a.key.endswith(".level"))


def _series(study: Study, measured: Measured, gap: str, scale: Scale) -> Series:
    found = series_of(
        measured.estimates, measured.draws, gap=gap, scale=scale, question=QUESTION,
        quantity=GAP_WORDS[gap], confidence=study.confidence,
    )  # fmt: skip
    notes = []
    if found.estimates:
        notes = [*of_compute(study, gap), *_arms(study, found.estimates[0])]
    if plain_gap(gap) in COMBINED:
        notes.append(ZERO_SHOT)
    notes += left_out(study, measured, gap)
    return replace(found, notes=(*found.notes, *notes))


def _arms(study: Study, estimate: Estimate) -> list[str]:
    """Which arms the two sides of an estimate are; each by name where several are averaged."""
    a, b = (
        [arm for arm in study.arms if f"+{arm}+" in f"+{side}+"]
        for side in (estimate.arm_a, estimate.arm_b)
    )
    if len(a) == len(b) == 1:
        return [f"Arms: {a[0]} minus {b[0]}."]
    told = f"Averaged over {counted(len(a), 'arm')}" if len(a) > 1 else "Arms"
    minus = f"the mean over {counted(len(b), 'arm')}: " if len(b) > 1 else ""
    apart = (
        " Each by itself: gains.csv." if len(a) > 1 and plain_gap(estimate.gap) in AGAINST_NONE else ""
    )
    return [f"{told}: {_listed(study, a)}; minus {minus}{_listed(study, b)}.{apart}"]


def _listed(study: Study, arms: Sequence[str]) -> str:
    """Arms by name with what tells them apart: tasks in order, and the rule that mixes them."""
    said = []
    for arm in arms:
        info = study.arms[arm]
        what = ["+".join(info.intermediate), info.sampling.rule if info.sampling else ""]
        known = ", ".join(filter(None, what))
        said.append(f"{arm} ({known})" if known else arm)
    return ", ".join(said)


def _missing(study: Study, measured: Measured, gap: str) -> Answer:
    """Why there is no estimate of a gap."""
    return Answer(
        question=QUESTION,
        quantity=f"{GAP_WORDS[gap]}, {UNITS['raw']}",
        source="measured",
        method="none",
        reason=f"{why_absent(study, measured, gap)} {NEEDS[gap]}",
        key=f"{QUESTION}.{gap}.level",
    )
