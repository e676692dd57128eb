"""Intermediate task: which order of two days agrees with a chain of three?

The right choice's index is drawn afresh for every item, and any day is as often the first as the last,
so that the choices alone tell nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xlgap.lab.entities import Entity
from xlgap.lab.facts import WEEKDAYS, Weekday
from xlgap.lab.lexicon import Lexicon, join, text_of
from xlgap.lab.statements import COLON, draw_names, say_chain
from xlgap.lab.world import World, draw_items

CHOICES = 2


@dataclass(frozen=True)
class Chain:
    """Three days of the week in some order, about a name; two of them are asked about.

    Attributes:
        name: what the chain is about.
        days: the chain.
        pair: positions of the two days, in the chain's order.
        label: index of the right choice.
    """

    name: Entity
    days: tuple[Weekday, ...]
    pair: tuple[int, int]
    label: int

    def row(self, lexicon: Lexicon) -> dict[str, Any]:
        """The chain, and the two possible orders of the pair as choices."""
        first, second = (self.days[i] for i in self.pair)
        right, wrong = (text_of(say_chain(lexicon, p)) for p in ((first, second), (second, first)))
        return {
            "text": text_of(join(COLON, [lexicon.say(self.name), say_chain(lexicon, self.days)])),
            "choices": [right, wrong] if self.label == 0 else [wrong, right],
            "label": self.label,
        }


def rows(world: World, split: str, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """``count`` items a language: ``{language, id, group, text, choices, label}``."""
    chains = list(
        draw_items(
            lambda rng: draw_chain(rng, split), name="lab_order", split=split, seed=seed, count=count
        )
    )
    for code, lexicon in world.lexicons.items():
        for index, chain in enumerate(chains):
            item = f"{split}-{index:04d}"
            yield {"language": code, "id": item, "group": item, **chain.row(lexicon)}


def draw_chain(rng: random.Random, split: str) -> Chain:
    """A chain of three days about a name of ``split``, and a pair of them in the chain's order."""
    name = draw_names(rng, split, 1)[0]
    days = tuple(rng.sample(WEEKDAYS, 3))
    return Chain(name, days, rng.choice(((0, 1), (1, 2), (0, 2))), rng.randrange(CHOICES))
