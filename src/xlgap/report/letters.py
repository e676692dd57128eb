"""Names in letters that the font of the figures lacks: boxes stand there for them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from xlgap.report.canvas import STYLE

_LACKING = r"Glyph (\d+) .*missing from font"
"""How matplotlib begins a warning of a letter, after its number."""
NAMED = 6
"""Names that a sentence names."""


@contextmanager
def boxed(names: Collection[str]) -> Iterator[set[str]]:
    """Gather those of ``names`` that a figure made inside has boxes in.

    Matplotlib warns of every letter that it lacks: of letters of these names it no longer does. All
    other warnings go on, once it is left.
    """
    found: set[str] = set()
    caught: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.filterwarnings("always", message=_LACKING)
            yield found
    finally:
        for told in caught:
            of_names = _of_letter(str(told.message), names)
            found |= of_names
            if not of_names:
                warnings.warn_explicit(
                    told.message, told.category, told.filename, told.lineno, source=told.source
                )


def _of_letter(warning: str, names: Collection[str]) -> set[str]:
    """The names that have the letter which a warning says is lacking; none of other warnings."""
    lacking = re.match(_LACKING, warning)
    return {name for name in names if chr(int(lacking[1])) in name} if lacking else set()


def boxed_note(names: Collection[str]) -> tuple[str, ...]:
    """One sentence on names that figures have boxes in, none where there are none."""
    if not names:
        return ()
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (
        f"Figures have boxes for the letters that their font, {STYLE['font.family']}, lacks: those of "
        f"{', '.join(sorted(names)[:NAMED])}{more}; the page and the tables have these names whole, "
        "and names in other letters would be drawn.",
    )
