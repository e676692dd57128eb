"""Figures of measured gaps by language: over distance, and a panel a language against size.

Both are over the tasks and cells of the mean that answers, and are not drawn where there is none.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from xlgap.analysis.distance.fit import Design, plain
from xlgap.analysis.result import Analysis
from xlgap.analysis.rows import GAP_WORDS, GapRow
from xlgap.analysis.words import capital, number
from xlgap.languages import CODES, get_language
from xlgap.published.distances import MEASURES, distances_of
from xlgap.report.canvas import Drawing
from xlgap.report.members import Members, at_chance, members, members_words, over, primary_rows
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
ON_PAGE = "inter"
"""The one of them whose panels stand on its question's page."""
LONGEST = 12
"""Letters of a name over a panel; of a longer one the last word stands there."""
CLOUDS = 4
"""Models whose languages are drawn over distance."""
SYNTAX = "syntactic distance from English (1 - cosine, URIEL)"


def language_figures(analysis: Analysis) -> list[Drawing]:
    """Loss over distance, and small multiples of each gap with at least two languages."""
    rows = primary_rows(analysis.gaps, analysis)
    dead = at_chance(analysis)
    found = []
    slopes = members(rows, analysis.estimates, gap="transfer", of="distance")
    if slopes is not None:
        found += _over_distance(slopes, dead)
    for gap in PANELS:
        shown = members(rows, analysis.estimates, gap=gap)
        if shown is not None:
            found += _panels(gap, shown, dead)
    return found


def _over_distance(shown: Members, dead: frozenset[str]) -> list[Drawing]:
    """The zero-shot loss of each language of up to four models, spread over the sizes."""
    near = distances_of(MEASURES[0].name)
    losses = [r for r in shown.rows if r.language in near]
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
    arms = ", ".join(sorted({r.arm_a for r in losses}))
    title = f"Zero-shot loss by language, {over(shown.tasks)}, {arms}, measured"
    picture = loss_over_distance(clouds, title=title, distance=SYNTAX)
    caption = (
        f"Lines: least squares. A code stands by the highest of a language's points. "
        f"{members_words(shown, dead)}"
    )
    name = "loss_by_language.svg"
    return [Drawing(name, picture, title, caption, (2, "measured"), on_page=True)]


def _cloud(name: str, losses: Mapping[str, float], near: Mapping[str, float], made: Design) -> Cloud:
    codes = made.languages
    slope = float(made.weights() @ [losses[c] for c in codes])
    return Cloud(
        label=f"{name}: {number(slope / 10)} for 0.1",
        points=tuple((c, near[c], losses[c]) for c in codes),
        slope=slope,
    )


def _panels(gap: str, shown: Members, dead: frozenset[str]) -> list[Drawing]:
    panels = {
        _name(code): [p for _, p in sorted(points.items())]
        for code, points in _means(shown.rows, lambda r: (r.language, r.model)).items()
    }
    if len(panels) < 2 or len({p.size for points in panels.values() for p in points}) < 2:
        return []
    panels = dict(sorted(panels.items(), key=lambda item: (_level(item[1]), item[0])))
    what = GAP_WORDS[gap].partition(":")[0]
    title = f"{capital(what)} by language, {over(shown.tasks)}, measured"
    picture = small_multiples(panels, title=title, unit="points")
    known = any(p.stderr is not None for points in panels.values() for p in points)
    bars = ", bars: two standard errors either way" if known else ""
    caption = f"A panel a language, from the smallest gap to the largest; a point a model{bars}."
    if len(panels) > MOST_PANELS:
        caption += f" {MOST_PANELS} of {len(panels)} languages, in even steps."
    caption += f" {members_words(shown, dead)}"
    place = place_of(gap)
    assert isinstance(place, int), "every gap of PANELS belongs to a question"
    name = f"languages_{gap}.svg"
    return [Drawing(name, picture, title, caption, (place, "measured"), on_page=gap == ON_PAGE)]


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
    """Mean of the rows that agree in both names that ``by`` gives, every task with the same weight."""
    groups: dict[str, dict[str, list[GapRow]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        first, second = by(row)
        groups[first][second].append(row)
    return {
        first: {second: _mean(of_both) for second, of_both in of_first.items()}
        for first, of_first in groups.items()
    }


def _mean(rows: Sequence[GapRow]) -> Point:
    """The mean over tasks of each task's mean over its units.

    Units of one task share test items and arms: their errors add as if they were wholly dependent,
    which is never too small; those of tasks as independent. ``None`` where one is not known.
    """
    tasks: dict[str, list[GapRow]] = defaultdict(list)
    for row in rows:
        tasks[row.task].append(row)
    errors = [r.stderr for r in rows if r.stderr is not None]
    of_tasks = [statistics.fmean(r.stderr or 0.0 for r in units) for units in tasks.values()]
    return Point(
        size=rows[0].params_total or 0,
        value=statistics.fmean(statistics.fmean(r.value for r in units) for units in tasks.values()),
        stderr=math.hypot(*of_tasks) / len(tasks) if len(errors) == len(rows) else None,
    )
