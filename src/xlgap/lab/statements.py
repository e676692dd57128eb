"""The sentence that most lab texts are made of: names or days, a colon, an amount."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from xlgap.lab.entities import KINDS, Entity, members
from xlgap.lab.facts import Said
from xlgap.lab.lexicon import Lexicon, Mention, Phrase, join

COLON = ": "
SEPARATOR = "; "
"""Stands between two statements."""
BEFORE = " < "
"""Stands between the links of a chain."""


@dataclass(frozen=True)
class Statement:
    """An amount of one or more subjects: "A, B, and C: in 3 weeks"."""

    subjects: tuple[Mention, ...]
    said: Said

    def say(self, lexicon: Lexicon) -> Phrase:
        """The statement in a language."""
        return join(COLON, [say_list(lexicon, self.subjects), lexicon.say(self.said)])


def say_all(lexicon: Lexicon, statements: Sequence[Statement]) -> Phrase:
    """Several statements, with :data:`SEPARATOR` between them."""
    return join(SEPARATOR, [statement.say(lexicon) for statement in statements])


def say_list(lexicon: Lexicon, mentions: Sequence[Mention]) -> Phrase:
    """The mentions as the language lists them."""
    return lexicon.listing([lexicon.say(mention) for mention in mentions])


def say_chain(lexicon: Lexicon, mentions: Sequence[Mention]) -> Phrase:
    """The mentions with :data:`BEFORE` between them."""
    return join(BEFORE, [lexicon.say(mention) for mention in mentions])


def draw_names(rng: random.Random, split: str, count: int, kind: str = "LOC") -> list[Entity]:
    """``count`` different entities of a kind that stand in ``split``, in random order."""
    return rng.sample(members(split, kind), count)


def draw_mixed(rng: random.Random, split: str, count: int) -> list[Entity]:
    """``count`` different entities of ``split``, the kind of each drawn first, in random order."""
    names: list[Entity] = []
    while len(names) < count:
        entity = rng.choice(members(split, rng.choice(KINDS)))
        if entity not in names:
            names.append(entity)
    return names
