"""A gap over the models again with a part of the study left out, or read another way.

Every refit keeps the models' standard errors of the whole study as weights, and the covariance of their
draws, so that what moves is the gaps and not how they are weighted; the whole study's own line is then
the primary slope itself, and its mean the level.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis.answers.series import fit_line
from xlgap.analysis.contrasts import contrasts
from xlgap.analysis.distance.slopes import over_distance
from xlgap.analysis.gap import evaluate
from xlgap.analysis.headline import headline
from xlgap.analysis.known import by_errors
from xlgap.analysis.rows import UNKNOWN_FAMILY, Collapsed, Estimate, Scale, plain_gap
from xlgap.analysis.scaling import FEWEST_MODELS
from xlgap.analysis.stats.mean_over import mean_over
from xlgap.analysis.stats.verdict import Refused
from xlgap.analysis.study import Study

Floats = NDArray[np.float64]

OVER_DISTANCE = ("distance", "distance_partial", "robustness", "robustness_partial")
COLLAPSED = "without collapsed runs"
"""The change of a refit without runs that ended at chance though others of their cell did not."""
NON_EMBEDDING = "non-embedding parameters"


@dataclass(frozen=True, kw_only=True)
class Refit:
    """A slope for ten times the parameters and a mean over models, with something changed.

    Attributes:
        gap: whose.
        change: ``none``, ``without model``, ``without task``, ``without language``, ``without family``,
            ``non-embedding parameters``, ``metric`` or ``without collapsed runs``.
        name: of what was left out, or of the metric; of collapsed runs how many.
        slope, ci_low, ci_high: of the meta-regression; ``None`` where too few models are left.
        n, models: how many there are, and which.
        known_low, known_high: interval from the known errors alone; ``None`` where there are none.
        level, level_low, level_high, level_known_low, level_known_high: the same of the mean.
    """

    gap: str
    change: str
    name: str
    slope: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    known_low: float | None = None
    known_high: float | None = None
    models: tuple[str, ...] = ()
    level: float | None = None
    level_low: float | None = None
    level_high: float | None = None
    level_known_low: float | None = None
    level_known_high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A gap as the whole study has it, which its refits take their weights from.

    Attributes:
        gap: its name.
        points: one estimate a model, by size.
        draws: bootstrap draws [R] behind them, by model; may lack some.
        confidence: of the intervals.
    """

    gap: str
    points: tuple[Estimate, ...]
    draws: Mapping[str, Floats]
    confidence: float

    def by_models(self) -> Iterator[Refit]:
        """As it is, on the other size, and without single models and families."""
        yield self.fit("none", "", self.points)
        yield self.fit(NON_EMBEDDING, "", self.points, "params_nonembedding")
        for point in self.points if len(self.points) > FEWEST_MODELS else ():
            yield self.fit("without model", point.model, [p for p in self.points if p is not point])
        families = sorted({p.family for p in self.points})
        several = len(families) > 1 and UNKNOWN_FAMILY not in families
        for family in families if several else ():
            rest = [p for p in self.points if p.family != family]
            if len(rest) >= FEWEST_MODELS:  # fewer leave a line hardly a degree of freedom
                yield self.fit("without family", family, rest)

    def again(
        self, change: str, name: str, estimates: Sequence[Estimate], *, own_errors: bool = False
    ) -> Refit | None:
        """With other estimates of the same models; ``None`` where they are the same.

        Their errors are those of the whole study, or with ``own_errors`` what each estimate has.
        """
        errors = {p.model: p.stderr for p in self.points}
        found = [e for e in estimates if e.model in errors]
        if not own_errors or any(e.stderr is None for e in found):
            found = [replace(e, stderr=errors[e.model]) for e in found]
        return self.fit(change, name, found) if self._moved(found) else None

    def _moved(self, found: Sequence[Estimate]) -> bool:
        """Whether leaving something out changed what is estimated: not so of a language of no arm."""
        before = {p.model: p.value for p in self.points}
        return {e.model for e in found} != set(before) or any(
            abs(e.value - before[e.model]) > 1e-9 for e in found
        )

    def fit(
        self, change: str, name: str, points: Sequence[Estimate], size: str = "params_total"
    ) -> Refit:
        """The line and the mean of ``points``."""
        enough = len(points) >= FEWEST_MODELS
        line = fit_line(points, size, confidence=self.confidence) if enough else None
        slope = Refit(
            gap=self.gap,
            change=change,
            name=name,
            slope=None if line is None else line.slope,
            ci_low=None if line is None else line.ci_low,
            ci_high=None if line is None else line.ci_high,
            n=len(points),
            models=tuple(p.model for p in points),
            known_low=None if line is None else line.known_low,
            known_high=None if line is None else line.known_high,
        )
        return self._with_level(slope, points)

    def _with_level(self, refit: Refit, points: Sequence[Estimate]) -> Refit:
        values = [p.value for p in points]
        drawn = [self.draws[p.model] for p in points if p.model in self.draws]
        found = mean_over(
            values,
            draws=drawn if len(drawn) == len(points) else (),
            x=[math.log10(p.params_total) for p in points if p.params_total],
            confidence=self.confidence,
        )
        if isinstance(found, Refused):
            return refit
        refit = replace(refit, level=found.mean, level_low=found.ci_low, level_high=found.ci_high)
        errors = [p.stderr for p in points if p.stderr is not None]
        if len(errors) < len(points) or not any(errors):
            return refit
        equal = [1 / len(points)] * len(points)
        low, high = by_errors(found.mean, equal, [e * e for e in errors], confidence=self.confidence)
        return replace(refit, level_known_low=low, level_known_high=high)


