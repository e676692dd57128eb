"""Leaks that a study was let pass with: what ``results/leakage.json`` says of documented exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHAPE = {
    "known": [
        {
            "train": str, "split": str, "test": str, "reason": str, "pairs": int,
            "items": {str: int},
        }
    ]
}  # fmt: skip
"""Of the file; it has more."""


@dataclass(frozen=True, kw_only=True)
class Excused:
    """What one exception let pass.

    Attributes:
        train: the data set that holds test items, as ``task/split``.
        test: the task whose test items they are.
        items: how many, by language of the test set.
        pairs: how many pairs of a training and a test item.
        reason: why the study goes on.
    """

    train: str
    test: str
    items: tuple[tuple[str, int], ...]
    pairs: int
    reason: str


def excused(leakage: Mapping[str, Any]) -> tuple[Excused, ...]:
    """The exceptions that let something pass, in the order of the file.

    Args:
        leakage: of :data:`SHAPE`.
    """
    return tuple(
        Excused(
            train=f"{known['train']}/{known['split']}",
            test=known["test"],
            items=tuple(sorted(known["items"].items())),
            pairs=known["pairs"],
            reason=known["reason"],
        )
        for known in leakage["known"]
        if known["pairs"]
    )
