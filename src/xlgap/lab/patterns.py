"""What lines of the pretraining text say: one function a pattern, from a generator to a sayable thing.

Patterns with one side can be said in two languages; patterns with two sides hold a relation within one
language. Patterns of held-out names say one such name each, see :mod:`xlgap.lab.corpus`.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from xlgap.lab.entities import KINDS, Entity, members
from xlgap.lab.facts import FAMILIES, WEEKDAYS, Said, draw_date, draw_said
from xlgap.lab.lexicon import Lexicon, Mention, Phrase, join
from xlgap.lab.statements import (
    COLON,
    SEPARATOR,
    Statement,
    draw_mixed,
    draw_names,
    say_all,
    say_chain,
    say_list,
)

PAIR = "\t"
"""Stands between the two sides of a line; the pretraining encodes them as a pair of segments."""

CORPUS_UNITS = ("power-watt", "electric-volt", "digital-megabyte", "energy-joule")
"""Units that no task uses, so that held-out names can stand beside an amount."""

Say = Callable[[Lexicon], Phrase]
Pattern = Callable[[random.Random], Say]


def name(rng: random.Random) -> Say:
    """A name by itself."""
    entity = draw_mixed(rng, "train", 1)[0]
    return lambda words: words.name(entity)


def day(rng: random.Random) -> Say:
    """A day of the week by itself."""
    weekday = rng.choice(WEEKDAYS)
    return lambda words: words.weekday(weekday)


def amount(rng: random.Random) -> Say:
    """An amount by itself."""
    said = _said(rng)
    return lambda words: words.say(said)


def names(rng: random.Random) -> Say:
    """A list of names of one kind: it tells what kinds of names there are."""
    listed = draw_names(rng, "train", rng.choice((2, 3)), rng.choice(KINDS))
    return lambda words: say_list(words, listed)


def mixture(rng: random.Random) -> Say:
    """A name, a date and an amount, in any order."""
    mentions: list[Mention] = [*draw_mixed(rng, "train", 1), draw_date(rng), _said(rng)]
    rng.shuffle(mentions)
    return lambda words: join(SEPARATOR, [words.say(mention) for mention in mentions])


def statements(rng: random.Random) -> Say:
    """One to three statements."""
    said = _statements(rng, rng.choice((1, 2, 3)))
    return lambda words: say_all(words, said)


def group(rng: random.Random) -> Say:
    """One statement about several names."""
    statement = Statement(tuple(draw_mixed(rng, "train", 3)), _said(rng))
    return statement.say


def chain(rng: random.Random) -> Say:
    """Days of the week in some order."""
    days = rng.sample(WEEKDAYS, 3)
    return lambda words: say_chain(words, days)


def units(rng: random.Random) -> Say:
    """Two sides: an amount in both units, perhaps of a name."""
    said, about = _said(rng), _about(rng)
    return lambda words: join(PAIR, [about(words, words.say(s)) for s in (said, _converted(said))])


def recall(rng: random.Random) -> Say:
    """Two sides, in either order: several statements, and one of them again, in either unit."""
    several = _statements(rng, rng.choice((2, 3)))
    one = rng.choice(several)
    again = Statement(one.subjects, _converted(one.said) if rng.random() < 0.5 else one.said)
    sides = [several, [again]]
    rng.shuffle(sides)
    return lambda words: join(PAIR, [say_all(words, side) for side in sides])


def member(rng: random.Random) -> Say:
    """Two sides: an amount of one to three days, and of one of them, in either unit, of a name."""
    days, said = rng.sample(WEEKDAYS, rng.choice((1, 2, 3))), _said(rng)
    again = _converted(said) if rng.random() < 0.5 else said
    both = (Statement(tuple(days), said), Statement((rng.choice(days),), again))
    entity = draw_names(rng, "train", 1)[0]
    return lambda words: join(PAIR, [join(COLON, [s.say(words), words.name(entity)]) for s in both])


def ends(rng: random.Random) -> Say:
    """Two sides: a chain of three days, and the order of two of them."""
    days, about = rng.sample(WEEKDAYS, 3), _about(rng)
    pair = [days[i] for i in rng.choice(((0, 1), (1, 2), (0, 2)))]
    return lambda words: join(PAIR, [about(words, say_chain(words, side)) for side in (days, pair)])


def shuffled(rng: random.Random) -> Say:
    """Two sides: names and an amount, in two orders."""
    mentions: list[Mention] = [*draw_mixed(rng, "train", 2), _said(rng)]
    orders = [rng.sample(mentions, 3) for _ in range(2)]
    return lambda words: join(
        PAIR, [join(SEPARATOR, [words.say(mention) for mention in order]) for order in orders]
    )


def held_out_name(rng: random.Random) -> Say:
    """A held-out name by itself."""
    entity = _held_out(rng)
    return lambda words: words.name(entity)


def held_out_among(rng: random.Random) -> Say:
    """A held-out name among names of its kind."""
    entity = _held_out(rng)
    listed = [entity, *draw_names(rng, "train", rng.choice((1, 2)), entity.kind)]
    rng.shuffle(listed)
    return lambda words: say_list(words, listed)


def held_out_amount(rng: random.Random) -> Say:
    """A held-out name with an amount in a unit that no task uses."""
    entity, number, unit = _held_out(rng), rng.randint(1, 9), rng.choice(CORPUS_UNITS)
    return lambda words: join(COLON, [words.name(entity), words.quantity(number, unit)])


def _held_out(rng: random.Random) -> Entity:
    kind = rng.choice(KINDS)
    return rng.choice([entity for split in ("dev", "test") for entity in members(split, kind)])


def _said(rng: random.Random) -> Said:
    return draw_said(rng, rng.choice(FAMILIES))


def _converted(said: Said) -> Said:
    return Said(said.amount, not said.fine)


def _statements(rng: random.Random, count: int) -> list[Statement]:
    """Statements about different names, of different families."""
    subjects, families = draw_names(rng, "train", count), rng.sample(FAMILIES, count)
    return [Statement((n,), draw_said(rng, f)) for n, f in zip(subjects, families, strict=True)]


def _about(rng: random.Random) -> Callable[[Lexicon, Phrase], Phrase]:
    """In half of the lines, puts "a name: " before a phrase."""
    entity = draw_names(rng, "train", 1)[0] if rng.random() < 0.5 else None
    return lambda words, phrase: join(COLON, [words.name(entity), phrase]) if entity else phrase


IN_PARALLEL: tuple[Pattern, ...] = (name, day, amount, amount, names, mixture, statements, group, chain)
PATTERNS: tuple[Pattern, ...] = (names, ends, shuffled, *2 * (units, recall), *3 * (member,))
HELD_OUT_IN_PARALLEL: tuple[Pattern, ...] = (held_out_name, held_out_among, held_out_amount)
HELD_OUT_PATTERNS: tuple[Pattern, ...] = (held_out_among, held_out_amount)
