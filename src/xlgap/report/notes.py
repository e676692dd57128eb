"""Texts that many rows of a table repeat, each said once below it.

Texts that differ in a few numbers alone are one note, in which those numbers are left open; a row then
says the parts of the text that hold its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_OPEN = 4
"""Numbers left open in a note; texts that differ in more of them have notes of their own."""

OPEN = "…"
_NUMBER = re.compile(r"(?<![\w-])[\N{MINUS SIGN}+-]?\d+(?:[.,]\d+)*(?:e-?\d+)?")
_CLAUSE = re.compile(r"; |: |, (?![^\[\]]*\])|\(|\)")


@dataclass(frozen=True, kw_only=True)
class Noted:
    """Where the text of one row stands.

    Attributes:
        note: its number below the table, from 1; 0 for a row without a text.
        own: parts of the text with numbers of this row alone; empty where the note says all.
    """

    note: int
    own: str


def noted(texts: Sequence[str]) -> tuple[tuple[Noted, ...], tuple[str, ...]]:
    """For each text where it stands, and the notes in order of the rows.

    Example:
        >>> noted(["t test, 3 seeds", "t test, 4 seeds", "none"])[1]
        ('t test, … seeds', 'none')
    """
    groups: dict[str, list[str]] = {}
    for text in dict.fromkeys(texts):
        groups.setdefault(_NUMBER.sub(OPEN, text), []).append(text)
    told: dict[str, tuple[str, str]] = {"": ("", "")}
    for members in groups.values():
        numbers = [_NUMBER.findall(text) for text in members]
        differ = [len(set(column)) > 1 for column in zip(*numbers, strict=True)]
        if sum(differ) > MOST_OPEN:
            told |= {text: (text, "") for text in members}
        else:
            told |= {text: _opened(text, differ) for text in members}
    notes = tuple(dict.fromkeys(note for text in texts if (note := told[text][0])))
    where = {note: number for number, note in enumerate(notes, 1)}
    rows = tuple(Noted(note=where.get(told[t][0], 0), own=told[t][1]) for t in texts)
    return rows, notes


def _opened(text: str, differ: Sequence[bool]) -> tuple[str, str]:
    """``text`` with the numbers that ``differ`` left open, and the clauses that hold them."""
    if not any(differ):
        return text, ""
    ends = [0, *(m.end() for m in _CLAUSE.finditer(text)), len(text)]
    note, last = "", 0
    own: dict[int, str] = {}
    for found, open_ in zip(_NUMBER.finditer(text), differ, strict=True):
        if not open_:
            continue
        note += text[last : found.start()] + OPEN
        last = found.end()
        start = max(end for end in ends if end <= found.start())
        stop = min(end for end in ends if end >= found.end())
        own[start] = text[start:stop].strip(" ;:,.()")
    return note + text[last:], "; ".join(own.values())