def refits(
    study: Study,
    estimates: Sequence[Estimate],
    draws: Mapping[tuple[str, str, Scale, str], Floats],
    *,
    gaps: Collection[str],
    dead: frozenset[str],
    runs: Mapping[str, Sequence[Collapsed]],
) -> tuple[Refit, ...]:
    """All refits of some gaps, the whole study's first, and the one without collapsed runs of others.

    Args:
        study: as measured.
        estimates: of the study; those of a gap over tasks are the points of its slope.
        draws: behind them, by (gap, task, scale, model).
        gaps: whose refits to make, where they have models enough.
        dead: tasks at chance for every model, which stay out of means.
        runs: collapsed ones, by the gap that counts them.
    """
    wholes = {gap: _whole(study, gap, estimates, draws) for gap in dict.fromkeys((*gaps, *runs))}
    wide = [g for g in gaps if len(wholes[g].points) >= FEWEST_MODELS]
    found = {gap: list(wholes[gap].by_models()) if gap in wide else [] for gap in wholes}
    for change, name, some in _changed(study) if wide else ():
        again = mean_estimates(some, wide, dead)
        for gap in wide:
            moved = wholes[gap].again(change, name, again[gap])
            found[gap] += [] if moved is None else [moved]
    fallen = [gap for gap in runs if runs[gap] and wholes[gap].points]
    if fallen:
        some = _without(study, [run for gap in fallen for run in runs[gap]])
        again = mean_estimates(some, fallen, dead)
        for gap in fallen:
            moved = wholes[gap].again(
                COLLAPSED, str(len(runs[gap])), again[gap], own_errors=not study.items
            )
            found[gap] += [] if moved is None else [moved]
    return tuple(refit for gap in wholes for refit in found[gap])


def _whole(
    study: Study,
    gap: str,
    estimates: Sequence[Estimate],
    draws: Mapping[tuple[str, str, Scale, str], Floats],
) -> Whole:
    points = [e for e in estimates if (e.gap, e.task, e.scale) == (gap, "mean", "raw")]
    sized = sorted((e for e in points if e.params_total), key=lambda e: (e.params_total, e.model))
    known = {e.model: draws.get((gap, "mean", "raw", e.model)) for e in sized}
    return Whole(
        gap=gap,
        points=tuple(sized),
        draws={model: values for model, values in known.items() if values is not None},
        confidence=study.confidence,
    )


def _without(study: Study, runs: Sequence[Collapsed]) -> Study:
    """The study without ``runs``; of one that fell in a language besides its own, without that one."""
    gone = {(c.model, c.arm, c.task, c.seed, c.language if c.zero_shot else None) for c in runs}
    kept = tuple(
        s
        for s in study.scores
        if not gone & {(s.model, s.arm, s.task, s.seed, code) for code in (None, s.language)}
    )
    return replace(study, scores=kept, items={})


def _changed(study: Study) -> Iterator[tuple[str, str, Study]]:
    """The study without a task, without a language besides English, and in the corrected metrics."""
    for task in sorted(study.tasks):
        kept = tuple(s for s in study.scores if s.task != task)
        yield "without task", task, replace(study, scores=kept, items={})
    for code in sorted({s.language for s in study.scores} - {"en"}):
        kept = tuple(s for s in study.scores if s.language != code)
        yield "without language", code, replace(study, scores=kept, items={})
    have = {(s.task, s.metric) for s in study.scores}
    mended = {n: t.corrected for n, t in study.tasks.items() if (n, t.corrected) in have}
    if mended:
        tasks = {n: replace(t, metric=mended.get(n, t.metric)) for n, t in study.tasks.items()}
        names = ", ".join(f"{metric} on {task}" for task, metric in sorted(mended.items()))
        yield "metric", names, replace(study, tasks=tasks, items={})


def mean_estimates(
    study: Study, gaps: Collection[str], dead: frozenset[str]
) -> dict[str, list[Estimate]]:
    """One raw estimate a model of each gap over the tasks that all share, without a bootstrap."""
    every = contrasts(study.table, study.arms)
    if any(plain_gap(gap) in OVER_DISTANCE for gap in gaps):
        slopes, steeper, held = over_distance(study)
        every += [*slopes, *steeper, *held.contrasts]
    wanted, _ = headline([c for c in every if c.model not in study.controls], study, dead)
    found: dict[str, list[Estimate]] = {gap: [] for gap in gaps}
    for contrast in wanted:
        if contrast.gap not in found or contrast.task != "mean":
            continue
        row = evaluate(contrast, study.table, metric="", scale="raw")[0]
        found[contrast.gap].append(
            Estimate(
                source=row.source, model=row.model, family=row.family, params_total=row.params_total,
                params_nonembedding=row.params_nonembedding, gap=row.gap, task="mean", scale="raw",
                value=row.value, stderr=row.stderr, note=contrast.note,
                tasks=contrast.tasks,
            )
        )  # fmt: skip
    return found
