"""The lab's phrase book: its own phrases in another language, and nothing else."""

import pytest

from xlgap.data.sources import load
from xlgap.errors import DataError
from xlgap.lab.phrasebook import PhraseBook, phrase_book
from xlgap.tasks import get_task


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("de", "Germany: in 2 weeks", "Deutschland: in 2 Wochen"),
        ("de", "Germany: 14 days ago; Chad: 3 liters", "Deutschland: vor 14 Tagen; Tschad: 3 Liter"),
        ("de", "Monday < Friday", "Montag < Freitag"),
        ("de", "March 5, 1990", "März 5, 1990"),  # its order stays
        ("zh", "Cuba: 2 weeks ago", "古巴: 2周前"),
        ("de", "a word of no phrase, 7 apples", "a word of no phrase, 7 apples"),
    ],
)
def test_phrases_are_replaced_and_the_rest_stays(code, text, expected):
    assert PhraseBook(code).translate(text) == expected


def test_a_phrase_inside_a_word_or_a_longer_one_is_none():
    book = phrase_book("de")
    assert book.translate("Nigerian Nigeriax") == "Nigerian Nigeriax"
    assert book.translate("in 24 months") != book.translate("in 2") + "4 months"
    assert book.translate("Equatorial Guinea") in {"Äquatorialguinea", "Equatorial Guinea"}


@pytest.mark.parametrize("code", ["de", "sw", "zh", "fi"])
def test_statements_of_the_lab_come_out_nearly_as_the_lab_says_them(code):
    """Without lists, whose words stay, they are the lab's own rendering."""
    task = get_task("lab_compare")
    rows = {c: load(task, "train", ["en", code], source="lab", data_dir=None, lab_rows=80)[c].rows
            for c in ("en", code)}  # fmt: skip
    book = phrase_book(code)
    same = [
        book.translate(english["text"]) == other["text"]
        for english, other in zip(rows["en"], rows[code], strict=True)
    ]
    assert sum(same) > 0.9 * len(same)


def test_a_language_that_the_lab_does_not_speak():
    with pytest.raises(DataError, match="CLDR has no"):
        PhraseBook("ht")
