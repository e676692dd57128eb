"""Intermediate task: which of two amounts is larger, or later?

Items come in fours (a, b), (b, a), (a, a), (b, b), so that either side alone tells nothing. One of the
two sides may be said in the fine unit.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xlgap.lab.entities import Entity
from xlgap.lab.facts import FAMILIES, Amount, Said, draw_pair
from xlgap.lab.lexicon import text_of
from xlgap.lab.statements import Statement, draw_names
from xlgap.lab.world import World, draw_items

LABELS = ("less", "equal", "greater")
_PAIRS = ((0, 1), (1, 0), (0, 0), (1, 1))


@dataclass(frozen=True)
class Comparison:
    """Two names, two amounts of one family, and the units of the two sides."""

    names: tuple[Entity, Entity]
    amounts: tuple[Amount, Amount]
    fine: tuple[bool, bool]


def rows(world: World, split: str, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """``count`` items a language: ``{language, id, group, text, text_b, label}``."""
    comparisons = list(
        draw_items(
            lambda rng: draw_comparison(rng, split),
            name="lab_compare",
            split=split,
            seed=seed,
            count=-(-count // len(_PAIRS)),
        )
    )
    for code, lexicon in world.lexicons.items():
        for number in range(count):
            index, pair = divmod(number, len(_PAIRS))
            item = comparisons[index]
            first, second = (item.amounts[i] for i in _PAIRS[pair])
            left = Statement((item.names[0],), Said(first, item.fine[0]))
            right = Statement((item.names[1],), Said(second, item.fine[1]))
            sign = (first.base > second.base) - (first.base < second.base)
            yield {
                "language": code,
                "id": f"{split}-{index:04d}-{pair}",
                "group": f"{split}-{index:04d}",
                "text": text_of(left.say(lexicon)),
                "text_b": text_of(right.say(lexicon)),
                "label": LABELS[1 + sign],
            }


def draw_comparison(rng: random.Random, split: str) -> Comparison:
    """Two different amounts of a random family, about two names of ``split``."""
    first, second = draw_names(rng, split, 2)
    fine = rng.random() < 0.5
    return Comparison(
        names=(first, second),
        amounts=draw_pair(rng, rng.choice(FAMILIES)),
        fine=(fine, fine != (rng.random() < 0.5)),
    )
