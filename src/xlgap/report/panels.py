"""Figures by language: loss over distance, and one small panel a language against size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING

from xlgap.analysis.words import short_number
from xlgap.report.canvas import (
    COLOURS,
    DASHES,
    LETTERS,
    SIZE,
    Picture,
    headed,
    in_legend,
    legend,
    look,
    picture,
    size_axis,
    styled,
    zero,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PANELS = 20
COLUMNS = 4
NEAR_ZERO = 0.4
"""Share of the largest loss below which the smallest must be for the axis to begin at 0."""


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Languages of one model: a point a language, and the line through them.

    Attributes:
        label: in the legend.
        points: (language, distance, loss in points).
        slope: points for 1 of distance.
    """

    label: str
    points: tuple[tuple[str, float, float], ...]
    slope: float


@dataclass(frozen=True, kw_only=True)
class Point:
    """One model in one language: total parameters, value, standard error in the same unit."""

    size: int
    value: float
    stderr: float | None = None


def loss_over_distance(clouds: Sequence[Cloud], *, title: str, distance: str) -> Picture:
    """Picture of the loss of every language over its distance from English, one line a model."""
    with styled() as new_figure:
        figure = new_figure(figsize=(SIZE[0], 3.7))
        axes = figure.add_subplot()
        for i, cloud in enumerate(clouds):
            _cloud(axes, cloud, i)
        axes.margins(0.06, 0.1)
        losses = [y for cloud in clouds for _, _, y in cloud.points]
        if min(losses) < NEAR_ZERO * max(losses):
            zero(axes)
        _codes(axes, clouds)
        axes.set_xlabel(distance)
        axes.set_ylabel("points lost against English")
        headed(axes, title)
        legend(axes, columns=2 if len(clouds) > 3 else 1)
        return picture(figure)


def _cloud(axes: Axes, cloud: Cloud, i: int) -> None:
    x, y = [p[1] for p in cloud.points], [p[2] for p in cloud.points]
    style = look(i)
    axes.plot(x, y, label=in_legend(cloud.label), markersize=5, **(style | {"linestyle": "none"}))
    (left, low), *_, (right, high) = _along(cloud)
    dashes = DASHES[i % len(DASHES)]
    axes.plot([left, right], [low, high], color=style["color"], linestyle=dashes, linewidth=1.4)


def _codes(axes: Axes, clouds: Sequence[Cloud]) -> None:
    """Language codes by the highest point of each, off points, other codes and, if it can be, lines.

    A code that finds no place by its point stays away; one that must stand on a line has a white rim.
    """
    from matplotlib.patheffects import withStroke

    highest: dict[str, tuple[float, float]] = {}
    for cloud in clouds:
        for code, x, y in cloud.points:
            if code not in highest or y > highest[code][1]:
                highest[code] = (x, y)
    width = axes.get_xlim()[1] - axes.get_xlim()[0]
    height = axes.get_ylim()[1] - axes.get_ylim()[0]
    every = [(x / width, y / height) for cloud in clouds for _, x, y in cloud.points]
    lines = [(x / width, y / height) for cloud in clouds for x, y in _along(cloud)]
    placed: list[tuple[float, float]] = []
    for code, (x, y) in sorted(highest.items(), key=lambda item: (item[1], item[0])):
        at = (x / width, y / height)
        chosen = code_place(at, placed, every, lines)
        if chosen is None:
            continue
        placed.append((at[0] + chosen[0] / ACROSS, at[1] + chosen[1] / UP))
        axes.annotate(
            code,
            (x, y),
            textcoords="offset points",
            xytext=chosen,
            ha="center",
            va="center",
            fontsize=7.5,
            color="#222222",
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )


ALONG = 60
"""Points of a line that a code keeps away from."""


def _along(cloud: Cloud) -> list[tuple[float, float]]:
    """Points of a cloud's line."""
    x, y = [p[1] for p in cloud.points], [p[2] for p in cloud.points]
    centre_x, centre_y = sum(x) / len(x), sum(y) / len(y)
    steps = [min(x) + (max(x) - min(x)) * i / (ALONG - 1) for i in range(ALONG)]
    return [(at, centre_y + cloud.slope * (at - centre_x)) for at in steps]


