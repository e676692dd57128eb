"""Natural-language inference of the lab: does the hypothesis follow from the premise?

Items come in squares of 12. A square has two subjects (s, t) and two propositions (v, w) that exclude
each other; that makes 4 premises ("s is v" in a context) and 4 hypotheses. Same subject and same
proposition: entailment; same subject, other proposition: contradiction; other subject: neutral. Of the
8 neutral pairs those 4 are kept that change only the subject. Then every premise and every hypothesis
of a square stands once under each label: a model that sees one side alone is right in exactly a third
of the items, whatever it learned.

Four kinds of square: ``time`` (relative times) and ``quantity``, both said in the coarse or the fine
unit on either side ("2 weeks", "14 days"); ``set`` (one of the subjects listed in the premise);
``order`` (a chain A < B < C and the pair of its ends).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xlgap.lab.entities import Entity
from xlgap.lab.facts import FAMILIES, QUANTITIES, TIMES, Amount, draw_amount, draw_pair
from xlgap.lab.lexicon import Lexicon, Phrase, join, text_of
from xlgap.lab.statements import Statement, draw_names, say_all
from xlgap.lab.world import World, draw_items

LABELS = ("entailment", "neutral", "contradiction")
KINDS = ("time", "quantity", "set", "order")
CONVERTED = 0.5
"""Share of time and quantity squares whose premise and hypothesis use different units."""

_PAIRS = tuple(
    (subject, value, hypothesis_subject, hypothesis_value)
    for subject in (0, 1)
    for value in (0, 1)
    for hypothesis_subject, hypothesis_value in (
        (subject, value),
        (1 - subject, value),
        (subject, 1 - value),
    )
)


@dataclass(frozen=True)
class Square:
    """Twelve items about two subjects and two propositions.

    Attributes:
        kind: one of :data:`KINDS`.
        subjects: the two subjects.
        others: further names of the context, two.
        amounts: the two amounts (``order`` squares do not say them).
        fine: whether premise and hypothesis use the fine unit.
        filler: a second statement of the premise, of another family (time and quantity).
        place: position of the subject in the premise.
    """

    kind: str
    subjects: tuple[Entity, Entity]
    others: tuple[Entity, Entity]
    amounts: tuple[Amount, Amount]
    fine: tuple[bool, bool]
    filler: Statement
    place: int

    def premise(self, lexicon: Lexicon, subject: int, value: int) -> Phrase:
        """"Subject is value", in the context."""
        who, (first, second) = self.subjects[subject], self.others
        if self.kind == "order":
            chain = [who, first, second] if value == 0 else [second, first, who]
            return join(" < ", [lexicon.name(entity) for entity in chain])
        if self.kind == "set":
            listed = [first, second]
            listed.insert(self.place, who)
            return Statement(tuple(listed), self.amounts[value], self.fine[0]).say(lexicon)
        statements = [self.filler]
        statements.insert(self.place % 2, Statement((who,), self.amounts[value], self.fine[0]))
        return say_all(lexicon, statements)

    def hypothesis(self, lexicon: Lexicon, subject: int, value: int) -> Phrase:
        """"Subject is value", alone."""
        who = self.subjects[subject]
        if self.kind == "order":
            pair = [who, self.others[1]] if value == 0 else [self.others[1], who]
            return join(" < ", [lexicon.name(entity) for entity in pair])
        return Statement((who,), self.amounts[value], self.fine[1]).say(lexicon)


def rows(world: World, split: str, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """``count`` items a language: ``{language, id, group, text, text_b, label}``."""
    squares = list(
        draw_items(
            lambda rng: draw_square(rng, split),
            name="lab_nli",
            split=split,
            seed=seed,
            count=-(-count // len(_PAIRS)),
        )
    )
    for code, lexicon in world.lexicons.items():
        for number in range(count):
            index, pair = divmod(number, len(_PAIRS))
            yield {"language": code, **_row(squares[index], pair, lexicon, split, index)}


def draw_square(rng: random.Random, split: str) -> Square:
    """A square over the names of ``split``."""
    kind = rng.choice(KINDS)
    s, t, first, second = draw_names(rng, split, 4)
    family = rng.choice(TIMES if kind == "time" else QUANTITIES)
    fine = rng.random() < 0.5
    converted = kind in ("time", "quantity") and rng.random() < CONVERTED
    filler = draw_amount(rng, rng.choice([f for f in FAMILIES if f is not family]))
    return Square(
        kind=kind,
        subjects=(s, t),
        others=(first, second),
        amounts=draw_pair(rng, family),
        fine=(fine, fine != converted),
        filler=Statement((first,), filler, rng.random() < 0.5),
        place=rng.randrange(3),
    )


def _row(square: Square, pair: int, lexicon: Lexicon, split: str, index: int) -> dict[str, Any]:
    subject, value, other_subject, other_value = _PAIRS[pair]
    label = LABELS[1] if subject != other_subject else LABELS[0 if value == other_value else 2]
    return {
        "id": f"{split}-{square.kind}-{index:04d}-{pair:02d}",
        "group": f"{split}-{index:04d}",
        "text": text_of(square.premise(lexicon, subject, value)),
        "text_b": text_of(square.hypothesis(lexicon, other_subject, other_value)),
        "label": label,
    }
