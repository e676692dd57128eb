"""Bitext retrieval of the lab: sentences of held-out names, the same ones in every language.

A sentence lists three names of random kinds and says an amount of them. Sentences come in pairs that
say the same amount, so that its digits, equal in all languages, do not find the translation.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from xlgap.lab.entities import Entity
from xlgap.lab.facts import FAMILIES, draw_said
from xlgap.lab.lexicon import text_of
from xlgap.lab.statements import Statement, draw_mixed
from xlgap.lab.world import World, draw_items, lexicon

SHARING = 2


def rows(world: World, split: str, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """``count`` items of every language but English: ``{language, id, group, text, english}``."""
    twins = list(
        draw_items(
            lambda rng: draw_twins(rng, split),
            name="lab_retrieval",
            split=split,
            seed=seed,
            count=-(-count // SHARING),
        )
    )
    statements = [statement for pair in twins for statement in pair][:count]
    english = [text_of(s.say(lexicon("en"))) for s in statements]
    for code, words in world.lexicons.items():
        if code == "en":
            continue
        for index, statement in enumerate(statements):
            yield {
                "language": code,
                "id": f"{split}-{index:04d}",
                "group": f"{split}-{index // SHARING:04d}",
                "text": text_of(statement.say(words)),
                "english": english[index],
            }


def draw_twins(rng: random.Random, split: str) -> tuple[Statement, ...]:
    """Two statements about different names of ``split`` that say the same amount."""
    said = draw_said(rng, rng.choice(FAMILIES))
    lists: dict[frozenset[Entity], Statement] = {}
    while len(lists) < SHARING:
        names = draw_mixed(rng, split, 3)
        lists.setdefault(frozenset(names), Statement(tuple(names), said))
    return tuple(lists.values())
