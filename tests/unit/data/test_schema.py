"""The row schema of each kind, and what it says of rows that break it."""

import re
from dataclasses import replace

import pytest

from xlgap.data.schema import keys, problem, texts
from xlgap.tasks import get_task
from xlgap.tasks.base import Choose, Classify

ROW = {"id": "1", "group": "1"}
PAIR = {**ROW, "text": "a", "text_b": "b", "label": "neutral"}
CHOICE = {**ROW, "text": "a", "choices": ["b", "c"], "label": 1}
TAGGED = {**ROW, "tokens": ["a", "b"], "tags": ["NOUN", "VERB"]}
SPAN = {**ROW, "context": "a b", "question": "c", "answers": {"text": ["b"], "answer_start": [2]}}
TWIN = {**ROW, "text": "a", "english": "b"}
NLI, POS, QA, TATOEBA = (get_task(name).kind for name in ("xnli", "udpos", "xquad", "tatoeba"))
COPA = Choose(choices=2)


@pytest.mark.parametrize(
    ("kind", "row"), [(NLI, PAIR), (COPA, CHOICE), (POS, TAGGED), (QA, SPAN), (TATOEBA, TWIN)]
)
def test_a_good_row(kind, row) -> None:
    assert problem(kind, row) is None
    assert set(row) == keys(kind)
    assert all(texts(kind, row))


@pytest.mark.parametrize(
    ("kind", "row", "message"),
    [
        (NLI, {**PAIR, "more": 1}, "expected the keys group, id, label, text, text_b, got .*more"),
        (NLI, {**PAIR, "id": ""}, "expected a non-empty text as 'id', got ''"),
        (NLI, {**PAIR, "text_b": "  "}, "expected a non-empty text as 'text_b'"),
        (NLI, {**PAIR, "label": "yes"}, "label 'yes' is outside the set; allowed: entailment"),
        (COPA, {**CHOICE, "label": 2}, "label 2 is outside the set; allowed: 0 to 1"),
        (COPA, {**CHOICE, "choices": ["a"]}, "expected 2 non-empty choices"),
        (POS, {**TAGGED, "tags": ["NOUN"]}, "as many tags as tokens and at least one, got 2 and 1"),
        (POS, {**TAGGED, "tokens": ["a", " "]}, "a token is empty"),
        (POS, {**TAGGED, "tags": ["NOUN", "N"]}, "tag 'N' is outside the set; allowed: ADJ"),
        (QA, {**SPAN, "answers": {"text": [], "answer_start": []}}, "at least one answer"),
        (
            QA,
            {**SPAN, "answers": {"text": ["b"], "answer_start": [0]}},
            "'b' does not stand at offset 0",
        ),
        (TATOEBA, {**TWIN, "english": None}, "expected a non-empty text as 'english'"),
    ],
)
def test_a_bad_row(kind, row, message) -> None:
    assert re.search(message, str(problem(kind, row)))


def test_a_single_text_has_no_second_one() -> None:
    kind = replace(NLI, pair=False) if isinstance(NLI, Classify) else NLI
    assert problem(kind, {k: v for k, v in PAIR.items() if k != "text_b"}) is None
    assert "text_b" in str(problem(kind, PAIR))
