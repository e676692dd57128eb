"""Question answering of the lab: find the name that an amount belongs to.

A context holds :data:`CANDIDATES` statements about different names, with amounts of different
families; each gives one question, which says its amount in the coarse or the fine unit and asks for
the name. A model that does not read the question finds the right one of the names in exactly one of
three. No answer's text occurs twice in a context.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xlgap.lab.facts import FAMILIES, draw_amount
from xlgap.lab.lexicon import Lexicon, Segment, join, text_of
from xlgap.lab.statements import SEPARATOR, Statement, draw_names, say_all
from xlgap.lab.world import World, draw_items

CANDIDATES = 3


@dataclass(frozen=True)
class Passage:
    """Statements about different names, and whether each question uses the fine unit."""

    statements: tuple[Statement, ...]
    fine: tuple[bool, ...]

    def row(self, lexicon: Lexicon, asked: int) -> dict[str, Any]:
        """Context, question and answer, the answer's offset counted from the segments."""
        said = [statement.say(lexicon) for statement in self.statements]
        before = "".join(text_of(phrase) + SEPARATOR for phrase in said[:asked])
        amount = lexicon.amount(self.statements[asked].amount, fine=self.fine[asked])
        return {
            "context": text_of(say_all(lexicon, self.statements)),
            "question": text_of(join(": ", [(Segment("?"),), amount])),
            "answers": {"text": [said[asked][0].text], "answer_start": [len(before)]},
        }


def rows(world: World, split: str, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """``count`` items a language: ``{language, id, group, context, question, answers}``."""
    passages = list(
        draw_items(
            lambda rng: draw_passage(rng, split),
            name="lab_qa",
            split=split,
            seed=seed,
            count=-(-count // CANDIDATES),
        )
    )
    for code, lexicon in world.lexicons.items():
        for number in range(count):
            index, asked = divmod(number, CANDIDATES)
            yield {
                "language": code,
                "id": f"{split}-{index:04d}-{asked}",
                "group": f"{split}-{index:04d}",
                **passages[index].row(lexicon, asked),
            }


def draw_passage(rng: random.Random, split: str) -> Passage:
    """A passage over the names of ``split``."""
    names = draw_names(rng, split, CANDIDATES)
    families = rng.sample(FAMILIES, CANDIDATES)
    return Passage(
        statements=tuple(
            Statement((name,), draw_amount(rng, family), rng.random() < 0.5)
            for name, family in zip(names, families, strict=True)
        ),
        fine=tuple(rng.random() < 0.5 for _ in names),
    )
