"""Figures against model size: gaps by family with their line, its band and what is extrapolated."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xlgap.analysis.answers.series import curve_of, fit_line
from xlgap.analysis.rows import GAP_WORDS, Estimate
from xlgap.analysis.scaling import FEWEST_MODELS, Regression
from xlgap.analysis.words import capital, interval_words, short_number, signed
from xlgap.report.canvas import (
    COLOURS,
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

UNIT = {
    "distance": "points lost for 0.1 of distance",
    "robustness": "points for 0.1 of distance",
    "retention_ratio": "percent",
    "transfer_ceiling": "percent",
    "retention_mlm": "nats a masked sub-word",
    "retention_mlm_others": "nats a masked sub-word",
}
LINE_GREY = "#444444"
SIDE_BY_SIDE = 1.06
"""Models of one size stand apart by this factor, so that all are seen."""


@dataclass(frozen=True, kw_only=True)
class Beyond:
    """An estimate at a size that no model has: always drawn as extrapolated.

    Attributes:
        size: parameters.
        value, low, high: what is predicted there, with its interval.
    """

    size: float
    value: float
    low: float | None
    high: float | None


def gap_against_size(
    estimates: Iterable[Estimate],
    *,
    gap: str,
    title: str = "",
    confidence: float = 0.95,
    beyond: Beyond | None = None,
    at_chance: Collection[str] = (),
) -> Picture:
    """Picture of one measured gap against total parameters: the mean over tasks with its line.

    Large markers are models, by family, with their intervals; thin lines are single tasks, and the
    legend says which of them the mean leaves out. This is also the README's figure.

    Args:
        estimates: of a study.
        gap: to show.
        title: by default the gap in words.
        confidence: of all intervals.
        beyond: an extrapolation.
        at_chance: tasks on which all models are at chance in English.
    """
    rows = [e for e in estimates if e.gap == gap and e.scale == "raw" and e.params_total]
    with styled() as new_figure:
        figure = new_figure(figsize=SIZE)
        axes = figure.add_subplot()
        mean = [e for e in rows if e.task == "mean"]
        shown = _families(axes, mean, "mean over tasks", confidence)
        for i, task in enumerate(sorted({e.task for e in rows} - {"mean"})):
            label = _of_task(task, mean, at_chance)
            _thin(axes, [e for e in rows if e.task == task], i + shown, label)
        _line(axes, mean, confidence, beyond)
        size_axis(axes)
        zero(axes)
        axes.set_ylabel(UNIT.get(gap, "points"))
        headed(axes, title or capital(GAP_WORDS[gap]))
        legend(axes)
        return picture(figure)


def ladders_against_size(series: Mapping[str, Sequence[Estimate]], *, title: str) -> Picture:
    """Picture of published gaps along the sizes of single families, one line a family and task."""
    with styled() as new_figure:
        figure = new_figure(figsize=SIZE)
        axes = figure.add_subplot()
        for i, (label, rows) in enumerate(series.items()):
            points = _by_size(rows)
            x, y = [float(p.params_total or 0) for p in points], [p.value for p in points]
            axes.plot(x, y, linewidth=1.6, markersize=6, label=in_legend(label), **look(i))
        size_axis(axes)
        zero(axes)
        axes.set_ylabel("points")
        headed(axes, title)
        legend(axes)
        return picture(figure)


def families_against_size(
    estimates: Sequence[Estimate], *, title: str, unit: str, confidence: float = 0.95
) -> Picture:
    """Picture of one published quantity of many models, marked by family."""
    rows = [e for e in estimates if e.params_total]
    with styled() as new_figure:
        figure = new_figure(figsize=SIZE)
        axes = figure.add_subplot()
        _families(axes, rows, "", confidence)
        _line(axes, rows, confidence, None)
        size_axis(axes)
        zero(axes)
        axes.set_ylabel(unit)
        headed(axes, title)
        legend(axes)
        return picture(figure)


def _by_size(rows: Iterable[Estimate]) -> list[Estimate]:
    found = [r for r in rows if r.params_total]
    return sorted(found, key=lambda r: (r.params_total or 0, r.model))


def _families(axes: Axes, estimates: Sequence[Estimate], alone: str, confidence: float) -> int:
    """Models with their intervals, a marker a family; returns how many families there are.

    One family needs no name: it is called ``alone`` then, where that is given.
    """
    families: dict[str, list[Estimate]] = defaultdict(list)
    for e in sorted(estimates, key=lambda e: e.family):
        if e.params_total:
            families[e.family].append(e)
    taken: dict[int, int] = defaultdict(int)
    for i, (family, rows) in enumerate(families.items()):
        x = []
        for r in _by_size(rows):
            size = r.params_total or 0
            x.append(size * SIDE_BY_SIDE ** taken[size])
            taken[size] += 1
        points = _by_size(rows)
        y = [r.value for r in points]
        bars = np.array([arms_of_bar(r, confidence) for r in points]).T
        label = alone if len(families) == 1 and alone else family
        axes.errorbar(
            x,
            y,
            yerr=bars if np.any(bars > 0) else None,
            label=in_legend(label),
            markersize=6.5,
            capsize=3,
            elinewidth=1.3,
            zorder=4,
            **(look(i) | {"linestyle": "none"}),
        )
    return len(families)


def arms_of_bar(point: Estimate, confidence: float) -> tuple[float, float]:
    """Length of the bar below and above a point: its interval, or that of a normal error."""
    from scipy.stats import norm

    if point.ci_low is not None and point.ci_high is not None:
        return max(0.0, point.value - point.ci_low), max(0.0, point.ci_high - point.value)
    half = float(norm.ppf((1 + confidence) / 2)) * point.stderr if point.stderr is not None else 0.0
    return half, half


def _of_task(task: str, mean: Sequence[Estimate], at_chance: Collection[str]) -> str:
    """Name of a task in the legend: whether the mean, where there is one, leaves it out, and why."""
    if any(task in e.tasks for e in mean):
        return task
    why = ["at chance"] if task in at_chance else []
    why += ["left out" if why else "left out of the mean"] if mean else []
    return ", ".join((task, *why))


def _thin(axes: Axes, rows: Sequence[Estimate], i: int, label: str) -> None:
    points = _by_size(rows)
    x, y = [float(p.params_total or 0) for p in points], [p.value for p in points]
    axes.plot(
        x,
        y,
        linewidth=0.9,
        markersize=4,
        label=in_legend(label),
        **(look(i) | {"markeredgewidth": 0.9}),
    )


def _line(axes: Axes, rows: Sequence[Estimate], confidence: float, beyond: Beyond | None) -> None:
    """The meta-regression line over the measured range with its band, and what goes beyond it.

    Where a curve fits better than the line, that curve.

    None where the models are too few for an answer: its band would fill the figure.
    """
    fit = fit_line(rows, "params_total", confidence=confidence)
    if fit is None or fit.n < FEWEST_MODELS:
        return
    sizes = [math.log10(r.params_total or 1) for r in rows]
    wider = "" if fit.widest == (fit.ci_low, fit.ci_high) else "\n(known errors allow more)"
    label = (
        f"{signed(fit.slope)} {interval_words(fit.ci_low, fit.ci_high)}{wider}\n"
        "for ten times the parameters"
    )
    x = np.linspace(min(sizes), max(sizes), 60)
    curve = curve_of(rows, "params_total")
    if curve is None:
        heights, half = band(fit, sizes, x, confidence=confidence)
    else:
        heights, half = curve.heights(x), curve.half(x, confidence=confidence)
        label = f"{curve.form}: fits better\nthan a straight line"
    reach = axes.get_ylim()
    axes.plot(10**x, heights, color=LINE_GREY, linewidth=1.8, label=label, zorder=3)
    axes.fill_between(
        10**x, heights - half, heights + half, color=LINE_GREY, alpha=0.13, linewidth=0, zorder=0
    )
    if beyond is not None and beyond.size > 10 ** max(sizes):
        _extrapolated(axes, (10 ** max(sizes), float(heights[-1])), beyond)
        return
    slack = 0.35 * (
        reach[1] - reach[0]
    )  # a band of few models may be many times higher than the points
    axes.set_ylim(max(axes.get_ylim()[0], reach[0] - slack), min(axes.get_ylim()[1], reach[1] + slack))


def band(
    fit: Regression, sizes: Sequence[float], x: np.ndarray, *, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Heights of the line at ``x`` and half-widths of its pointwise interval.

    The covariance is that of the slope's own interval (Knapp and Hartung): with weights w, centre c
    and spread S of the sizes the line's variance at x is q (1 / sum w + (x - c)^2 / S), where the
    slope's is q / S.

    Args:
        fit: the line.
        sizes: log10 parameters that it was fitted to, [n].
        x: log10 parameters, [k].
        confidence: of the band at each x.
    """
    from scipy.stats import t as student

    w, at = np.asarray(fit.weights), np.asarray(sizes)
    centre = np.average(at, weights=w)
    spread = float(w @ (at - centre) ** 2)
    q = fit.stderr**2 * spread
    stderr = np.sqrt(q * (1 / w.sum() + (x - centre) ** 2 / spread))
    return fit.intercept + fit.slope * x, student.ppf((1 + confidence) / 2, fit.df) * stderr


