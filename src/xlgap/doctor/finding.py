"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "lacking"]
STATES: tuple[State, ...] = ("ok", "note", "lacking")
"""``note``: works, but slowly or not for everything; ``lacking``: what needs it fails."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was looked at, what was found, and what to do about it.

    Attributes:
        part: ``machine``, ``software``, ``network`` or ``study``.
        name: of what was looked at.
        found: in a few words, with units.
        state: one of :data:`STATES`.
        advice: what to do; empty where there is nothing to do.
    """

    part: str
    name: str
    found: str
    state: State = "ok"
    advice: str = ""
