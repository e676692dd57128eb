"""What the languages say."""

from __future__ import annotations

from datetime import date

import pytest

from xlgap.lab.cldr import supported
from xlgap.lab.entities import Entity, inventory, name
from xlgap.lab.facts import FAMILIES, TIMES, Amount
from xlgap.lab.lexicon import text_of
from xlgap.lab.world import lexicon

DAY = date(2024, 3, 9)
GERMANY, FRANCE, SPAIN = (Entity("LOC", key) for key in ("DE", "FR", "ES"))


def say(code: str, amount: Amount, *, fine: bool) -> str:
    return text_of(lexicon(code).amount(amount, fine=fine))


@pytest.mark.parametrize(
    ("code", "coarse", "fine"),
    [
        ("en", "in 2 weeks", "in 14 days"),
        ("de", "in 2 Wochen", "in 14 Tagen"),
        ("ru", "через 2 недели", "через 14 дней"),
        ("sw", "baada ya wiki 2", "baada ya siku 14"),
        ("zh", "2周后", "14天后"),
    ],
)
def test_relative_times_in_both_units(code: str, coarse: str, fine: str) -> None:
    amount = Amount(TIMES[0], 2)
    assert (say(code, amount, fine=False), say(code, amount, fine=True)) == (coarse, fine)


def test_plural_forms_follow_the_language() -> None:
    length = next(f for f in FAMILIES if f.name == "length")
    said = [say("pl", Amount(length, n), fine=False) for n in (1, 2, 5)]
    assert said == ["1 kilometr", "2 kilometry", "5 kilometrów"]


def test_the_past_is_not_the_future() -> None:
    assert say("en", Amount(TIMES[0], -2), fine=False) == "2 weeks ago"


@pytest.mark.parametrize("code", supported())
def test_different_amounts_are_said_differently(code: str) -> None:
    amounts = [
        Amount(f, sign * n)
        for f in FAMILIES
        for n in range(1, f.most + 1)
        for sign in (1, -1)[: 1 + f.time]
    ]
    said = {}
    for amount in amounts:
        for fine in (False, True):
            text = say(code, amount, fine=fine).casefold()
            assert said.setdefault(text, amount) == amount, f"{code}: {text!r} says two amounts"


@pytest.mark.parametrize("code", supported())
def test_every_name_date_and_list_can_be_said(code: str) -> None:
    words = lexicon(code)
    listed = words.listing(
        [words.name(GERMANY), words.name(FRANCE), words.name(SPAIN), words.date(DAY)]
    )
    text = text_of(listed)
    assert "2024" in text
    assert [s.tag for s in listed if s.tag] == ["LOC", "LOC", "LOC", "DATE"]
    assert all(text_of(words.name(e)) == name(e, code) for e in inventory())
    assert text == " ".join(text.split())


def test_lists_of_one_two_and_three() -> None:
    words = lexicon("en")
    items = [words.name(e) for e in (GERMANY, FRANCE, SPAIN)]
    assert [text_of(words.listing(items[:n])) for n in (1, 2, 3)] == [
        "Germany",
        "Germany and France",
        "Germany, France, and Spain",
    ]
    assert text_of(words.listing(items[:2], style="or")) == "Germany or France"
