"""What a study has kept of earlier tasks again, with a part of it left out: refits of question 4."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from xlgap.analysis.contrasts import fixed_set
from xlgap.analysis.refit import COLLAPSED, Refit, Whole
from xlgap.analysis.retention.kept import MEAN, Kept, Triple
from xlgap.analysis.retention.matrix import Compared, RetentionData
from xlgap.analysis.rows import Collapsed, Estimate
from xlgap.analysis.scaling import FEWEST_MODELS

PRIMARY = "retention"
RATIO = "retention_ratio"
"""No difference of scores: it has no refit."""


def retention_refits(
    data: RetentionData, kept: Sequence[Kept], collapsed: Sequence[Collapsed]
) -> tuple[Refit, ...]:
    """The primary quantity with parts left out, and each without the collapsed runs that it counts."""
    return tuple(r for found in kept if found.gap != RATIO for r in _refits(data, found, collapsed))


def runs_in(found: Kept, collapsed: Sequence[Collapsed]) -> list[Collapsed]:
    """The runs that ended at chance on their target, among those that a quantity is made of."""
    pairs = [pair for of_model in found.pairs.values() for pair in of_model]
    cells = {(pair.after.model, pair.after.arm, pair.after.target) for pair in pairs}
    return [c for c in collapsed if (c.model, c.arm, c.task) in cells and not c.zero_shot]


def _refits(data: RetentionData, found: Kept, collapsed: Sequence[Collapsed]) -> Iterator[Refit]:
    points = tuple(e for e in found.estimates if e.task == MEAN and e.params_total)
    whole = Whole(gap=found.gap, points=points, draws=found.draws, confidence=data.confidence)
    if found.gap == PRIMARY and len(points) >= FEWEST_MODELS:
        yield from whole.by_models()
        for task in sorted({name for t in found.triples for name in (t.target, t.task)}):
            rest = [t for t in found.triples if task not in (t.target, t.task)]
            moved = whole.again("without task", task, _again(data, found, points, rest))
            yield from [] if moved is None else [moved]
    runs = runs_in(found, collapsed)
    if runs and points:
        gone = {(c.model, c.arm, c.task, c.seed) for c in runs}
        scores = tuple(s for s in data.scores if (s.model, s.arm, s.target, s.seed) not in gone)
        some = replace(data, scores=scores, items=data.items.iloc[:0])
        moved = whole.again(COLLAPSED, str(len(runs)), _again(some, found, points, found.triples))
        yield from [] if moved is None else [moved]


def _again(
    data: RetentionData, found: Kept, points: Sequence[Estimate], wanted: Sequence[Triple]
) -> list[Estimate]:
    """The estimates from the scores of ``data``, over those of ``wanted`` that most models have."""
    have = {
        model: {
            t: p for t, p in zip(found.triples, pairs, strict=True) if t in wanted and _there(data, p)
        }
        for model, pairs in found.pairs.items()
    }
    shared = fixed_set([frozenset(of_model) for of_model in have.values()])
    return [
        replace(e, value=float(np.mean([_change(data, have[e.model][t]) for t in sorted(shared)])))
        for e in points
        if shared and shared <= set(have[e.model])
    ]


def _there(data: RetentionData, pair: Compared) -> bool:
    return all(set(pair.codes) <= set(data.table.get(e, {})) for e in (pair.after, pair.before))


def _change(data: RetentionData, pair: Compared) -> float:
    late, early = data.mean(pair.after, pair.codes), data.mean(pair.before, pair.codes)
    assert late is not None
    assert early is not None
    return late - early
