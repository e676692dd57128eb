"""One measured study, from its scores to gaps and estimates.

:func:`measure` is pure: scores and items in, :class:`Measured` out; the same inputs give the same
numbers. What they answer stands in :mod:`.answers`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis import distance
from xlgap.analysis.bootstrap import Draws, TaskItems, draws, interval
from xlgap.analysis.chance import BASELINES, collapsed, english_scores, hopeless
from xlgap.analysis.contrasts import Contrast, Key, contrasts, fixed_set, over_tasks
from xlgap.analysis.gap import Table, evaluate, measured_rows, tables
from xlgap.analysis.rows import (
    AVERAGE,
    SCALES,
    ArmInfo,
    Collapsed,
    EnglishScore,
    Estimate,
    GapRow,
    Scale,
)
from xlgap.published import load_languages
from xlgap.records import Score

HEADLINE = ("inter", "direct", "native", "english_gain", "transfer", "distance", "robustness")
"""Gaps of which every model gets one estimate over all tasks."""

PARTS = ("native", "english_gain")
"""What G_direct is the difference of: beside it, both are means over its tasks and languages."""

assert HEADLINE.index("direct") < min(map(HEADLINE.index, PARTS)), "its tasks are known before theirs"


@dataclass(frozen=True, kw_only=True)
class TaskInfo:
    """What the analysis must know of a task.

    Attributes:
        metric: primary metric.
        parallel: whether its test sets are translations of each other.
        proxy_train: the task whose training data stand in, if any.
    """

    metric: str
    parallel: bool
    proxy_train: str | None = None


@dataclass(frozen=True, kw_only=True)
class Study:
    """A measured study: results and what is needed to read them.

    Attributes:
        name: of the study.
        source: ``lab``, ``release`` or ``hub``.
        arms: regime, intermediate tasks and language of each arm.
        tasks: target tasks.
        scores: measured.
        items: per-item statistics by task; without them there is no bootstrap.
        confidence, resamples, seed: of the intervals.
        left_out: (arm, task, reason) of the pairs that are not defined.
        preliminary: (arm, task, tasks in order) of the pairs that a task's official recipe trains on
            an English intermediate task first, whatever the arm is called.
        missing: keys of cells without scores: the study is then partial.
        controls: untrained models, each with the model that is its twin but for pretraining; they are
            scored, and stay out of everything against size.
    """

    name: str
    source: str
    arms: Mapping[str, ArmInfo]
    tasks: Mapping[str, TaskInfo]
    scores: tuple[Score, ...]
    items: Mapping[str, TaskItems] = field(default_factory=dict)
    confidence: float = 0.95
    resamples: int = 2000
    seed: int = 0
    left_out: tuple[tuple[str, str, str], ...] = ()
    preliminary: tuple[tuple[str, str, str], ...] = ()
    missing: tuple[str, ...] = ()
    controls: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def primary(self) -> dict[str, str]:
        """Task to its primary metric."""
        return {name: task.metric for name, task in self.tasks.items()}

    @cached_property
    def table(self) -> Table:
        """Scores of the primary metrics by cell and seed."""
        wanted = [s for s in self.scores if s.metric == self.primary.get(s.task)]
        merged: dict[Key, Mapping[int, Score]] = {}
        for part in tables(wanted).values():
            merged.update(part)
        return merged


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What came out of a measured study, answers apart.

    Attributes:
        gaps: rows of every gap, per language, seed and scale.
        estimates: one a model, gap, task and scale, with intervals.
        draws: bootstrap draws behind the estimates, by (gap, task, scale, model).
        english: English scores beside chance.
        collapsed: runs that ended at chance.
        hopeless: tasks at chance for every model.
        partial: models left out of the estimates over tasks, by gap.
    """

    gaps: tuple[GapRow, ...]
    estimates: tuple[Estimate, ...]
    draws: Mapping[tuple[str, str, Scale, str], NDArray[np.float64]]
    english: tuple[EnglishScore, ...]
    collapsed: tuple[Collapsed, ...]
    hopeless: frozenset[str]
    partial: Mapping[str, tuple[str, ...]]


