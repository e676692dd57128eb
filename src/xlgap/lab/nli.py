"""Natural-language inference of the lab: does the hypothesis follow from the premise?

Items come in squares of 12. A square has two topics (s, t) and two values (v, w) that exclude each
other; that makes 4 premises ("s is v", in a context) and 4 hypotheses. Same topic and same value:
entailment; same topic, other value: contradiction; other topic and other value: neutral. Then every
premise and every hypothesis of a square stands once under each label: a model that sees one side alone
is right in exactly a third of the items, whatever it learned.

Four kinds of square, each about one name. Values are said in the coarse or the fine unit ("2 weeks" or
"14 days"), in 15% of the squares in one by the premise and in the other by the hypothesis; topics in
the coarse one. ``time``: the topics are quantities of two dimensions, the values two times in one
direction. ``set``: the same, but the premise lists two quantities, the topic and another one.
``quantity``: the topics are two times, the values two quantities of one dimension. ``order``: the
topics are two days of the week, the values before or after a third one, said as a chain of three in the
premise and as a pair in the hypothesis.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xlgap.lab.entities import Entity
from xlgap.lab.facts import QUANTITIES, TIMES, WEEKDAYS, Amount, Said, Weekday, draw_amount
from xlgap.lab.lexicon import Lexicon, Mention, Phrase, join, text_of
from xlgap.lab.statements import COLON, Statement, draw_names, say_chain
from xlgap.lab.world import World, draw_items

LABELS = ("entailment", "neutral", "contradiction")
SHARES = {"time": 0.64, "set": 0.28, "quantity": 0.05, "order": 0.03}
"""Kinds of square and how often each is drawn."""

SAME_UNIT = 0.85
"""Share of squares in which premise and hypothesis say the value in the same unit."""

_PAIRS = tuple(
    (topic, value, other_topic, other_value)
    for topic in (0, 1)
    for value in (0, 1)
    for other_topic, other_value in ((topic, value), (topic, 1 - value), (1 - topic, 1 - value))
)


@dataclass(frozen=True)
class Square:
    """Twelve items about two topics and two values.

    Attributes:
        kind: one of :data:`SHARES`.
        name: what all items are about.
        topics: the two topics.
        values: the two values (empty for ``order``).
        others: what stands beside the topic in the premise: another quantity (``set``), or the middle
            and the last day of the chain (``order``).
        fine: for premise and hypothesis, whether topic and value are said in the fine unit.
        first: whether the topic comes first in the premise's list.
    """

    kind: str
    name: Entity
    topics: tuple[Amount, Amount] | tuple[Weekday, Weekday]
    values: tuple[Amount, ...]
    others: tuple[Amount | Weekday, ...]
    fine: tuple[tuple[bool, bool], tuple[bool, bool]]
    first: bool

    def premise(self, lexicon: Lexicon, topic: int, value: int) -> Phrase:
        """The topic has the value, in the context."""
        beside = self.others if self.kind == "order" else self.others[: self.kind == "set"]
        return self._say(lexicon, topic, value, beside, self.fine[0])

    def hypothesis(self, lexicon: Lexicon, topic: int, value: int) -> Phrase:
        """The topic has the value, alone."""
        beside = self.others[1:] if self.kind == "order" else ()
        return self._say(lexicon, topic, value, beside, self.fine[1])

    def _say(
        self,
        lexicon: Lexicon,
        topic: int,
        value: int,
        beside: tuple[Amount | Weekday, ...],
        fine: tuple[bool, bool],
    ) -> Phrase:
        together: list[Mention] = [_mention(m, fine[0]) for m in (self.topics[topic], *beside)]
        if self.kind == "order":
            said = say_chain(lexicon, together if value == 0 else together[::-1])
        else:
            subjects = tuple(together if self.first else together[::-1])
            said = Statement(subjects, Said(self.values[value], fine[1])).say(lexicon)
        return join(COLON, [lexicon.say(self.name), said])


def _mention(what: Amount | Weekday, fine: bool) -> Mention:
    return Said(what, fine) if isinstance(what, Amount) else what


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
    name = draw_names(rng, split, 1)[0]
    value_fine = rng.random() < 0.5
    same_unit = rng.random() < SAME_UNIT
    fine = ((False, value_fine), (False, value_fine if same_unit else not value_fine))
    first = rng.random() < 0.5
    if kind == "order":
        s, t, middle, last = rng.sample(WEEKDAYS, 4)
        return Square(kind, name, (s, t), (), (middle, last), fine, first)
    quantities = [draw_amount(rng, family) for family in rng.sample(QUANTITIES, 3)]
    times = _two_times(rng)
    if kind == "quantity":
        numbers = rng.sample(range(1, quantities[0].family.most + 1), 2)
        values = tuple(Amount(quantities[0].family, number) for number in numbers)
        return Square(kind, name, times, values, (), fine, first)
    topics = (quantities[0], quantities[1])
    return Square(kind, name, topics, times, (quantities[2],), fine, first)


def _two_times(rng: random.Random) -> tuple[Amount, Amount]:
    """Two times in different units, both past or both future."""
    sign = rng.choice((1, -1))
    first, second = (Amount(f, sign * rng.randint(1, f.most)) for f in rng.sample(TIMES, 2))
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
