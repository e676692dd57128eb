"""What the lab talks about, without a language: amounts of time and quantity, and their units.

An :class:`Amount` is a number of coarse units of a :class:`Family` and can be said in the coarse or in
the fine unit ("2 weeks", "14 days"). Two amounts of one family agree exactly when they are equal.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

from xlgap.lab.draw import split_by_digest


@dataclass(frozen=True)
class Family:
    """Two units of one dimension.

    Attributes:
        name: of the family.
        coarse, fine: CLDR keys: of ``date_fields`` for times, of ``unit_patterns`` for quantities.
        factor: fine units in a coarse one.
        most: largest number of coarse units that is used.
        time: whether amounts are relative times, with a direction.
    """

    name: str
    coarse: str
    fine: str
    factor: int
    most: int
    time: bool


FAMILIES: tuple[Family, ...] = (
    Family("weeks", "week", "day", 7, 5, True),
    Family("years", "year", "month", 12, 5, True),
    Family("hours", "hour", "minute", 60, 5, True),
    Family("length", "length-kilometer", "length-meter", 1000, 5, False),
    Family("mass", "mass-kilogram", "mass-gram", 1000, 5, False),
    Family("volume", "volume-liter", "volume-centiliter", 100, 5, False),
)
TIMES: tuple[Family, ...] = tuple(f for f in FAMILIES if f.time)
QUANTITIES: tuple[Family, ...] = tuple(f for f in FAMILIES if not f.time)


@dataclass(frozen=True)
class Amount:
    """``number`` coarse units of ``family``; for times positive is the future, negative the past."""

    family: Family
    number: int

    def said(self, *, fine: bool) -> tuple[int, str]:
        """The number and the unit it is said with."""
        if fine:
            return self.number * self.family.factor, self.family.fine
        return self.number, self.family.coarse

    @property
    def base(self) -> int:
        """The amount in fine units: comparable within a family."""
        return self.number * self.family.factor


def draw_amount(rng: random.Random, family: Family) -> Amount:
    """An amount of ``family``, uniform over numbers and, for times, directions."""
    number = rng.randint(1, family.most)
    return Amount(family, -number if family.time and rng.random() < 0.5 else number)


def draw_pair(rng: random.Random, family: Family) -> tuple[Amount, Amount]:
    """Two different amounts of ``family``, exchangeable: swapping them changes no probability.

    Half of the time pairs differ in direction alone, so that both number and direction must be read.
    """
    first = draw_amount(rng, family)
    if family.time and rng.random() < 0.5:
        return first, Amount(family, -first.number)
    while True:
        second = draw_amount(rng, family)
        if second != first:
            return first, second


@dataclass(frozen=True)
class Said:
    """An amount in one of its two units."""

    amount: Amount
    fine: bool


@dataclass(frozen=True, order=True)
class Weekday:
    """A day of the week: 0 is Monday."""

    index: int


WEEKDAYS: tuple[Weekday, ...] = tuple(Weekday(i) for i in range(7))


def draw_said(rng: random.Random, family: Family) -> Said:
    """An amount of ``family`` in a random unit."""
    return Said(draw_amount(rng, family), rng.random() < 0.5)


FIRST_DAY = date(1960, 1, 1)
DAYS = 27394
"""Dates run from 1960-01-01 over 75 years."""


def draw_date(rng: random.Random, split: str | None = None) -> date:
    """A day, uniform; with ``split`` the first from there on that falls into it."""
    day = FIRST_DAY + timedelta(days=rng.randrange(DAYS))
    while split is not None and split_by_digest(day.isoformat()) != split:
        day += timedelta(days=1)
    return day
