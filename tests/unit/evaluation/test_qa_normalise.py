"""SQuAD v1.1: cases worked by hand from the published evaluation script's rules."""

import pytest

from xlgap.evaluation.qa_normalise import best_f1s, exact_matches, normalise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Eiffel Tower!", "eiffel tower"),
        ("an apple a day", "apple day"),
        ("Theatre", "theatre"),
        ("U.S.A.", "usa"),
        ("the", ""),
        ("25–20", "25–20"),  # only ASCII punctuation goes
        ("Der Turm", "der turm"),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected


def test_exact_match_takes_any_gold_answer() -> None:
    assert exact_matches(["the Denver Broncos"], [["Carolina", "Denver Broncos"]]) == 1.0
    assert exact_matches(["Denver"], [["Denver Broncos"]]) == 0.0


@pytest.mark.parametrize(
    ("prediction", "answers", "expected"),
    [
        ("Denver", ["Denver Broncos"], 2 / 3),
        ("Broncos Denver", ["Denver Broncos"], 1.0),
        ("Denver Denver", ["Denver Broncos"], 0.5),
        ("a b c d", ["c d e f g h", "b c"], 0.8),  # the article 'a' goes: 3 words, 2 shared of 2
        ("", ["Denver"], 0.0),
        ("the", ["an"], 0.0),  # both empty: no shared word, as in the v1.1 script
    ],
)
def test_best_f1(prediction: str, answers: list[str], expected: float) -> None:
    assert best_f1s([prediction], [answers]) == pytest.approx(expected)