def _extrapolated(axes: Axes, end: tuple[float, float], beyond: Beyond) -> None:
    """Dashes from the largest model to the prediction, hollow and named, on shaded ground."""
    axes.axvspan(end[0] * 1.15, beyond.size * 1.6, color=COLOURS[5], alpha=0.10, linewidth=0, zorder=0)
    axes.plot(
        [end[0], beyond.size], [end[1], beyond.value], color=LINE_GREY, linestyle="--", linewidth=1.4
    )
    low = 0.0 if beyond.low is None else max(0.0, beyond.value - beyond.low)
    high = 0.0 if beyond.high is None else max(0.0, beyond.high - beyond.value)
    axes.errorbar(
        [beyond.size],
        [beyond.value],
        yerr=[[low], [high]],
        color=LINE_GREY,
        marker="D",
        markerfacecolor="white",
        markersize=6,
        capsize=3,
        elinewidth=1.1,
        linestyle="none",
        label=f"extrapolated to {short_number(beyond.size)}",
    )
    axes.annotate(
        "extrapolated",
        (math.sqrt(end[0] * 1.15 * beyond.size * 1.6), 0.985),
        xycoords=("data", "axes fraction"),
        ha="center",
        va="top",
        fontsize=8.5,
        style="italic",
        color="#333333",
    )
