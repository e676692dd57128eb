"""The sentence that most lab texts are made of: names, a colon, an amount."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from xlgap.lab.entities import Entity, members
from xlgap.lab.facts import Amount
from xlgap.lab.lexicon import Lexicon, Phrase, join


SEPARATOR = "; "
"""Stands between two statements."""


@dataclass(frozen=True)
class Statement:
    """"A, B, and C: in 3 weeks", or in the fine unit "... in 21 days"."""

    subjects: tuple[Entity, ...]
    amount: Amount
    fine: bool

    def say(self, lexicon: Lexicon) -> Phrase:
        """The statement in a language."""
        names = lexicon.listing([lexicon.name(subject) for subject in self.subjects])
        return join(": ", [names, lexicon.amount(self.amount, fine=self.fine)])


def say_all(lexicon: Lexicon, statements: Sequence[Statement]) -> Phrase:
    """Several statements, with :data:`SEPARATOR` between them."""
    return join(SEPARATOR, [statement.say(lexicon) for statement in statements])


def draw_names(rng: random.Random, split: str, count: int, kind: str = "LOC") -> list[Entity]:
    """``count`` different entities of a kind that stand in ``split``, in random order."""
    return rng.sample(members(split, kind), count)
