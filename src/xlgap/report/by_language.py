"""Figures of measured gaps by language: over distance, and a panel a language against size."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from xlgap.analysis.distance.fit import Design, plain
from xlgap.analysis.gap import primary_metric
from xlgap.analysis.result import Analysis
from xlgap.analysis.rows import AVERAGE, GAP_WORDS, GapRow
from xlgap.analysis.words import number
from xlgap.languages import CODES, get_language
from xlgap.published.distances import MEASURES, distances_of
from xlgap.report.canvas import Drawing
from xlgap.report.panels import (
    MOST_PANELS,
    Cloud,
    Point,
    loss_over_distance,
    small_multiples,
    spread_over,
)
from xlgap.report.register import place_of

PANELS = ("inter", "transfer", "direct", "joint", "sequential")
"""Gaps of which there is a panel a language."""
LONGEST = 12
"""Letters of a name over a panel; of a longer one the last word stands there."""
CLOUDS = 4
"""Models whose languages are drawn over distance."""
SYNTAX = "syntactic distance from English (1 - cosine, URIEL)"


def language_figures(analysis: Analysis) -> list[Drawing]:
    """Loss over distance, and small multiples of each gap with at least two languages."""
    rows = primary_rows(analysis.gaps, analysis)
    zero_shot = frozenset(arm for arm, regime in analysis.regimes if regime == "direct_en")
    return [*_over_distance(rows, zero_shot), *_panels(rows, zero_shot)]


def primary_rows(gaps: Iterable[GapRow], analysis: Analysis) -> list[GapRow]:
    """Raw gaps over seeds in each task's primary metric, without untrained twins."""
    metrics: dict[str, set[str]] = defaultdict(set)
    kept = [
        r
        for r in gaps
        if r.scale == "raw"
        and r.seed is None
        and r.params_total
        and r.language != AVERAGE
        and r.model not in analysis.controls
    ]
    for row in kept:
        metrics[row.task].add(row.metric)
    primary = {task: primary_metric(have) for task, have in metrics.items()}
    for score in reversed(analysis.english):  # a task's primary metric comes first
        primary[score.task] = score.metric
    return [r for r in kept if r.metric == primary[r.task]]


def _over_distance(rows: Sequence[GapRow], zero_shot: frozenset[str]) -> list[Drawing]:
    """The zero-shot loss of each language of up to four models, spread over the sizes.

    Of the arms ``zero_shot``, or, where none of them has a loss, of the first arm that has one.
    """
    near = distances_of(MEASURES[0].name)
    have = sorted({r.arm_a for r in rows if r.gap == "transfer"})
    arms = [arm for arm in have if arm in zero_shot] or have[:1]
    losses = [r for r in rows if r.gap == "transfer" and r.arm_a in arms and r.language in near]
    by_model = _means(losses, lambda r: (r.model, r.language))
    sizes = {r.model: r.params_total or 0 for r in losses}
    names = sorted(by_model, key=lambda m: (sizes[m], m))
    clouds = [
        _cloud(name, {code: point.value for code, point in by_model[name].items()}, near, made)
        for name in spread_over(names, CLOUDS)
        if isinstance(made := plain(by_model[name], near), Design)
    ]
    if not clouds:
        return []
    title = f"Zero-shot loss by language, mean over tasks, {', '.join(arms)}, measured"
    picture = loss_over_distance(clouds, title=title, distance=SYNTAX)
    caption = (
        "Lines: least squares. A language's point is the mean over the tasks that it is in; a code "
        "stands by the highest of its points."
    )
    return [Drawing("loss_by_language.svg", picture, title, caption, (2, "measured"))]


def _cloud(name: str, losses: Mapping[str, float], near: Mapping[str, float], made: Design) -> Cloud:
    codes = made.languages
    slope = float(made.weights() @ [losses[c] for c in codes])
    return Cloud(
        label=f"{name}: {number(slope / 10)} for 0.1",
        points=tuple((c, near[c], losses[c]) for c in codes),
        slope=slope,
    )


def _panels(rows: Sequence[GapRow], zero_shot: frozenset[str]) -> list[Drawing]:
    found = []
    for gap in PANELS:
        of_gap = [r for r in rows if r.gap == gap and (gap != "transfer" or r.arm_a in zero_shot)]
        panels = {
            _name(code): [p for _, p in sorted(points.items())]
            for code, points in _means(of_gap, lambda r: (r.language, r.model)).items()
        }
        if len(panels) < 2 or len({p.size for points in panels.values() for p in points}) < 2:
            continue
        panels = dict(sorted(panels.items(), key=lambda item: (_level(item[1]), item[0])))
        what = GAP_WORDS[gap].partition(":")[0]
        title = f"{what[0].upper()}{what[1:]} by language, mean over tasks, measured"
        picture = small_multiples(panels, title=title, unit="points")
        known = any(p.stderr is not None for points in panels.values() for p in points)
        bars = ", bars: two standard errors either way" if known else ""
        caption = f"A panel a language, from the smallest gap to the largest; a point a model{bars}."
        if len(panels) > MOST_PANELS:
            caption += f" {MOST_PANELS} of {len(panels)} languages, in even steps."
        place = place_of(gap)
        assert isinstance(place, int), "every gap of PANELS belongs to a question"
        found.append(Drawing(f"languages_{gap}.svg", picture, title, caption, (place, "measured")))
    return found


def _name(code: str) -> str:
    """A language for the head of a small panel: a short name with its code, or the code alone."""
    if code not in CODES:
        return code
    name = get_language(code).name.partition(" (")[0]
    return f"{name if len(name) <= LONGEST else name.split()[-1]} ({code})"


def _level(points: Sequence[Point]) -> float:
    return statistics.fmean(p.value for p in points)


def _means(
    rows: Sequence[GapRow], by: Callable[[GapRow], tuple[str, str]]
) -> dict[str, dict[str, Point]]:
    """Mean of the rows that agree in both names that ``by`` gives, over tasks and arms.

    Standard errors add as of independent tasks; ``None`` where one is not known.
    """
    groups: dict[str, dict[str, list[GapRow]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        first, second = by(row)
        groups[first][second].append(row)
    return {
        first: {second: _mean(members) for second, members in of_first.items()}
        for first, of_first in groups.items()
    }


def _mean(rows: Sequence[GapRow]) -> Point:
    errors = [r.stderr for r in rows if r.stderr is not None]
    known = len(errors) == len(rows)
    return Point(
        size=rows[0].params_total or 0,
        value=statistics.fmean(r.value for r in rows),
        stderr=math.hypot(*errors) / len(rows) if known else None,
    )