OFFSETS = ((0, 8), (9, 4), (-9, 4), (10, -4), (-10, -4), (0, -8), (0, 15), (14, 9), (-14, 9))
"""Where a code may stand about its point, in points of type, best first."""
ACROSS, UP = 250.0, 200.0
"""Width and height of the axes in points of type, nearly."""


Places = Sequence[tuple[float, float]]
"""In shares of the axes."""


def code_place(
    at: tuple[float, float], placed: Places, points: Places, lines: Places
) -> tuple[int, int] | None:
    """Where the code of the point ``at`` stands about it; ``None`` where there is no place."""
    free = [o for o in OFFSETS if _free(at, o, placed, points)]
    clear = [o for o in free if _free(at, o, (), lines)]
    return next(iter(clear or free), None)


def _free(
    at: tuple[float, float],
    offset: tuple[int, int],
    placed: Places,
    points: Places,
) -> bool:
    """Whether a code at ``offset`` of the point ``at`` covers neither another code nor a point."""
    x, y = at[0] + offset[0] / ACROSS, at[1] + offset[1] / UP
    clear = all(abs(x - px) > 14 / ACROSS or abs(y - py) > 9 / UP for px, py in placed)
    return clear and all(
        abs(x - px) > 9 / ACROSS or abs(y - py) > 6.5 / UP for px, py in points if (px, py) != at
    )


def small_multiples(panels: Mapping[str, Sequence[Point]], *, title: str, unit: str) -> Picture:
    """Picture of one panel a language, value against size, all on the same axes.

    Bars are two standard errors either way. Of more than :data:`MOST_PANELS` languages as many are
    shown, in even steps from the first to the last as they are given.
    """
    chosen = spread_over(list(panels), MOST_PANELS)
    columns = min(COLUMNS, len(chosen))
    lines = math.ceil(len(chosen) / columns)
    with styled() as new_figure:
        figure = new_figure(
            figsize=(max(2.6, 1.15 * columns + 0.5), 1.2 * lines + 0.9), layout="constrained"
        )
        grid = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
        for axes in grid.flat[len(chosen) :]:
            axes.set_visible(False)
        for axes, name in zip(grid.flat, chosen, strict=False):
            _panel(axes, sorted(panels[name], key=lambda p: p.size), name)
        for i, axes in enumerate(grid.flat[: len(chosen)]):
            axes.xaxis.set_tick_params(labelbottom=i + columns >= len(chosen))
        _few_sizes(grid.flat[0], [p.size for name in chosen for p in panels[name]])
        figure.supylabel(unit, fontsize=9)
        figure.supxlabel("total parameters (logarithmic)", fontsize=9)
        figure.suptitle(fill(title, LETTERS * columns // COLUMNS), x=0.01, ha="left", fontsize=10)
        return picture(figure)


def _panel(axes: Axes, points: Sequence[Point], name: str) -> None:
    x, y = [float(p.size) for p in points], [p.value for p in points]
    bars = [0.0 if p.stderr is None else 2 * p.stderr for p in points]
    axes.errorbar(
        x,
        y,
        yerr=bars if any(bars) else None,
        color=COLOURS[0],
        marker="o",
        markersize=3.5,
        linewidth=1.1,
        elinewidth=1,
        capsize=2,
    )
    size_axis(axes, "")
    axes.axhline(0, color="#444444", linewidth=0.8, zorder=1)
    axes.tick_params(labelsize=7.5)
    axes.set_title(name, fontsize=8.5, loc="left", pad=3)


def _few_sizes(axes: Axes, sizes: Sequence[int]) -> None:
    """At most three ticks, so that they stay legible in a small panel; the axes are shared."""
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = math.log10(min(sizes)), math.log10(max(sizes))
    whole = [10.0**e for e in range(math.ceil(low), math.floor(high) + 1)]
    ticks = whole[:: max(1, math.ceil(len(whole) / 3))] if len(whole) > 1 else [min(sizes), max(sizes)]
    axes.xaxis.set_major_locator(FixedLocator([float(t) for t in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: short_number(value))


def spread_over(names: Sequence[str], most: int) -> list[str]:
    """At most ``most`` of ``names``, in even steps, first and last among them.

    >>> spread_over(["a", "b", "c", "d", "e"], 3)
    ['a', 'c', 'e']
    """
    if len(names) <= most:
        return list(names)
    return [names[round(i * (len(names) - 1) / (most - 1))] for i in range(most)]
