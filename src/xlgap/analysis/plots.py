"""Figures as SVG and PNG: gap against size, ladders, loss over distance.

Colours are those of Okabe and Ito, told apart by the colour-blind; every series has its own marker and
dashes, too, so that print in grey keeps them apart. The same rows give the same bytes: no date, fixed
identifiers.
"""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xlgap.analysis.rows import GAP_WORDS, Estimate, LanguageSlope
from xlgap.analysis.series import fit_line
from xlgap.analysis.words import interval_words, short_number, signed
from xlgap.records import Source

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#999999")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), "-", "--")
STYLE = {
    "svg.hashsalt": "xlgap",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}
UNIT = {
    "distance": "points lost for 0.1 of distance",
    "robustness": "points for 0.1 of distance",
}


DPI = 160
"""Of the PNG files: a figure is about 1000 pixels wide."""


@dataclass(frozen=True)
class Picture:
    """A figure in both formats: SVG text and PNG bytes."""

    svg: str
    png: bytes


@dataclass(frozen=True)
class Drawing:
    """A figure of the report.

    Attributes:
        name: of its SVG file.
        alt: what it shows in words, for those who cannot see it.
        caption: what its bars and lines are.
        beside: question and source it is shown for; a figure that answers name needs none.
    """

    name: str
    picture: Picture
    alt: str
    caption: str
    beside: tuple[int, Source] | None = None

    @property
    def svg(self) -> str:
        """As SVG text."""
        return self.picture.svg

    @property
    def png(self) -> bytes:
        """As PNG."""
        return self.picture.png


def picture(figure: Figure) -> Picture:
    """The figure as SVG and as PNG, without date and version."""
    text, pixels = io.StringIO(), io.BytesIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    figure.savefig(pixels, format="png", metadata={"Software": None}, dpi=DPI, bbox_inches="tight")
    return Picture(text.getvalue(), pixels.getvalue())


def gap_against_size(estimates: Iterable[Estimate], *, gap: str, confidence: float = 0.95) -> Picture:
    """Picture of one measured gap against total parameters: the mean over tasks with its line.

    Thin lines are single tasks. This is also the README's figure.
    """
    rows = [e for e in estimates if e.gap == gap and e.scale == "raw" and e.params_total]
    with styled() as new_figure:
        figure = new_figure(figsize=(6.2, 4.2))
        axes = figure.add_subplot()
        mean = [e for e in rows if e.task == "mean"]
        _series(axes, mean, 0, "mean over tasks", bars=True)
        _line(axes, mean, confidence)
        for i, task in enumerate(sorted({e.task for e in rows} - {"mean"})):
            _series(axes, [e for e in rows if e.task == task], i + 1, task, bars=False, thin=True)
        _size_axis(axes, "total parameters")
        _zero(axes)
        axes.set_ylabel(UNIT.get(gap, "points"))
        axes.set_title(GAP_WORDS[gap], loc="left", fontsize=10)
        _legend(axes)
        return picture(figure)


def ladders_against_size(series: Mapping[str, Sequence[Estimate]], *, title: str) -> Picture:
    """Picture of published gaps along the sizes of single families, one line a family and task."""
    with styled() as new_figure:
        figure = new_figure(figsize=(6.2, 4.2))
        axes = figure.add_subplot()
        for i, (label, rows) in enumerate(series.items()):
            _series(axes, rows, i, label, bars=False)
        _size_axis(axes, "total parameters")
        _zero(axes)
        axes.set_ylabel("points")
        axes.set_title(title, loc="left", fontsize=10)
        _legend(axes)
        return picture(figure)


def families_against_size(
    estimates: Sequence[Estimate], *, title: str, unit: str, confidence: float = 0.95
) -> Picture:
    """Picture of one published quantity of many models, marked by family."""
    with styled() as new_figure:
        figure = new_figure(figsize=(6.2, 4.2))
        axes = figure.add_subplot()
        _families(axes, estimates, unit, confidence)
        axes.set_title(title, loc="left", fontsize=10)
        return picture(figure)


def loss_over_distance(slopes: Sequence[LanguageSlope], *, title: str) -> Picture:
    """Picture of the loss of every language over its distance from English, one line a model."""
    with styled() as new_figure:
        figure = new_figure(figsize=(6.2, 4.6))
        axes = figure.add_subplot()
        for i, slope in enumerate(slopes):
            _cloud(axes, slope, i)
        _codes(axes, slopes[0])
        _zero(axes)
        axes.set_xlabel("syntactic distance from English (1 - cosine, URIEL)")
        axes.set_ylabel("points lost against English")
        axes.set_title(title, loc="left", fontsize=10)
        axes.legend(loc="upper left")
        return picture(figure)


