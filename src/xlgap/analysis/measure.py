"""One measured study, from its scores to gaps and estimates.

:func:`measure` is pure: scores and items in, :class:`Measured` out; the same inputs give the same
numbers. What they answer stands in :mod:`.answers.measured`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis.bootstrap import ScaledDraws, deviation, draws, interval
from xlgap.analysis.ceiling import GAP as CEILING
from xlgap.analysis.ceiling import ceiling_estimates
from xlgap.analysis.chance import (
    collapsed,
    english_scores,
    hopeless,
    hopeless_arms,
    runs_in_cells,
)
from xlgap.analysis.contrasts import Contrast, contrasts
from xlgap.analysis.distance.slopes import over_distance
from xlgap.analysis.gains import GainRow, gain_rows
from xlgap.analysis.gap import evaluate, measured_rows
from xlgap.analysis.headline import control_contrasts, headline
from xlgap.analysis.pairing import Key, amount_words
from xlgap.analysis.refit import Refit, refits
from xlgap.analysis.retention.kept import Kept, kept_of
from xlgap.analysis.retention.refit import retention_refits
from xlgap.analysis.rows import (
    COMBINED,
    MATCHED,
    SCALES,
    Collapsed,
    EnglishScore,
    Estimate,
    GapRow,
    Scale,
    plain_gap,
)
from xlgap.analysis.spread import STATISTICS, spread_estimates
from xlgap.analysis.study import Study, TaskInfo

REFITTED = (
    *("inter", "distance_partial", "distance", "robustness_partial", "robustness", "direct", "native"),
    *(f"{gap}{matched}" for gap in COMBINED for matched in ("", *MATCHED)),
)
"""Gaps looked at from all sides: those that the answers to questions 1, 2, 3 and 5 lead with."""


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
        held: sentences on the covariates of slopes over distance.
        kept: quantities of question 4, whose estimates and draws are among the others.
        gains: the gains table, see :mod:`.gains`.
        contrasts: all plain contrasts, and
        drawn: the bootstrap draws of their cells on the raw scale, for whoever combines them further.
        cells: what the mean over tasks is made of, by gap.
        primary: task to the metric that the estimates are in.
        refits: of the gaps in :data:`REFITTED` and of retention, with parts of the study left out; of
            others without the collapsed runs that they count.
    """

    gaps: tuple[GapRow, ...]
    estimates: tuple[Estimate, ...]
    draws: Mapping[tuple[str, str, Scale, str], NDArray[np.float64]]
    english: tuple[EnglishScore, ...]
    collapsed: tuple[Collapsed, ...]
    hopeless: frozenset[str]
    partial: Mapping[str, tuple[str, ...]]
    gains: tuple[GainRow, ...]
    contrasts: tuple[Contrast, ...]
    drawn: ScaledDraws
    cells: Mapping[str, frozenset[Key]] = field(default_factory=dict)
    held: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    primary: Mapping[str, str] = field(default_factory=dict)
    refits: tuple[Refit, ...] = ()


def measure(study: Study) -> Measured:
    """Gaps, estimates and checks of a study."""
    english = english_scores(study.scores, study.arms, study.primary)
    dead = hopeless([e for e in english if e.model not in study.controls])
    plain = contrasts(study.table, study.arms)
    counted = [c for c in plain if c.model not in study.controls]
    dead |= hopeless_arms(counted, study.table, judged={e.task for e in english})
    tokens = {s.task: s.metric for s in study.scores if s.metric == "token_accuracy"}
    english += english_scores(study.scores, study.arms, tokens)
    slopes, steeper, held = over_distance(study)
    every = [*plain, *slopes, *steeper, *held.contrasts]
    wanted, lacking = headline([c for c in every if c.model not in study.controls], study, dead)
    wanted += control_contrasts(study)
    needed = {key for c in [*every, *wanted] for key, _ in c.terms}
    drawn = draws(study.items, needed=needed, resamples=study.resamples, seed=study.seed)
    estimates: dict[tuple[int, Scale], Estimate] = {}
    kept: dict[tuple[str, str, Scale, str], NDArray[np.float64]] = {}
    errors: dict[tuple[str, ...], float] = {}
    beside: list[tuple[Estimate, NDArray[np.float64] | None]] = []
    for scale in SCALES:  # one at a time: the draws of all cells are the largest thing held
        scaled = drawn.on(scale, study.table)
        errors |= _paired_errors(plain, scaled, scale)
        if scale == "chance_corrected":
            beside += ceiling_estimates(plain, study, scaled, dead=dead)
        for number, contrast in enumerate(wanted):
            made, values = estimate_of(contrast, study, scaled, scale)
            if made is None:
                continue
            estimates[number, scale] = made
            if values is not None:
                kept[made.gap, made.task, scale, made.model] = values
    raw = drawn.on("raw", study.table)
    order = [(number, scale) for number in range(len(wanted)) for scale in SCALES]
    found = [estimates[key] for key in order if key in estimates]
    level, differences = ([c for c in some if not c.amount] for some in (slopes, steeper))
    beside += spread_estimates(level, differences, study, raw, dead=dead)
    for other, values in beside:
        found.append(other)
        if values is not None:
            kept[other.gap, other.task, "raw", other.model] = values
    models = {s.model for s in study.scores} - set(study.controls)
    for gap in {e.gap for e in found if e.task == "mean"} - {c.gap for c in wanted}:
        have = {e.model for e in found if (e.gap, e.task) == (gap, "mean")}
        lacking |= {gap: tuple(sorted(models - have))}
    of_earlier = (
        ()
        if study.retention is None
        else kept_of(study.retention, models=models, controls=study.controls)
    )
    for earlier in of_earlier:
        found += earlier.estimates
        kept |= {(earlier.gap, "mean", "raw", model): values for model, values in earlier.draws.items()}
    fallen = tuple(collapsed(study.scores, study.arms, study.primary))
    cells = _cells(wanted, [c for c in counted if c.task not in dead])
    refitted = refits(
        study, found, kept, gaps=REFITTED, dead=dead,
        runs={c.gap: runs_in_cells(fallen, cells[c.gap]) for c in wanted if c.task == "mean"},
    )  # fmt: skip
    if study.retention is not None:
        refitted += retention_refits(study.retention, of_earlier, fallen)
    return Measured(
        kept=of_earlier,
        gaps=tuple(_with_paired_errors(study, errors)),
        estimates=tuple(found),
        draws=kept,
        english=tuple(english),
        collapsed=fallen,
        hopeless=dead,
        partial=lacking,
        held=held.notes,
        gains=tuple(gain_rows(plain, study, raw, dead)),
        contrasts=tuple(plain),
        cells=cells,
        drawn=raw,
        primary=study.primary,
        refits=refitted,
    )


