"""Intermediate task: which name comes first in a chain, or which event is the earliest?

The right choice's index is drawn afresh for every item, and each of the names of a text is asked for
equally often, so that the choices alone tell nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xlgap.lab.entities import Entity
from xlgap.lab.lexicon import Lexicon, join, text_of
from xlgap.lab.statements import draw_names
from xlgap.lab.world import World, draw_items

CHOICES = 2


@dataclass(frozen=True)
class Chain:
    """Three names in order; two of them are asked about, ``said`` tells the first one's index."""

    names: tuple[Entity, ...]
    pair: tuple[int, int]
    label: int

    def row(self, lexicon: Lexicon) -> dict[str, Any]:
        """The chain, and its two possible orders of a pair as choices."""
        first, second = (lexicon.name(self.names[i]) for i in self.pair)
        right, wrong = (text_of(join(" < ", pair)) for pair in ([first, second], [second, first]))
        return {
            "text": text_of(join(" < ", [lexicon.name(entity) for entity in self.names])),
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
    """Three names of ``split``, and a pair of them in the chain's order."""
    pairs = ((0, 1), (1, 2), (0, 2))
    return Chain(tuple(draw_names(rng, split, 3)), rng.choice(pairs), rng.randrange(CHOICES))
