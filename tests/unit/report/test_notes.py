"""Texts that rows repeat are said once, and lose nothing."""

from __future__ import annotations

import re

import pytest

from xlgap.analysis.counted import counted
from xlgap.report.notes import OPEN, noted


def test_the_same_text_is_one_note() -> None:
    rows, notes = noted(["a mean", "a slope", "a mean"])
    assert notes == ("a mean", "a slope")
    assert [(r.note, r.own) for r in rows] == [(1, ""), (2, ""), (1, "")]


def test_numbers_that_differ_are_left_open_and_stand_in_their_row() -> None:
    texts = [f"a regression (REML, tau2 = {t}, {df} degrees of freedom), weighted 2 times"
             for t, df in (("0.31", 5), ("1e-05", 5), ("0.31", 8))]  # fmt: skip
    rows, notes = noted(texts)
    assert notes == ("a regression (REML, tau2 = …, … degrees of freedom), weighted 2 times",)
    assert [r.own for r in rows] == [
        "tau2 = 0.31; 5 degrees of freedom", "tau2 = 1e-05; 5 degrees of freedom",
        "tau2 = 0.31; 8 degrees of freedom",
    ]  # fmt: skip
    for row, text in zip(rows, texts, strict=True):  # the note with the row's own numbers is the text
        own = iter(re.findall(r"(?:= |^|; )([\d.e-]+)", row.own))
        assert re.sub(OPEN, lambda _, own=own: next(own), notes[0]) == text


def test_an_interval_is_not_taken_apart() -> None:
    rows, _ = noted(["the line: +1.0 [0.5, 1.5] points", "the line: −2.0 [−3.5, −0.5] points"])
    assert [r.own for r in rows] == ["+1.0 [0.5, 1.5] points", "−2.0 [−3.5, −0.5] points"]


def test_equal_numbers_in_two_places_are_both_told() -> None:
    rows, _ = noted(["r (p = 0.1); rho (p = 0.1)", "r (p = 0.2); rho (p = 0.3)"])
    assert [r.own for r in rows] == ["p = 0.1; p = 0.1", "p = 0.2; p = 0.3"]


def test_texts_of_many_numbers_have_notes_of_their_own() -> None:
    texts = [", ".join(f"m{n} is {n + shift}" for n in range(6)) for shift in (1, 2)]
    rows, notes = noted(texts)
    assert list(notes) == texts
    assert [r.own for r in rows] == ["", ""]


def test_a_row_without_a_text_has_no_note() -> None:
    rows, notes = noted(["", "a mean"])
    assert [r.note for r in rows] == [0, 1]
    assert notes == ("a mean",)


@pytest.mark.parametrize(
    ("count", "noun", "plural", "said"),
    [(1, "model", None, "1 model"), (0, "model", None, "0 models"), (2, "family", None, "2 families"),
     (1, "family", None, "1 family"), (2, "day", None, "2 days"), (3, "genus", "genera", "3 genera")],
)  # fmt: skip
def test_counted(count: int, noun: str, plural: str | None, said: str) -> None:
    assert counted(count, noun, plural) == said