def measure(study: Study) -> Measured:
    """Gaps, estimates and checks of a study."""
    english = english_scores(study.scores, study.arms, study.primary)
    dead = hopeless([e for e in english if e.model not in study.controls])
    tokens = {s.task: s.metric for s in study.scores if s.metric == "token_accuracy"}
    english += english_scores(study.scores, study.arms, tokens)
    plain = contrasts(study.table, study.arms)
    slopes = distance.distance_contrasts(
        study.table, study.arms, distance.syntax_distances(load_languages())
    )
    every = [*plain, *slopes, *distance.robustness_contrasts(slopes, study.arms)]
    wanted, partial = headline([c for c in every if c.model not in study.controls], study, dead)
    wanted += control_contrasts(study)
    needed = {key for c in [*every, *wanted] for key, _ in c.terms}
    drawn = draws(study.items, needed=needed, resamples=study.resamples, seed=study.seed)
    estimates: list[Estimate] = []
    kept: dict[tuple[str, str, Scale, str], NDArray[np.float64]] = {}
    for contrast in wanted:
        for scale in SCALES:
            made, values = _estimate(contrast, study, drawn, scale)
            if made is None:
                continue
            estimates.append(made)
            if values is not None:
                kept[made.gap, made.task, scale, made.model] = values
    return Measured(
        gaps=tuple(_with_paired_errors(study, plain, drawn)),
        estimates=tuple(estimates),
        draws=kept,
        english=tuple(english),
        collapsed=tuple(collapsed(study.scores, study.arms, study.primary)),
        hopeless=dead,
        partial=partial,
    )


def headline(
    every: Sequence[Contrast], study: Study, dead: frozenset[str]
) -> tuple[list[Contrast], dict[str, tuple[str, ...]]]:
    """For each gap and model: one contrast a task, and one over the tasks that all models share.

    The transfer gap and slopes over distance are taken from parallel test sets under ``direct_en``;
    tasks at chance for every model stay out of the mean. The parts of G_direct have a mean over its
    tasks and no other, so that they add up; without G_direct, over all of theirs. Returns also the
    models that the mean leaves out, by gap.
    """
    found: list[Contrast] = []
    partial: dict[str, tuple[str, ...]] = {}
    of_direct: set[tuple[str, str]] = set()
    for gap in HEADLINE:
        units: dict[str, dict[tuple[str, ...], Contrast]] = defaultdict(dict)
        for c in every:
            if c.gap == gap and c.language == AVERAGE and _primary_arm(c, study):
                units[c.model][c.task, *c.unit, c.note] = c
        whole = of_direct if gap in PARTS else set()
        shared = fixed_set(
            [frozenset(u) for u in units.values() if whole <= {(c.task, c.note) for c in u.values()}]
        )
        for model, of_model in units.items():
            if not shared <= set(of_model):
                partial[gap] = (*partial.get(gap, ()), model)
                continue
            members = [of_model[u] for u in sorted(shared)]
            for task in sorted({c.task for c in members}):
                alone = over_tasks([c for c in members if c.task == task])
                found.append(replace(alone, task=task))
            alive = [c for c in members if c.task not in dead and _in_mean(c, study)]
            alive = [c for c in alive if not whole or (c.task, c.note) in whole]
            if gap == "direct":
                of_direct = {(c.task, c.note) for c in alive}
            if alive:
                found.append(over_tasks(alive))
    return found, partial


