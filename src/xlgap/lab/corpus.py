"""The multilingual text that the from-scratch ladder is pretrained on.

Lines come from the same CLDR data as the tasks. Most lines have two sides with a tab (:data:`PAIR`)
between, which the pretraining encodes as a pair of segments: the same in English and another language
(translation language modelling, Conneau and Lample 2019), or in one language the same in other units,
in another order, or one fact out of several. So predicting a masked word teaches words, copying, units,
and which words of two languages mean the same. All languages get equally many lines.

No text of a dev or test item is in it, by construction, but orders of days: such a line goes where it
is the text of a row that is scored (:mod:`xlgap.data.corpus`). Names of the dev and test splits do
occur, as they would in any pretraining text, but a line says at most one of them, and never with an
amount that the tasks use: its amounts are in units of their own. Every other dev and test text has two
such names, or one beside an amount, an order or a set of days, or a question mark, which no line has.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from xlgap.lab.lexicon import join, text_of
from xlgap.lab.patterns import (
    HELD_OUT_IN_PARALLEL,
    HELD_OUT_PATTERNS,
    IN_PARALLEL,
    PAIR,
    PATTERNS,
)
from xlgap.lab.world import World, lexicon

HELD_OUT = 0.4
"""Share of lines with a name of the dev or test split."""

PARALLEL = 0.5
"""Share of lines of another language that hold their English translation as well."""


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
    words, held_out = lexicon(code), rng.random() < HELD_OUT
    if code == "en" or rng.random() >= PARALLEL:
        return text_of(rng.choice(HELD_OUT_PATTERNS if held_out else PATTERNS)(rng)(words))
    say = rng.choice(HELD_OUT_IN_PARALLEL if held_out else IN_PARALLEL)(rng)
    both = [say(words), say(lexicon("en"))]
    rng.shuffle(both)
    return text_of(join(PAIR, both))
