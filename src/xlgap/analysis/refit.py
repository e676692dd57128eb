"""The primary slope again with a part of the study left out, or read another way.

Every refit keeps the models' standard errors of the whole study as weights, so that what moves is the
gaps and not how they are weighted; the whole study's own line is then the primary slope itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from xlgap.analysis.answers.series import fit_line
from xlgap.analysis.contrasts import contrasts
from xlgap.analysis.gap import evaluate
from xlgap.analysis.headline import headline
from xlgap.analysis.rows import UNKNOWN_FAMILY, Collapsed, Estimate
from xlgap.analysis.scaling import FEWEST_MODELS
from xlgap.analysis.study import Study


@dataclass(frozen=True, kw_only=True)
class Refit:
    """A slope for ten times the parameters, with something changed.

    Attributes:
        gap: whose slope.
        change: ``none``, ``without model``, ``without task``, ``without language``, ``without family``,
            ``non-embedding parameters``, ``metric`` or ``without collapsed runs``.
        name: of what was left out, or of the metric.
        slope, ci_low, ci_high: of the meta-regression; ``None`` where too few models are left.
        n, models: how many there are, and which.
        known_low, known_high: interval from the known errors alone; ``None`` where there are none.
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


def refits(
    study: Study, gap: str, estimates: Sequence[Estimate], dead: frozenset[str]
) -> tuple[Refit, ...]:
    """All refits of one gap, the whole study's first.

    Args:
        study: as measured.
        gap: whose slope; not one over distance.
        estimates: of the study; those of ``gap`` over tasks are the points of its slope.
        dead: tasks at chance for every model, which stay out of means.
    """
    points = [e for e in estimates if (e.gap, e.task, e.scale) == (gap, "mean", "raw")]
    points = sorted((e for e in points if e.params_total), key=lambda e: (e.params_total, e.model))
    if len(points) < FEWEST_MODELS:
        return ()
    found = [_fit(gap, "none", "", points, study.confidence)]
    found.append(
        _fit(gap, "non-embedding parameters", "", points, study.confidence, "params_nonembedding")
    )
    for point in points if len(points) > FEWEST_MODELS else ():
        rest = [p for p in points if p is not point]
        found.append(_fit(gap, "without model", point.model, rest, study.confidence))
    families = sorted({p.family for p in points})
    several = len(families) > 1 and UNKNOWN_FAMILY not in families
    for family in families if several else ():
        rest = [p for p in points if p.family != family]
        if len(rest) < FEWEST_MODELS:
            continue  # fewer leave a line hardly a degree of freedom
        found.append(_fit(gap, "without family", family, rest, study.confidence))
    for change, name, some in _changed(study):
        again = reweighted(mean_estimates(some, gap, dead), points)
        if _moved(again, points):
            found.append(_fit(gap, change, name, again, study.confidence))
    return tuple(found)


def without_collapsed(
    study: Study, gap: str, points: Sequence[Estimate], dead: frozenset[str], runs: Sequence[Collapsed]
) -> Refit:
    """The slope without ``runs``, which ended at chance though others of their cell did not."""
    gone = {(c.model, c.arm, c.task, c.seed, c.language if c.zero_shot else None) for c in runs}
    kept = tuple(
        s
        for s in study.scores
        if not gone & {(s.model, s.arm, s.task, s.seed, code) for code in (None, s.language)}
    )
    again = mean_estimates(replace(study, scores=kept, items={}), gap, dead)
    return _fit(gap, "without collapsed runs", "", reweighted(again, points), study.confidence)


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


def mean_estimates(study: Study, gap: str, dead: frozenset[str]) -> list[Estimate]:
    """One raw estimate a model of ``gap`` over the tasks that all share, without a bootstrap."""
    plain = contrasts(study.table, study.arms)
    wanted, _ = headline([c for c in plain if c.model not in study.controls], study, dead)
    found = []
    for contrast in wanted:
        if (contrast.gap, contrast.task) != (gap, "mean"):
            continue
        row = evaluate(contrast, study.table, metric="", scale="raw")[0]
        found.append(
            Estimate(
                source=row.source, model=row.model, family=row.family, params_total=row.params_total,
                params_nonembedding=row.params_nonembedding, gap=gap, task="mean", scale="raw",
                value=row.value, stderr=row.stderr, note=contrast.note,
                tasks=contrast.tasks,
            )
        )  # fmt: skip
    return found


def reweighted(estimates: Sequence[Estimate], points: Sequence[Estimate]) -> list[Estimate]:
    """``estimates`` with the standard errors that the same models have in ``points``."""
    errors = {p.model: p.stderr for p in points}
    return [replace(e, stderr=errors[e.model]) for e in estimates if e.model in errors]


def _moved(again: Sequence[Estimate], points: Sequence[Estimate]) -> bool:
    """Whether leaving something out changed what is estimated: not so of a language of no arm."""
    before = {p.model: p.value for p in points}
    return {e.model for e in again} != set(before) or any(
        abs(e.value - before[e.model]) > 1e-9 for e in again
    )


def _fit(
    gap: str,
    change: str,
    name: str,
    points: Sequence[Estimate],
    confidence: float,
    size: str = "params_total",
) -> Refit:
    fit = fit_line(points, size, confidence=confidence) if len(points) >= FEWEST_MODELS else None
    return Refit(
        gap=gap,
        change=change,
        name=name,
        slope=None if fit is None else fit.slope,
        ci_low=None if fit is None else fit.ci_low,
        ci_high=None if fit is None else fit.ci_high,
        n=len(points),
        models=tuple(p.model for p in points),
        known_low=None if fit is None else fit.known_low,
        known_high=None if fit is None else fit.known_high,
    )