def _cells(wanted: Sequence[Contrast], alive: Sequence[Contrast]) -> dict[str, frozenset[Key]]:
    """The cells of each gap that is told over tasks; some gaps are read off those of another.

    Args:
        wanted: contrasts that are estimated.
        alive: plain ones, on tasks that are not at chance.
    """
    found: dict[str, set[Key]] = defaultdict(set)
    for c in wanted:
        if c.task == "mean":
            found[c.gap] |= {key for key, _ in c.terms}
    found |= dict.fromkeys(STATISTICS, found["robustness"])
    found[CEILING] = {key for c in alive if c.gap == "native" for key, _ in c.terms}
    return {gap: frozenset(cells) for gap, cells in found.items()}


def estimate_of(
    contrast: Contrast, study: Study, drawn: ScaledDraws, scale: Scale
) -> tuple[Estimate | None, NDArray[np.float64] | None]:
    """A contrast's value and its bootstrap error on ``scale``."""
    rows = evaluate(contrast, study.table, metric="", scale=scale)
    if not rows:
        return None, None
    row = rows[0]
    values = drawn.of(contrast)
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
        arm_a=contrast.arm_a,
        arm_b=contrast.arm_b,
        amount=amount_words(contrast.amount),
        tasks=contrast.tasks or (contrast.task,),
    )
    if values is None:
        return estimate, None
    low, high = interval(values, study.confidence)
    error = deviation(values)
    return replace(estimate, stderr=error, ci_low=low, ci_high=high), values


def _paired_errors(
    plain: Sequence[Contrast], drawn: ScaledDraws, scale: Scale
) -> dict[tuple[str, ...], float]:
    """Bootstrap standard errors of contrasts that have draws, by what tells their rows apart."""
    found: dict[tuple[str, ...], float] = {}
    for c in plain:
        values = drawn.of(c)
        if values is not None:
            of_row = (c.model, c.gap, c.task, c.language, c.arm_a, c.arm_b, scale)
            found[of_row] = deviation(values)
    return found


def _with_paired_errors(study: Study, errors: Mapping[tuple[str, ...], float]) -> list[GapRow]:
    """All gap rows; those over seeds in the primary metric carry the bootstrap's standard error."""
    rows = []
    for row in measured_rows(study.scores, study.arms):
        if row.seed is None and row.metric == study.primary.get(row.task):
            of_row = (
                row.model, row.gap, row.task, row.language, row.arm_a, row.arm_b, row.scale
            )  # fmt: skip
            row = replace(row, stderr=errors.get(of_row, row.stderr))
        rows.append(replace(row, note=_noted(row, study.tasks[row.task])))
    return rows


def _noted(row: GapRow, task: TaskInfo) -> str:
    """The row's note with what a reader must know of its task."""
    notes = [row.note] if row.note else []
    if task.proxy_train is not None:
        notes.append(f"trained on {task.proxy_train} in its place")
    if plain_gap(row.gap) == "transfer" and not task.parallel:
        notes.append("test sets are not translations of each other: their difficulty differs, too")
    if plain_gap(row.gap) in {"native", "direct"} and not task.parallel:
        notes.append("language + domain: the target-language data need not be the English data")
    return "; ".join(notes)
