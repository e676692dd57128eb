"""Metrics: golden values by reference implementations, errors, the shapes of bootstrap weights."""

import math
from dataclasses import replace

import numpy as np
import pytest
from seqeval.metrics import f1_score

from xlgap.errors import ResultError, UnknownNameError
from xlgap.evaluation.metrics import f_measure, get_metric, ratio
from xlgap.tasks import get_task
from xlgap.tasks.base import Choose, Tag

XNLI, UDPOS, XQUAD, TATOEBA = map(get_task, ("xnli", "udpos", "xquad", "tatoeba"))
NER = replace(UDPOS, name="ner", kind=Tag(tags=("O", "B-PER", "I-PER", "B-MISC", "I-MISC"), bio=True))
COPA = replace(XNLI, name="copa", kind=Choose(choices=2))


def rows(key: str, values: list) -> list[dict]:
    return [{"id": str(i), key: value} for i, value in enumerate(values)]


# The example of seqeval's README: one of two entities found.
NER_GOLD = [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
NER_FOUND = [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]


def test_ner_f1_is_seqevals() -> None:
    metric = get_metric("f1", NER)
    score = metric.score(NER, rows("tags", NER_GOLD), rows("tags", NER_FOUND), "en")
    assert score == pytest.approx(100 * f1_score(NER_GOLD, NER_FOUND)) == 50.0


def test_stats_of_each_sentence() -> None:
    metric = get_metric("f1", NER)
    stats = metric.stats(NER, rows("tags", NER_GOLD), rows("tags", NER_FOUND), "en")
    assert stats.tolist() == [[0, 1, 1], [1, 1, 1]]
    assert metric.columns == ("both", "predicted", "gold")


def test_udpos_f1_and_token_accuracy() -> None:
    gold = rows("tags", [["NOUN", "NOUN", "VERB"], ["SCONJ"]])
    found = rows("tags", [["NOUN", "VERB", "VERB"], ["CCONJ"]])
    # chunks: gold NOUN[0-1] VERB[2] SCONJ, found NOUN[0] VERB[1-2] CCONJ: none in both
    assert get_metric("f1", UDPOS).score(UDPOS, gold, found, "en") == 0.0
    assert get_metric("token_accuracy", UDPOS).score(UDPOS, gold, found, "en") == 50.0


def test_items_are_tokens_where_tokens_are_right_or_wrong() -> None:
    gold = rows("tags", [["NOUN", "NOUN", "VERB"], ["SCONJ"]])
    for name, expected in (("token_accuracy", 4), ("f1", 2)):
        metric = get_metric(name, UDPOS)
        assert metric.items(metric.stats(UDPOS, gold, gold, "en")) == expected
    labels = rows("label", ["neutral", "entailment", "neutral"])
    metric = get_metric("accuracy", XNLI)
    assert metric.items(metric.stats(XNLI, labels, labels, "en")) == 3


def test_accuracy_of_each_kind() -> None:
    labels = rows("label", ["neutral", "entailment"])
    assert get_metric("accuracy", XNLI).score(XNLI, labels, rows("label", ["neutral"] * 2), "en") == 50
    choices = rows("label", [0, 1, 1, 0])
    assert get_metric("accuracy", COPA).score(COPA, choices, rows("label", [0] * 4), "en") == 50
    pairs = rows("text", ["a", "b", "c"])
    matches = rows("match", ["0", "2", "2"])
    score = get_metric("accuracy", TATOEBA).score(TATOEBA, pairs, matches, "de")
    assert score == pytest.approx(200 / 3)


def test_span_metrics_take_the_best_gold_answer() -> None:
    gold = [
        {"id": "0", "answers": {"text": ["Denver Broncos", "Denver"], "answer_start": [0, 0]}},
        {"id": "1", "answers": {"text": ["1999"], "answer_start": [0]}},
    ]
    found = rows("text", ["the Denver", ""])
    assert get_metric("em", XQUAD).score(XQUAD, gold, found, "de") == 50.0
    assert get_metric("f1", XQUAD).score(XQUAD, gold, found, "de") == 50.0


def test_value_works_on_bootstrap_weights() -> None:
    metric = get_metric("f1", NER)
    stats = metric.stats(NER, rows("tags", NER_GOLD), rows("tags", NER_FOUND), "en")
    weights = np.array([[1, 1], [2, 0], [0, 2]])
    assert metric.value(weights @ stats).tolist() == [50.0, 0.0, 100.0]
    assert metric.value(np.stack([weights @ stats] * 4)).shape == (4, 3)


def test_nothing_to_score_is_missing_not_zero() -> None:
    assert math.isnan(ratio(np.zeros(2)))
    assert math.isnan(f_measure(np.zeros(3)))
    assert f_measure(np.array([0.0, 2.0, 0.0])) == 0.0


def test_unknown_metric_names_the_known_ones() -> None:
    with pytest.raises(
        UnknownNameError, match=r"unknown metric of span task 'xquad' 'acuracy'; allowed"
    ):
        get_metric("acuracy", XQUAD)


def test_predictions_in_another_order_are_the_same() -> None:
    gold = rows("label", ["neutral", "entailment", "neutral"])
    found = rows("label", ["neutral", "neutral", "neutral"])
    metric = get_metric("accuracy", XNLI)
    stats = metric.stats(XNLI, gold, found[::-1], "en")
    assert stats.tolist() == [[1, 1], [0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (rows("label", ["neutral"]), "2 gold rows, got 1: 1 missing"),
        (rows("label", ["neutral"] * 3), "2 gold rows, got 3: 0 missing .*, 1 without gold row"),
        (rows("label", ["neutral"]) * 2, "1 ids stand more than once"),
    ],
)
def test_incomplete_predictions_are_an_error(found: list[dict], message: str) -> None:
    gold = rows("label", ["neutral", "entailment"])
    with pytest.raises(ResultError, match=f"task 'xnli', language 'sw': .*{message}"):
        get_metric("accuracy", XNLI).score(XNLI, gold, found, "sw")


def test_another_number_of_tags_is_an_error() -> None:
    with pytest.raises(ResultError, match="id '0' has 2 tokens and 1 predicted tags"):
        get_metric("f1", UDPOS).score(
            UDPOS, rows("tags", [["NOUN", "VERB"]]), rows("tags", [["NOUN"]]), "en"
        )
