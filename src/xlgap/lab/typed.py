"""Intermediate task: of what type is a name or an amount?"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xlgap.lab.draw import split_by_digest
from xlgap.lab.entities import KINDS
from xlgap.lab.facts import FAMILIES, draw_date, draw_said
from xlgap.lab.lexicon import Mention, text_of
from xlgap.lab.ner import Sentence
from xlgap.lab.statements import draw_names
from xlgap.lab.world import World, draw_items

LABELS = ("territory", "language", "currency", "date", "time", "quantity")
_NAMED = LABELS[: len(KINDS)]


@dataclass(frozen=True)
class Typed:
    """A list of two or three mentions of one type."""

    label: str
    sentence: Sentence


def rows(world: World, split: str, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """``count`` items a language: ``{language, id, group, text, label}``; labels take turns."""
    turns = [
        draw_items(
            lambda rng, label=label: draw_typed(rng, split, label),  # type: ignore[misc]
            name=f"lab_typing/{label}",
            split=split,
            seed=seed,
            count=-(-count // len(LABELS)),
        )
        for label in LABELS
    ]
    items = [typed for turn in zip(*turns, strict=True) for typed in turn][:count]
    for code, lexicon in world.lexicons.items():
        for index, typed in enumerate(items):
            yield {
                "language": code,
                "id": f"{split}-{index:04d}",
                "group": f"{split}-{index:04d}",
                "text": text_of(typed.sentence.say(lexicon)),
                "label": typed.label,
            }


def draw_typed(rng: random.Random, split: str, label: str) -> Typed:
    """Two or three mentions of the type ``label``; lists of amounts are split by their digest."""
    while True:
        sentence = Sentence(tuple(_mentions(rng, split, label)), rng.choice(("list", "semicolons")))
        if label in {*_NAMED, "date"} or split_by_digest(repr(sentence)) == split:
            return Typed(label, sentence)


def _mentions(rng: random.Random, split: str, label: str) -> list[Mention]:
    number = rng.choice((2, 3))
    if label in _NAMED:
        return [*draw_names(rng, split, number, KINDS[LABELS.index(label)])]
    if label == "date":
        return [draw_date(rng, split) for _ in range(number)]
    families = [f for f in FAMILIES if f.time == (label == "time")]
    return [draw_said(rng, f) for f in rng.sample(families, number)]
