"""Natural-language inference of the lab: does the hypothesis follow from the premise?

Items come in squares of 12. A square has two topics (s, t) and two values (v, w) that exclude each
other; that makes 4 premises ("s is v", in a context) and 4 hypotheses. Same topic and same value:
entailment; same topic, other value: contradiction; other topic: neutral. Of the 8 neutral pairs those 4
are kept that change only the topic. Then every premise and every hypothesis of a square stands once
under each label: a model that sees one side alone is right in exactly a third of the items, whatever
it learned.

Four kinds of square, each side of the first two said in the coarse or the fine unit ("2 weeks" or
"14 days"): ``time`` (topics: weeks, years, hours; values: past and future), ``quantity`` (topics:
length, mass, volume; values: two numbers), ``set`` (topics: two names, of which the premise lists one;
values: two quantities), ``order`` (topics: two names; values: before or after a third one, said as a
chain of three in the premise and as a pair in the hypothesis).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xlgap.lab.entities import Entity
from xlgap.lab.facts import QUANTITIES, TIMES, Amount
from xlgap.lab.lexicon import Lexicon, Phrase, join, text_of
from xlgap.lab.statements import Statement, draw_names
from xlgap.lab.world import World, draw_items

LABELS = ("entailment", "neutral", "contradiction")
SHARES = {"time": 0.35, "quantity": 0.35, "set": 0.2, "order": 0.1}
"""Kinds of square and how often each is drawn."""

_PAIRS = tuple(
    (topic, value, other_topic, other_value)
    for topic in (0, 1)
    for value in (0, 1)
    for other_topic, other_value in ((topic, value), (1 - topic, value), (topic, 1 - value))
)


@dataclass(frozen=True)
class Square:
    """Twelve items about two topics and two values.

    Attributes:
        kind: one of :data:`SHARES`.
        names: four different names of the split.
        amounts: the amount said for topic i and value j stands at ``2 * i + j``.
        fine: whether premise and hypothesis use the fine unit.
        place: position of the topic in the premise's list.
    """

    kind: str
    names: tuple[Entity, ...]
    amounts: tuple[Amount, ...]
    fine: tuple[bool, bool]
    place: int

    def premise(self, lexicon: Lexicon, topic: int, value: int) -> Phrase:
        """The topic has the value, in the context."""
        if self.kind == "order":
            chain = [self.names[topic], self.names[2], self.names[3]]
            return _ascending(lexicon, chain if value == 0 else chain[::-1])
        listed = [self.names[0]]
        if self.kind == "set":
            listed = [self.names[2], self.names[3]]
            listed.insert(self.place, self.names[topic])
        amount = self.amounts[2 * topic + value]
        return Statement(tuple(listed), amount, self.fine[0]).say(lexicon)

    def hypothesis(self, lexicon: Lexicon, topic: int, value: int) -> Phrase:
        """The topic has the value, alone."""
        if self.kind == "order":
            pair = [self.names[topic], self.names[3]]
            return _ascending(lexicon, pair if value == 0 else pair[::-1])
        name = self.names[topic if self.kind == "set" else 0]
        return Statement((name,), self.amounts[2 * topic + value], self.fine[1]).say(lexicon)


def _ascending(lexicon: Lexicon, names: list[Entity]) -> Phrase:
    return join(" < ", [lexicon.name(entity) for entity in names])


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
    kind = rng.choices(tuple(SHARES), tuple(SHARES.values()))[0]
    fine = rng.random() < 0.5
    converts = kind in ("time", "quantity")
    return Square(
        kind=kind,
        names=tuple(draw_names(rng, split, 4)),
        amounts=_amounts(rng, kind),
        fine=(fine, rng.random() < 0.5 if converts else fine),
        place=rng.randrange(3),
    )


def _amounts(rng: random.Random, kind: str) -> tuple[Amount, ...]:
    """The amounts of the two topics, each with its two values."""
    if kind == "time":
        topics = [(f, rng.randint(1, f.most)) for f in rng.sample(TIMES, 2)]
        return tuple(Amount(f, sign * n) for f, n in topics for sign in (1, -1))
    families = rng.sample(QUANTITIES, 2)
    if kind == "set":
        families[1] = families[0]
    numbers = rng.sample(range(1, families[0].most + 1), 2)
    return tuple(Amount(f, n) for f in families for n in numbers)


def _row(square: Square, pair: int, lexicon: Lexicon, split: str, index: int) -> dict[str, Any]:
    topic, value, other_topic, other_value = _PAIRS[pair]
    label = LABELS[1] if topic != other_topic else LABELS[0 if value == other_value else 2]
    return {
        "id": f"{split}-{square.kind}-{index:04d}-{pair:02d}",
        "group": f"{split}-{index:04d}",
        "text": text_of(square.premise(lexicon, topic, value)),
        "text_b": text_of(square.hypothesis(lexicon, other_topic, other_value)),
        "label": label,
    }
