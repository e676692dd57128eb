"""Question answering of the lab: find the amount that belongs to the name that is asked for.

A context holds :data:`CANDIDATES` statements about different names; each gives one question, so that a
model that does not read the question finds the right one of the candidates in exactly one of three.
The amounts of a context differ from each other and no answer's text occurs twice in a context.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xlgap.lab.facts import FAMILIES, draw_amount
from xlgap.lab.lexicon import Lexicon, Segment, join, text_of
from xlgap.lab.statements import Statement, draw_names, say_all
from xlgap.lab.world import World, draw_items

CANDIDATES = 3


@dataclass(frozen=True)
class Passage:
    """Statements about different names, each with an amount of another family."""

    statements: tuple[Statement, ...]

    def row(self, lexicon: Lexicon, asked: int) -> dict[str, Any]:
        """Context, question and answer, the answer's offset counted from the segments."""
        said = [statement.say(lexicon) for statement in self.statements]
        context, start = "", 0
        for i, phrase in enumerate(said):
            context += "; " if i else ""
            if i == asked:
                start = len(context) + len(text_of(phrase[:-1]))
            context += text_of(phrase)
        assert context == text_of(say_all(lexicon, self.statements))
        question = join(": ", [lexicon.name(self.statements[asked].subjects[0]), (Segment("?"),)])
        answer = said[asked][-1].text
        return {
            "context": context,
            "question": text_of(question),
            "answers": {"text": [answer], "answer_start": [start]},
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
        tuple(
            Statement((name,), draw_amount(rng, family), rng.random() < 0.5)
            for name, family in zip(names, families, strict=True)
        )
    )
