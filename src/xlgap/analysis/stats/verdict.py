"""What an estimator gives where the data cannot carry it: a sentence with the reason, no number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Refused:
    """Not estimated.

    Attributes:
        reason: one sentence: what is missing, and what would do.
    """

    reason: str
