"""Gaps between scores: the rows behind every answer.

Measured gaps come from the contrasts that a grid defines, published ones from pairs of published rows;
both are :class:`~xlgap.analysis.rows.GapRow`. Definitions::

    G_inter  = S(intermediate_tgt) - S(intermediate_en)       same intermediate tasks, per language
    G_direct = S(direct_tgt) - S(intermediate_en)
             = G_native - [S(intermediate_en) - S(direct_en)]
    G_native = S(direct_tgt) - S(direct_en)                   in-language minus zero-shot
    transfer = S(en) - mean S(others)                         one set of languages for all models

and those of several intermediate tasks in :mod:`.combinations`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from typing import Any

from xlgap.analysis.contrasts import Contrast, Key, contrasts
from xlgap.analysis.published import gap as published_gap
from xlgap.analysis.rows import GAPS, SCALES, ArmInfo, GapRow, Scale
from xlgap.analysis.scales import rescale
from xlgap.errors import unknown
from xlgap.records import Score, Source

LINEAR: tuple[Scale, ...] = ("raw", "chance_corrected")
"""Scales on which an error of a score is one of its value, by a known factor."""

PRIMARY = ("accuracy", "f1", "f1_mlqa", "map20", "em", "token_accuracy")
"""Which metric speaks for a task that does not say it: the first of these that it has."""

Seeds = Mapping[int, Score]
Table = Mapping[Key, Seeds]


def gap_rows(
    scores: Iterable[Score],
    arms: Mapping[str, ArmInfo] | None = None,
    *,
    scales: Sequence[Scale] = SCALES,
) -> list[GapRow]:
    """All gaps in ``scores``.

    Args:
        scores: measured, published, or both; the two are never mixed in one difference.
        arms: regime, intermediate tasks and language of the measured arms; by default what the scores
            themselves say, in which case intermediate arms pair as if they had the same tasks.
        scales: which of :data:`~xlgap.analysis.rows.SCALES`.
    """
    found = list(scores)
    measured = [s for s in found if s.source == "measured"]
    rows = measured_rows(measured, arms or arms_of(measured), scales=scales)
    return rows + published_gap.gap_rows([s for s in found if s.source == "published"], scales=scales)


def arms_of(scores: Iterable[Score]) -> dict[str, ArmInfo]:
    """What the scores alone say of their arms; intermediate tasks are not among it."""
    return {
        s.arm: ArmInfo(regime=s.regime, language=None if s.train_language == "en" else s.train_language)
        for s in scores
    }


def measured_rows(
    scores: Iterable[Score], arms: Mapping[str, ArmInfo], *, scales: Sequence[Scale] = SCALES
) -> list[GapRow]:
    """The gaps of measured scores: for each seed and for the mean over seeds, on each scale.

    Standard errors add those of the two arms as if their items were independent, which overstates
    them; those of :func:`xlgap.analysis.bootstrap.draws` are paired.
    """
    rows: list[GapRow] = []
    for metric, table in sorted(tables(scores).items()):
        for contrast in contrasts(table, arms):
            for scale in scales:
                rows += evaluate(contrast, table, metric=metric, scale=scale)
    return rows


def tables(scores: Iterable[Score]) -> dict[str, dict[Key, dict[int, Score]]]:
    """Scores by metric, cell and seed; a run without a seed counts as seed 0."""
    found: dict[str, dict[Key, dict[int, Score]]] = defaultdict(lambda: defaultdict(dict))
    for s in scores:
        found[s.metric][Key(s.model, s.arm, s.task, s.language)][s.seed or 0] = s
    return {metric: dict(table) for metric, table in found.items()}


def evaluate(contrast: Contrast, table: Table, *, metric: str, scale: Scale) -> list[GapRow]:
    """One row for each seed that all terms have, and one for the mean over seeds.

    The row over seeds takes each arm's mean over its own seeds, so that a seed missing on one side
    costs nothing. Empty where ``scale`` is not defined for one of the scores.
    """
    values = {key: _on_scale(table[key], scale) for key, _ in contrast.terms}
    if any(None in seeds.values() for seeds in values.values()):
        return []
    known = {key: {k: v for k, v in seeds.items() if v is not None} for key, seeds in values.items()}
    shared = set.intersection(*(set(seeds) for seeds in known.values()))
    total = sum(w * _mean(known[key].values()) for key, w in contrast.terms)
    rows = [_row(contrast, table, metric, scale, None, total)]
    for seed in sorted(shared):
        value = sum(w * known[key][seed] for key, w in contrast.terms)
        rows.append(_row(contrast, table, metric, scale, seed, value))
    return rows


def _on_scale(seeds: Seeds, scale: Scale) -> dict[int, float | None]:
    return {seed: score_on(score, scale) for seed, score in seeds.items()}


def score_on(score: Score, scale: Scale) -> float | None:
    """The value of ``score`` on ``scale``."""
    value = rescale(score.value, scale, metric=score.metric, chance=score.chance, n_items=score.n_items)
    return None if value is None else float(value)


def _row(
    contrast: Contrast, table: Table, metric: str, scale: Scale, seed: int | None, value: float
) -> GapRow:
    score = next(iter(table[contrast.terms[0][0]].values()))
    return GapRow(
        source=score.source,
        model=score.model,
        family=score.family,
        params_total=score.params_total,
        params_nonembedding=score.params_nonembedding,
        gap=contrast.gap,
        task=contrast.task,
        language=contrast.language,
        metric=metric,
        seed=seed,
        value=value,
        scale=scale,
        stderr=_stderr(contrast, table, seed, scale),
        arm_a=contrast.arm_a,
        arm_b=contrast.arm_b,
        note=contrast.note,
    )


def _stderr(contrast: Contrast, table: Table, seed: int | None, scale: Scale) -> float | None:
    """Root of the weighted sum of squared errors; between seeds, their spread is added.

    Only on scales that are linear in the score: chance, which they subtract, is taken as known.
    """
    if scale not in LINEAR:
        return None
    total = 0.0
    for key, weight in contrast.terms:
        seeds = table[key].values() if seed is None else [table[key][seed]]
        error = mean_stderr([_with_error_on(s, scale) for s in seeds])
        if error is None:
            return None
        total += (weight * error) ** 2
    return math.sqrt(total)


def _with_error_on(score: Score, scale: Scale) -> Score:
    """The score with value and standard error on a linear scale."""
    value = score_on(score, scale)
    if scale == "raw" or value is None or score.chance is None:
        return score
    stderr = None if score.stderr is None else score.stderr * 100 / (100 - score.chance)
    return replace(score, value=value, stderr=stderr)


def mean_stderr(seeds: Sequence[Score]) -> float | None:
    """Standard error of the mean over ``seeds`` of one cell: items, which they share, plus training."""
    errors = [s.stderr for s in seeds if s.stderr is not None]
    if len(errors) < len(seeds) or not seeds:
        return None
    items = _mean(e * e for e in errors)
    if len(seeds) == 1:
        return math.sqrt(items)
    centre = _mean(s.value for s in seeds)
    training = sum((s.value - centre) ** 2 for s in seeds) / (len(seeds) - 1)
    return math.sqrt(items + training / len(seeds))


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found)


def primary_metric(metrics: Iterable[str]) -> str:
    """The metric that speaks for a task, among those that it has."""
    have = sorted(set(metrics))
    return next((m for m in PRIMARY if m in have), have[0])


def check_gap(gap: str | None) -> None:
    """Refuse a name that no gap has.

    Raises:
        UnknownNameError: it; near ones are named.
    """
    if gap is not None and gap not in GAPS:
        raise unknown("gap", gap, GAPS)


def select(
    rows: Iterable[GapRow],
    *,
    source: Source | None = None,
    gap: str | None = None,
    model_glob: str | None = None,
    task: str | None = None,
    scale: Scale = "raw",
    metric: str | None = None,
    per_seed: bool = False,
) -> list[GapRow]:
    """The rows that a person asked for, from small models to large.

    Args:
        rows: from :func:`gap_rows`.
        source: keep this one; ``None`` keeps both.
        gap: keep this one; ``None`` keeps all.
        model_glob: keep models that match this shell pattern, which minds case: ``mT5-*``.
        task: keep this one; ``None`` keeps all.
        scale: of the values.
        metric: by default each task's primary one.
        per_seed: rows of single seeds instead of the mean over seeds.

    Raises:
        UnknownNameError: ``gap`` is none of the gaps, or no row has ``task``.
    """
    found = [r for r in rows if source in (None, r.source)]
    check_gap(gap)
    if task is not None and found and task not in {r.task for r in found}:
        raise unknown("task with gaps", task, {r.task for r in found})
    metrics: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for r in found:
        metrics[r.source, r.gap, r.task].add(r.metric)
    primary = {key: primary_metric(have) for key, have in metrics.items()}
    kept = [
        r
        for r in found
        if gap in (None, r.gap)
        and task in (None, r.task)
        and (model_glob is None or fnmatchcase(r.model, model_glob))
        and r.scale == scale
        and r.metric == (metric or primary[r.source, r.gap, r.task])
        and (r.seed is not None) == per_seed
    ]
    return sorted(kept, key=_order)


def _order(row: GapRow) -> tuple[Any, ...]:
    size = row.params_total or row.params_nonembedding or 0
    return (row.source, GAPS.index(row.gap), row.task, size, row.model, row.language, row.arm_a,
            row.arm_b, row.seed or 0)  # fmt: skip


def to_json(rows: Iterable[GapRow]) -> list[dict[str, Any]]:
    """The rows as JSON objects, values rounded to four decimals."""
    return [_rounded(asdict(row)) for row in rows]


def _rounded(record: dict[str, Any]) -> dict[str, Any]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in record.items()}
