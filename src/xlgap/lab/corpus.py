"""The multilingual text that the from-scratch ladder is pretrained on.

Lines come from the same CLDR data as the tasks. Some are in one language, some say the same thing
twice with " = " between: in other units, as one statement out of several, or in English and another
language (translation language modelling), so that predicting a masked word teaches words, copying,
units, and which words of two languages mean the same. Every language but English gets equally many lines.

No text of a dev or test item is in it, by construction. Names of the dev and test splits do occur, as
they would in any pretraining text, but a line holds at most one of them, and never with an amount that
the tasks use: its amounts are in units of :data:`CORPUS_UNITS` only. Every dev and test text of the
tasks has two such names, or one with an amount, an order or a question.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from xlgap.lab.entities import KINDS, Entity, members
from xlgap.lab.facts import FAMILIES, Amount, draw_amount, draw_date
from xlgap.lab.lexicon import Lexicon, Phrase, join, text_of
from xlgap.lab.statements import Statement, say_all
from xlgap.lab.world import World, lexicon

CORPUS_UNITS = ("power-watt", "electric-volt", "digital-megabyte", "energy-joule")
"""Units that no task uses, so that held-out names can stand beside an amount."""

HELD_OUT = 0.4
"""Share of lines with a name of the dev or test split."""

PAIR = "\t"
"""Stands between the two sides of a line; the pretraining encodes them as a pair of segments."""

Say = Callable[[Lexicon], Phrase]


def lines(world: World, count: int, seed: int) -> Iterator[tuple[str, str]]:
    """``count`` lines as (language, line); the languages take turns.

    A line of two languages counts for the one that is not English.
    """
    codes = list(world.lexicons)
    for number in range(count):
        code = codes[number % len(codes)]
        yield code, line(code, random.Random(f"corpus/{seed}/{code}/{number // len(codes)}"))


def line(code: str, rng: random.Random) -> str:
    """One line of language ``code``."""
    words = lexicon(code)
    held_out = rng.random() < HELD_OUT
    if code == "en" or rng.random() >= PARALLEL:
        return text_of(rng.choice(_HELD_OUT if held_out else _ALONE)(rng)(words))
    say = rng.choice(_HELD_OUT if held_out else _PLAIN)(rng)
    both = [say(words), say(lexicon("en"))]
    rng.shuffle(both)
    return text_of(join(PAIR, both))


PARALLEL = 0.5
"""Share of lines of another language that hold their English translation as well."""


def _name(rng: random.Random, kind: str, split: str = "train") -> Entity:
    return rng.choice(members(split, kind))


def _held_out(rng: random.Random) -> Entity:
    return rng.choice([e for s in ("dev", "test") for e in members(s, rng.choice(KINDS))])


def _same_kind(rng: random.Random) -> Say:
    """A list of names of one kind: what kinds of names there are."""
    names = rng.sample(members("train", rng.choice(KINDS)), rng.choice((2, 3)))
    return lambda words: words.listing([words.name(e) for e in names])


def _mixed(rng: random.Random) -> Say:
    """A date, an amount and a name, in any order."""
    entity, day, amount = _name(rng, rng.choice(KINDS)), draw_date(rng), _amount(rng)
    order = rng.sample(range(3), 3)

    def say(words: Lexicon) -> Phrase:
        parts = [words.name(entity), words.date(day), words.amount(amount[0], fine=amount[1])]
        return join("; ", [parts[i] for i in order])

    return say


def _amount(rng: random.Random) -> tuple[Amount, bool]:
    return draw_amount(rng, rng.choice(FAMILIES)), rng.random() < 0.5


def _statements(rng: random.Random, count: int) -> list[Statement]:
    names = rng.sample(members("train", "LOC"), count)
    families = rng.sample(FAMILIES, count)
    return [
        Statement((n,), draw_amount(rng, f), rng.random() < 0.5)
        for n, f in zip(names, families, strict=True)
    ]


def _facts(rng: random.Random) -> Say:
    """One to three statements."""
    statements = _statements(rng, rng.choice((1, 2, 3)))
    return lambda words: say_all(words, statements)


def _group(rng: random.Random) -> Say:
    """One statement about several names."""
    names = tuple(rng.sample(members("train", rng.choice(KINDS)), 3))
    amount, fine = _amount(rng)
    return Statement(names, amount, fine).say


def _chain(rng: random.Random) -> Say:
    """Names in order."""
    names = rng.sample(members("train", "LOC"), 3)
    return lambda words: join(" < ", [words.name(e) for e in names])


def _conversion(rng: random.Random) -> Say:
    """One statement in both units."""
    statement = _statements(rng, 1)[0]
    other = Statement(statement.subjects, statement.amount, not statement.fine)
    return lambda words: join(PAIR, [statement.say(words), other.say(words)])


def _recall(rng: random.Random) -> Say:
    """Several statements, then one of them again."""
    statements = _statements(rng, 3)
    again = rng.choice(statements)
    return lambda words: join(PAIR, [say_all(words, statements), again.say(words)])


def _again(rng: random.Random) -> Say:
    """Names and amounts, then the same in another order."""
    say = _mixed(rng)
    return lambda words: join(PAIR, [say(words), say(words)])


def _part(rng: random.Random) -> Say:
    """A statement about several names, then about one of them."""
    names = tuple(rng.sample(members("train", "LOC"), 3))
    amount, fine = _amount(rng)
    one = Statement((rng.choice(names),), amount, fine)
    return lambda words: join(PAIR, [Statement(names, amount, fine).say(words), one.say(words)])


def _ends(rng: random.Random) -> Say:
    """A chain, then the order of two of its names."""
    names = rng.sample(members("train", "LOC"), 3)
    pair = rng.choice(((0, 1), (1, 2), (0, 2)))

    def say(words: Lexicon) -> Phrase:
        said = [words.name(e) for e in names]
        return join(PAIR, [join(" < ", said), join(" < ", [said[i] for i in pair])])

    return say


def _alone(rng: random.Random) -> Say:
    """A held-out name by itself."""
    entity = _held_out(rng)
    return lambda words: words.name(entity)


def _in_list(rng: random.Random) -> Say:
    """A held-out name among names of its kind."""
    entity = _held_out(rng)
    names = [entity, *rng.sample(members("train", entity.kind), rng.choice((1, 2)))]
    rng.shuffle(names)
    return lambda words: words.listing([words.name(e) for e in names])


def _measured(rng: random.Random) -> Say:
    """A held-out name with an amount in a unit that no task uses."""
    entity, number, unit = _held_out(rng), rng.randint(1, 9), rng.choice(CORPUS_UNITS)
    return lambda words: join(": ", [words.name(entity), words.quantity(number, unit)])


_PLAIN = (_same_kind, _mixed, _facts, _group, _chain)
_ALONE = (_same_kind, _conversion, _recall, _recall, _part, _ends, _again)
_HELD_OUT = (_alone, _in_list, _measured)
