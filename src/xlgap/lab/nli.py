"""Natural-language inference of the lab: does the hypothesis follow from the premise?

Items come in squares of 12. A square has two topics (s, t) and two values (v, w) that exclude each
other; that makes 4 premises ("s is v", in a context) and 4 hypotheses. Same topic and same value:
entailment; same topic, other value: contradiction; other topic and other value: neutral. Then every
premise and every hypothesis of a square stands once under each label: a model that sees one side alone
is right in exactly a third of the items, whatever it learned.

Topics are two days of the week, and all items of a square are about one name: "Monday: 2 weeks ago:
Kenya". There are four kinds of square. ``time``: the values are two times. ``quantity``: they are
quantities of two dimensions. ``set``: times, but the premise lists two days, the topic and another one.
``order``: the values are before or after a third day, said as a chain of three in the premise and as a
pair in the hypothesis. Times and quantities are said in the coarse or the fine unit ("2 weeks" or "14
days"), which premise and hypothesis need not share. How hard the squares are is a :class:`Mix`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xlgap.lab.entities import Entity
from xlgap.lab.facts import QUANTITIES, TIMES, WEEKDAYS, Amount, Said, Weekday, draw_amount
from xlgap.lab.lexicon import Lexicon, Phrase, join, text_of
from xlgap.lab.statements import COLON, Statement, draw_names, say_chain
from xlgap.lab.world import World, draw_items

LABELS = ("entailment", "neutral", "contradiction")
BESIDE = {"time": 0, "quantity": 0, "set": 1, "order": 2}
"""The kinds of square, and how many days stand beside the topic in the premise."""

_PAIRS = tuple(
    (topic, value, other_topic, other_value)
    for topic in (0, 1)
    for value in (0, 1)
    for other_topic, other_value in ((topic, value), (topic, 1 - value), (1 - topic, 1 - value))
)


@dataclass(frozen=True, kw_only=True)
class Mix:
    """How hard the squares are.

    Attributes:
        shares: kinds of square and how often each is drawn.
        same_unit: share of squares in which premise and hypothesis say the value in the same unit.
        one_direction: whether the two times of a square are both past or both future; else each has
            a direction of its own.
    """

    shares: Mapping[str, float]
    same_unit: float
    one_direction: bool


MIX = Mix(
    shares={"time": 0.4, "set": 0.3, "quantity": 0.15, "order": 0.15},
    same_unit=0.85,
    one_direction=False,
)
"""The mix of the task, chosen by English dev scores alone: ``benchmarks/lab_difficulty.py``."""


@dataclass(frozen=True)
class Square:
    """Twelve items about two topics and two values.

    Attributes:
        kind: one of :data:`BESIDE`.
        name: what all items are about.
        topics: the two topics.
        values: the two values; empty for ``order``, where they are before and after.
        beside: the day listed with the topic in the premise (``set``), or the middle and the last day
            of the chain (``order``).
        fine: for premise and hypothesis, whether the value is said in the fine unit.
        first: whether the topic comes first in the premise's list (``set``; elsewhere it does).
    """

    kind: str
    name: Entity
    topics: tuple[Weekday, Weekday]
    values: tuple[Amount, ...]
    beside: tuple[Weekday, ...]
    fine: tuple[bool, bool]
    first: bool

    def premise(self, lexicon: Lexicon, topic: int, value: int) -> Phrase:
        """The topic has the value, in the context."""
        days = (self.topics[topic], *self.beside)
        return self._say(lexicon, days if self.first else days[::-1], value, fine=self.fine[0])

    def hypothesis(self, lexicon: Lexicon, topic: int, value: int) -> Phrase:
        """The topic has the value, alone."""
        last = self.beside[1:] if self.kind == "order" else ()
        return self._say(lexicon, (self.topics[topic], *last), value, fine=self.fine[1])

    def _say(self, lexicon: Lexicon, days: tuple[Weekday, ...], value: int, *, fine: bool) -> Phrase:
        if self.kind == "order":
            said = say_chain(lexicon, days if value == 0 else days[::-1])
        else:
            said = Statement(days, Said(self.values[value], fine)).say(lexicon)
        return join(COLON, [said, lexicon.say(self.name)])


def rows(
    world: World, split: str, count: int, seed: int, *, mix: Mix = MIX
) -> Iterator[dict[str, Any]]:
    """``count`` items a language: ``{language, id, group, text, text_b, label}``."""
    squares = list(
        draw_items(
            lambda rng: draw_square(rng, split, mix),
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


def draw_square(rng: random.Random, split: str, mix: Mix = MIX) -> Square:
    """A square over the names of ``split``."""
    kind = rng.choices(tuple(mix.shares), tuple(mix.shares.values()))[0]
    name = draw_names(rng, split, 1)[0]
    s, t, *others = rng.sample(WEEKDAYS, 4)
    fine = kind != "order" and rng.random() < 0.5
    same_unit = kind == "order" or rng.random() < mix.same_unit
    return Square(
        kind=kind,
        name=name,
        topics=(s, t),
        values=_draw_values(rng, kind, mix),
        beside=tuple(others[: BESIDE[kind]]),
        fine=(fine, fine if same_unit else not fine),
        first=kind != "set" or rng.random() < 0.5,
    )


def _draw_values(rng: random.Random, kind: str, mix: Mix) -> tuple[Amount, ...]:
    """Two amounts in different units."""
    if kind == "order":
        return ()
    families = QUANTITIES if kind == "quantity" else TIMES
    first, second = (draw_amount(rng, family) for family in rng.sample(families, 2))
    if mix.one_direction and (first.number > 0) != (second.number > 0):
        second = Amount(second.family, -second.number)
    return first, second


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
