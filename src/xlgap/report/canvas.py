"""What all figures share: colours, markers, dashes, settings, axes of size, and both file formats.

Colours are those of Okabe and Ito, told apart by the colour-blind; every series has its own marker and
dashes, too, so that print in grey keeps them apart. The same rows give the same bytes: no date, fixed
identifiers.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any

from xlgap.analysis.words import short_number
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
    "text.parse_math": False,  # names are anyone's: a dollar is a dollar
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}
DPI = 200
"""Of the PNG files: a figure is about 900 pixels wide."""
SIZE = (4.5, 3.2)
"""Inches of a figure without its legend: at the width of a column its letters keep seven points."""
LETTERS = 58
"""Of a line of a title."""


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
        on_page: whether it stands on the page of that question, and in print, beside what answers.
    """

    name: str
    picture: Picture
    alt: str
    caption: str
    beside: tuple[int, Source] | None = None
    on_page: bool = False

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


def look(i: int) -> dict[str, Any]:
    """Colour, marker and dashes of the i-th series of a figure; every second marker is hollow."""
    hollow = (i + i // len(MARKERS)) % 2 == 1
    colour = COLOURS[i % len(COLOURS)]
    return {
        "color": colour,
        "marker": MARKERS[i % len(MARKERS)],
        "linestyle": DASHES[i % len(DASHES)],
        "markerfacecolor": "white" if hollow else colour,
        "markeredgewidth": 1.4,
    }


def in_legend(name: str) -> str:
    """A name as a legend shows it: one that begins with ``_`` it would pass over.

    >>> in_legend("mine"), len(in_legend("_mine"))
    ('mine', 6)
    """
    return f"\N{ZERO WIDTH SPACE}{name}" if name.startswith("_") else name


@contextmanager
def styled() -> Iterator[type[Figure]]:
    """Matplotlib's settings for these figures; yields the class of figures, free of any display."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        yield Figure


def legend(axes: Axes, *, columns: int = 2) -> None:
    """Legend below the axes: points with bars, then lines with markers, then bare lines.

    Below and not beside, so that a figure in a column of text keeps letters of a legible size.
    """
    from matplotlib.artist import getp
    from matplotlib.container import ErrorbarContainer

    handles, labels = axes.get_legend_handles_labels()
    bare = ("", "None")
    kinds = [
        0 if isinstance(h, ErrorbarContainer) else 1 if getp(h, "marker") not in bare else 2
        for h in handles
    ]
    order = sorted(range(len(labels)), key=lambda i: (kinds[i], i))
    axes.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="upper center",
        bbox_to_anchor=(0.45, -0.17),
        ncols=columns,
        columnspacing=1.2,
        handletextpad=0.5,
    )


def headed(axes: Axes, text: str) -> None:
    """A title over the axes, in lines that are no wider than they."""
    axes.set_title(fill(text, LETTERS), loc="left", fontsize=10)


def zero(axes: Axes) -> None:
    """Let the y axis reach 0, so that a gap is seen beside none, and draw it."""
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, -0.03 * high), max(high, -0.03 * low))
    axes.axhline(0, color="#444444", linewidth=0.9, zorder=1)


NARROW = 0.4
"""Decades of sizes below which an axis has a few round numbers, however they lie."""


def size_axis(axes: Axes, label: str = "total parameters (logarithmic)") -> None:
    """A logarithmic x axis with sizes in words."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    decades = math.log10(high / low)
    subs = (1, 2, 5) if decades < 1.6 else (1,)
    locator = LogLocator(10, subs=subs, numticks=5 if decades > 5 else None)
    shown = [x for x in locator.tick_values(low, high) if low <= x <= high]
    narrow = decades < NARROW or len(shown) < 2
    axes.xaxis.set_major_locator(MaxNLocator(4) if narrow else locator)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(label)
