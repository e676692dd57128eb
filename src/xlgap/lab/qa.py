"""Question answering of the lab: find the amount that equals the one in the question.

A context holds :data:`CANDIDATES` statements about different names, with amounts of different
families; each gives one question, which says its amount in the coarse or the fine unit ("14 days" for
"2 weeks"). A model that does not read the question finds the right one of the amounts in exactly one
of three. No answer's text occurs twice in a context.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xlgap.lab.facts import FAMILIES, draw_said
from xlgap.lab.lexicon import Lexicon, Segment, join, text_of
from xlgap.lab.statements import COLON, SEPARATOR, Statement, draw_names, say_all
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
        amount = self.statements[asked].said.amount
        question = [(Segment("?"),), lexicon.amount(amount, fine=self.fine[asked])]
        return {
            "context": text_of(say_all(lexicon, self.statements)),
            "question": text_of(join(COLON, question)),
            "answers": {
                "text": [said[asked][-1].text],
                "answer_start": [len(before) + len(text_of(said[asked][:-1]))],
            },
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
            Statement((name,), draw_said(rng, family))
            for name, family in zip(names, families, strict=True)
        ),
        fine=tuple(rng.random() < 0.5 for _ in names),
    )