def control_contrasts(study: Study) -> list[Contrast]:
    """Score of a model minus that of its untrained twin, in English, under arms without a stage before.

    A task without English test data takes the mean over the languages that both have.
    """
    found: list[Contrast] = []
    for control, model in study.controls.items():
        cells: dict[tuple[str, str], set[str]] = defaultdict(set)
        for key in study.table:
            if key.model == control and key._replace(model=model) in study.table:
                cells[key.task, key.arm].add(key.language)
        for (task, arm), languages in sorted(cells.items()):
            if study.arms[arm].regime not in BASELINES:
                continue
            codes = ["en"] if "en" in languages else sorted(languages)
            terms = [(Key(m, arm, task, c), w / len(codes)) for c in codes for m, w in
                     ((model, 1.0), (control, -1.0))]  # fmt: skip
            found.append(
                Contrast(
                    model=model, gap="control", task=task, language=AVERAGE, arm_a=arm, arm_b=arm,
                    unit=(arm, control), terms=tuple(terms), note=f"{arm}, minus {control}",
                )
            )  # fmt: skip
    return found


def _primary_arm(contrast: Contrast, study: Study) -> bool:
    if contrast.gap in {"transfer", "distance"}:
        return study.arms[contrast.arm_a].regime == "direct_en"
    return True


def _in_mean(contrast: Contrast, study: Study) -> bool:
    across_languages = contrast.gap in {"transfer", "distance", "robustness"}
    return study.tasks[contrast.task].parallel or not across_languages


def _estimate(
    contrast: Contrast, study: Study, drawn: Draws, scale: Scale
) -> tuple[Estimate | None, NDArray[np.float64] | None]:
    """A contrast's value and its bootstrap error on ``scale``."""
    rows = evaluate(contrast, study.table, metric="", scale=scale)
    if not rows:
        return None, None
    row = rows[0]
    values = drawn.of(contrast, scale=scale, scores=study.table)
    seeds = {len(study.table[key]) for key, _ in contrast.terms}
    estimate = Estimate(
        source=row.source,
        model=row.model,
        family=row.family,
        params_total=row.params_total,
        params_nonembedding=row.params_nonembedding,
        gap=contrast.gap,
        task=contrast.task,
        scale=scale,
        value=row.value,
        stderr=row.stderr,
        seeds=min(seeds),
        note=contrast.note,
    )
    if values is None:
        return estimate, None
    low, high = interval(values, study.confidence)
    error = float(np.std(values, ddof=1))
    return replace(estimate, stderr=error, ci_low=low, ci_high=high), values


def _with_paired_errors(study: Study, plain: Sequence[Contrast], drawn: Draws) -> list[GapRow]:
    """All gap rows; those over seeds in the primary metric carry the bootstrap's standard error."""
    errors: dict[tuple[str, ...], Callable[[Scale], float | None]] = {}
    for c in plain:
        errors[c.model, c.gap, c.task, c.language, c.arm_a, c.arm_b] = _error_of(c, study, drawn)
    rows = []
    for row in measured_rows(study.scores, study.arms):
        of_row = errors.get((row.model, row.gap, row.task, row.language, row.arm_a, row.arm_b))
        primary = row.metric == study.primary.get(row.task)
        if row.seed is None and primary and of_row is not None:
            row = replace(row, stderr=of_row(row.scale))
        rows.append(replace(row, note=_noted(row, study.tasks[row.task])))
    return rows


def _noted(row: GapRow, task: TaskInfo) -> str:
    """The row's note with what a reader must know of its task."""
    notes = [row.note] if row.note else []
    if task.proxy_train is not None:
        notes.append(f"trained on {task.proxy_train} in its place")
    if row.gap == "transfer" and not task.parallel:
        notes.append("test sets are not translations of each other: their difficulty differs, too")
    if row.gap in {"native", "direct"} and not task.parallel:
        notes.append("language + domain: the target-language data need not be the English data")
    return "; ".join(notes)


def _error_of(contrast: Contrast, study: Study, drawn: Draws) -> Callable[[Scale], float | None]:
    def error(scale: Scale) -> float | None:
        values = drawn.of(contrast, scale=scale, scores=study.table)
        if values is not None:
            return float(np.std(values, ddof=1))
        rows = evaluate(contrast, study.table, metric="", scale=scale)
        return rows[0].stderr if rows else None

    return error
