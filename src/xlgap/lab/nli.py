"""Natural-language inference of the lab: does the hypothesis follow from the premise?

Items come in squares of 12. A square has two topics (s, t) and two values (v, w) that exclude each
other; that makes 4 premises ("s is v", in a context) and 4 hypotheses. Same topic and same value:
entailment; same topic, other value: contradiction; other topic: neutral. Of the 8 neutral pairs those 4
are kept that change only the topic. Then every premise and every hypothesis of a square stands once
under each label: a model that sees one side alone is right in exactly a third of the items, whatever
it learned.

Four kinds of square, all about one name. ``time``: the topics are two days of the week, the values two
different times, said in the coarse or the fine unit on either side ("2 weeks" or "14 days"). ``set``:
the same, but the premise lists the day among others. ``quantity``: the topics are two of length, mass
and volume, the values two numbers, in either unit. ``order``: the topics are two days, the values before
or after a third one, said as a chain of three in the premise and as a pair in the hypothesis.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xlgap.lab.entities import Entity
from xlgap.lab.facts import QUANTITIES, TIMES, WEEKDAYS, Amount, Said, Weekday, draw_amount
from xlgap.lab.lexicon import Lexicon, Phrase, join, text_of
from xlgap.lab.statements import COLON, Statement, draw_names, say_chain
from xlgap.lab.world import World, draw_items

LABELS = ("entailment", "neutral", "contradiction")
SHARES = {"time": 0.4, "set": 0.4, "quantity": 0.1, "order": 0.1}
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
        name: what all items are about.
        days: four different days of the week; the first two are the topics.
        amounts: the amount said for topic i and value j stands at ``2 * i + j``.
        fine: whether premise and hypothesis use the fine unit.
        place: position of the topic in the premise's list.
    """

    kind: str
    name: Entity
    days: tuple[Weekday, ...]
    amounts: tuple[Amount, ...]
    fine: tuple[bool, bool]
    place: int

    def premise(self, lexicon: Lexicon, topic: int, value: int) -> Phrase:
        """The topic has the value, in the context."""
        if self.kind == "order":
            chain = [self.days[topic], *self.days[2:]]
            return self._about(lexicon, say_chain(lexicon, chain if value == 0 else chain[::-1]))
        said = Said(self.amounts[2 * topic + value], self.fine[0])
        if self.kind == "quantity":
            return self._about(lexicon, lexicon.say(said))
        listed = list(self.days[2:]) if self.kind == "set" else []
        listed.insert(self.place, self.days[topic])
        return self._about(lexicon, Statement(tuple(listed), said).say(lexicon))

    def hypothesis(self, lexicon: Lexicon, topic: int, value: int) -> Phrase:
        """The topic has the value, alone."""
        if self.kind == "order":
            pair = [self.days[topic], self.days[3]]
            return self._about(lexicon, say_chain(lexicon, pair if value == 0 else pair[::-1]))
        said = Said(self.amounts[2 * topic + value], self.fine[1])
        if self.kind == "quantity":
            return self._about(lexicon, lexicon.say(said))
        return self._about(lexicon, Statement((self.days[topic],), said).say(lexicon))

    def _about(self, lexicon: Lexicon, phrase: Phrase) -> Phrase:
        return join(COLON, [lexicon.say(self.name), phrase])


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
    return Square(
        kind=kind,
        name=draw_names(rng, split, 1)[0],
        days=tuple(rng.sample(WEEKDAYS, 4)),
        amounts=_amounts(rng, kind),
        fine=(fine, rng.random() < 0.5),
        place=rng.randrange(3),
    )


def _amounts(rng: random.Random, kind: str) -> tuple[Amount, ...]:
    """The amounts of the two topics, each with its two values."""
    if kind == "quantity":
        families = rng.sample(QUANTITIES, 2)
        numbers = rng.sample(range(1, families[0].most + 1), 2)
        return tuple(Amount(f, n) for f in families for n in numbers)
    return tuple(draw_amount(rng, family) for family in rng.sample(TIMES, 2)) * 2


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
