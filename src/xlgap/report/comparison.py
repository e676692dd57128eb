"""Figures that compare regimes: a forest of gaps with intervals, and a heat map of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlgap.analysis.words import signed
from xlgap.report.canvas import SIZE, Picture, headed, in_legend, look, picture, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE_HEIGHT = 0.16
"""Inches that one marker of a forest takes."""


LEGEND_COLUMNS = 4


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One marker of a forest.

    Attributes:
        row: the line that it stands on.
        series: the model, which has a marker of its own.
        value, low, high: in points; without an interval the marker stands alone.
    """

    row: str
    series: str
    value: float
    low: float | None = None
    high: float | None = None


def forest(branches: Sequence[Branch], *, title: str, unit: str = "points") -> Picture:
    """Picture of one line a row, on it one marker a series with its interval, and 0.

    Rows and series stand in the order in which they first come; an empty row name is a space between
    groups.
    """
    rows = list(dict.fromkeys(b.row for b in branches))
    series = list(dict.fromkeys(b.series for b in branches))
    step = 1 / (len(series) + 1)
    with styled() as new_figure:
        height = max(1.8, LINE_HEIGHT * len(rows) * (len(series) + 1) + 1.0)
        figure = new_figure(figsize=(SIZE[0] - 1.2, height))
        axes = figure.add_subplot()
        for i, name in enumerate(series):
            mine = [b for b in branches if b.series == name]
            y = [rows.index(b.row) + (i + 1) * step - 0.5 for b in mine]
            low = [0.0 if b.low is None else max(0.0, b.value - b.low) for b in mine]
            high = [0.0 if b.high is None else max(0.0, b.high - b.value) for b in mine]
            axes.errorbar(
                [b.value for b in mine],
                y,
                xerr=[low, high],
                label=in_legend(name),
                markersize=5,
                capsize=2.5,
                elinewidth=1.2,
                **(look(i) | {"linestyle": "none"}),
            )
        _rows(axes, rows)
        axes.set_xlabel(unit)
        axes.set_title(title, fontsize=10, x=0.2)
        axes.legend(
            loc="upper center",
            bbox_to_anchor=(0.2, -0.45 / (height - 1.0)),
            ncols=min(len(series), LEGEND_COLUMNS),
            columnspacing=1.2,
        )
        return picture(figure)


def _rows(axes: Axes, rows: Sequence[str]) -> None:
    """Names of the rows, every second one on a light ground, the first on top, and the line at 0."""
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    for i in range(1, len(rows), 2):
        axes.axhspan(i - 0.5, i + 0.5, color="#f1f1f1", linewidth=0, zorder=0)
    axes.axvline(0, color="#444444", linewidth=0.9, zorder=1)


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a heat map.

    Attributes:
        row, column: where it stands.
        value, stderr: in the unit of the map; the standard error if known.
        empty: whether the value says nothing; it has neither colour nor test then.
    """

    row: str
    column: str
    value: float
    stderr: float | None = None
    empty: bool = False

    @property
    def starred(self) -> bool:
        """Whether it is beyond two standard errors from 0."""
        return not self.empty and self.stderr is not None and abs(self.value) > 2 * self.stderr


def heat_map(fields: Sequence[Field], *, title: str, unit: str) -> Picture:
    """Picture of a table of values about 0, darker where farther from it; every value is written.

    Orange is below 0 and blue above; in grey the sign that is written and the hatching of values below
    0 tell them apart. An asterisk marks values beyond two standard errors from 0; an empty field is
    grey, its value in brackets; a field without a value is white and has a dash.
    """
    rows = list(dict.fromkeys(f.row for f in fields))
    columns = list(dict.fromkeys(f.column for f in fields))
    reach = max((abs(f.value) for f in fields if not f.empty), default=0.0) or 1.0
    cells = {(f.row, f.column): f for f in fields}
    with styled() as new_figure:
        size = (max(3.6, 0.85 * len(columns) + 2.6), max(1.9, 0.36 * len(rows) + 1.3))
        figure = new_figure(figsize=size)
        axes = figure.add_subplot()
        for y, row in enumerate(rows):
            for x, column in enumerate(columns):
                _field(axes, (x, y), cells.get((row, column)), reach)
        axes.set_xlim(-0.5, len(columns) - 0.5)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xticks(range(len(columns)), columns)
        axes.set_yticks(range(len(rows)), rows)
        if max(map(len, columns), default=0) > 9:
            for label in axes.get_xticklabels():
                label.set(rotation=30, ha="right", rotation_mode="anchor")
        axes.tick_params(length=0)
        axes.grid(visible=False)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        if not all(f.empty for f in fields):
            _scale(figure_axes=axes, reach=reach, unit=unit)
        headed(axes, title)
        return picture(figure)


BELOW, ABOVE = (0.835, 0.369, 0.0), (0.0, 0.447, 0.698)


def shade(value: float, reach: float) -> tuple[float, float, float]:
    """The colour of a value: white at 0, orange at -reach, blue at +reach."""
    share = min(1.0, abs(value) / reach)
    red, green, blue = BELOW if value < 0 else ABOVE
    return (1 - share * (1 - red), 1 - share * (1 - green), 1 - share * (1 - blue))


EMPTY = (0.9, 0.9, 0.9)


def _ground(field: Field | None, reach: float) -> tuple[float, float, float]:
    if field is None:
        return (1.0, 1.0, 1.0)
    return EMPTY if field.empty else shade(field.value, reach)


def _written(field: Field | None) -> str:
    if field is None:
        return "–"
    text = signed(field.value)
    return f"({text})" if field.empty else f"{text}{'*' * field.starred}"


def _field(axes: Axes, at: tuple[int, int], field: Field | None, reach: float) -> None:
    from matplotlib.patches import Rectangle

    x, y = at
    colour = _ground(field, reach)
    light = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
    hatch = "///" if field is not None and field.value < 0 and not field.empty else None
    axes.add_patch(
        Rectangle(
            (x - 0.48, y - 0.46),
            0.96,
            0.92,
            facecolor=colour,
            edgecolor=(0.6, 0.6, 0.6, 0.7) if hatch and light > 0.75 else (1, 1, 1, 0.55),
            hatch=hatch,
            linewidth=0,
        )
    )
    axes.text(
        x,
        y,
        _written(field),
        ha="center",
        va="center",
        fontsize=8.5,
        color="black" if light > 0.55 else "white",
        bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.2},
    )


def _scale(*, figure_axes: Axes, reach: float, unit: str) -> None:
    """A bar with the colours of the values."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colours = LinearSegmentedColormap.from_list("below_above", [BELOW, (1.0, 1.0, 1.0), ABOVE])
    figure = figure_axes.figure
    bar = figure.colorbar(
        ScalarMappable(Normalize(-reach, reach), colours), ax=figure_axes, fraction=0.05, pad=0.03
    )
    bar.set_label(unit, fontsize=9)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
