"""Which script a text is written in, by the Unicode names of its letters."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache

# First words of Unicode character names, by ISO 15924 code.
_NAMES: dict[str, frozenset[str]] = {
    "Arab": frozenset({"ARABIC"}),
    "Beng": frozenset({"BENGALI"}),
    "Cyrl": frozenset({"CYRILLIC"}),
    "Deva": frozenset({"DEVANAGARI"}),
    "Geor": frozenset({"GEORGIAN"}),
    "Grek": frozenset({"GREEK"}),
    "Gujr": frozenset({"GUJARATI"}),
    "Guru": frozenset({"GURMUKHI"}),
    "Hang": frozenset({"HANGUL", "CJK"}),
    "Hans": frozenset({"CJK"}),
    "Hebr": frozenset({"HEBREW"}),
    "Jpan": frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "CJK", "IDEOGRAPHIC"}),
    "Latn": frozenset({"LATIN"}),
    "Mlym": frozenset({"MALAYALAM"}),
    "Mymr": frozenset({"MYANMAR"}),
    "Taml": frozenset({"TAMIL"}),
    "Telu": frozenset({"TELUGU"}),
    "Thai": frozenset({"THAI"}),
}


@cache
def _name(character: str) -> str | None:
    """The first word of the Unicode name of a letter; ``None`` of anything else."""
    if not unicodedata.category(character).startswith("L"):
        return None
    return unicodedata.name(character, "UNNAMED").split()[0]


def script_share(texts: Iterable[str], script: str) -> float | None:
    """The share of the letters of ``texts`` that belong to ``script``; ``None`` without letters.

    Args:
        texts: any texts.
        script: ISO 15924 code, as in :class:`xlgap.languages.Language`.

    >>> script_share(["Привет, Bob"], "Cyrl")
    0.6666666666666666
    """
    counts: Counter[str] = Counter()
    for character, count in Counter("".join(texts)).items():
        name = _name(character)
        if name is not None:
            counts[name] += count
    total = counts.total()
    return sum(counts[name] for name in _NAMES[script]) / total if total else None