@contextmanager
def styled() -> Iterator[type[Figure]]:
    """Matplotlib's settings for these figures; yields the class of figures, free of any display."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        yield Figure


def _series(
    axes: Axes, rows: Sequence[Estimate], i: int, label: str, *, bars: bool, thin: bool = False
) -> None:
    points = sorted((r for r in rows if r.params_total), key=lambda r: r.params_total or 0)
    if not points:
        return
    x = [float(p.params_total or 0) for p in points]
    y = [p.value for p in points]
    style: dict[str, Any] = {
        "color": COLOURS[i % len(COLOURS)],
        "marker": MARKERS[i % len(MARKERS)],
        "label": label,
    }
    if bars:
        style |= {"linestyle": "none", "markersize": 7, "capsize": 4, "elinewidth": 1.8, "zorder": 4}
        low = [0.0 if p.ci_low is None else p.value - p.ci_low for p in points]
        high = [0.0 if p.ci_high is None else p.ci_high - p.value for p in points]
        axes.errorbar(x, y, yerr=[[max(0.0, v) for v in low], [max(0.0, v) for v in high]], **style)
        return
    width, size = (0.9, 4) if thin else (1.6, 6)
    axes.plot(x, y, linestyle=DASHES[i % len(DASHES)], linewidth=width, markersize=size, **style)


def _line(axes: Axes, rows: Sequence[Estimate], confidence: float, colour: str = COLOURS[0]) -> None:
    """The meta-regression line over the measured range, with its slope and interval as label."""
    fit = fit_line(rows, "params_total", confidence=confidence)
    if fit is None:
        return
    ends = [min(r.params_total or 0 for r in rows), max(r.params_total or 0 for r in rows)]
    label = (
        f"{signed(fit.slope)} for ten times\nthe parameters\n{interval_words(fit.ci_low, fit.ci_high)}"
    )
    heights = [fit.intercept + fit.slope * math.log10(x) for x in ends]
    axes.plot(ends, heights, color=colour, linewidth=1.8, label=label, zorder=3)


def _families(axes: Axes, estimates: Sequence[Estimate], unit: str, confidence: float) -> None:
    """Models by family; those of one size stand side by side, 4% apart, so that all are seen."""
    families: dict[str, list[Estimate]] = defaultdict(list)
    for e in sorted(estimates, key=lambda e: e.family):
        if e.params_total:
            families[e.family].append(e)
    taken: dict[int, int] = defaultdict(int)
    for i, (family, rows) in enumerate(families.items()):
        x = []
        for r in rows:
            size = r.params_total or 0
            x.append(size * 1.04 ** taken[size])
            taken[size] += 1
        y = [r.value for r in rows]
        errors = [2 * r.stderr if r.stderr is not None else 0.0 for r in rows]
        axes.errorbar(
            x,
            y,
            yerr=errors if any(errors) else None,
            linestyle="none",
            markersize=6.5,
            capsize=3,
            elinewidth=1,
            color=COLOURS[i % len(COLOURS)],
            marker=MARKERS[i % len(MARKERS)],
            label=family,
        )
    _line(axes, [e for e in estimates if e.params_total], confidence, "#555555")
    _size_axis(axes, "total parameters")
    _zero(axes)
    axes.set_ylabel(unit)
    _legend(axes)


def _cloud(axes: Axes, slope: LanguageSlope, i: int) -> None:
    x, y = [p[1] for p in slope.points], [p[2] for p in slope.points]
    colour = COLOURS[i % len(COLOURS)]
    label = f"{slope.model}: {slope.loss_per_tenth:.1f} for 0.1 (Spearman {slope.spearman:.2f})"
    axes.plot(
        x,
        y,
        linestyle="none",
        marker=MARKERS[i % len(MARKERS)],
        color=colour,
        markersize=5,
        label=label,
    )
    centre_x, centre_y = sum(x) / len(x), sum(y) / len(y)
    ends = [min(x), max(x)]
    heights = [centre_y + 10 * slope.loss_per_tenth * (e - centre_x) for e in ends]
    axes.plot(ends, heights, color=colour, linestyle=DASHES[i % len(DASHES)], linewidth=1.4)


def _codes(axes: Axes, slope: LanguageSlope) -> None:
    """Language codes beside the points; to the left where a neighbour would be written over."""
    before = -1.0
    for code, x, y in sorted(slope.points, key=lambda p: p[1]):
        left = x - before < 0.02
        axes.annotate(
            code,
            (x, y),
            textcoords="offset points",
            xytext=(-5, 3) if not left else (5, 3),
            ha="right" if not left else "left",
            fontsize=8,
            color="#333333",
        )
        before = x


def _legend(axes: Axes) -> None:
    """Legend at the right of the axes, in the order in which series were drawn, points before line."""
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: (labels[i] != "mean over tasks", i))
    axes.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
    )


def _zero(axes: Axes) -> None:
    """Let the axis reach 0, so that a gap is seen beside none, and draw it."""
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, -0.03 * high), max(high, -0.03 * low))
    axes.axhline(0, color="#444444", linewidth=0.9, zorder=1)


def _size_axis(axes: Axes, label: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    few = math.log10(high / low) < 1.6
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if few else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(f"{label} (logarithmic)")
