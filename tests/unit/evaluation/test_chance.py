"""Chance levels: known expectations, and that they do not look at which item is which."""

import pytest

from xlgap.evaluation.chance import chance, majority, per_word
from xlgap.evaluation.metrics import get_metric
from xlgap.tasks import get_task

XNLI, UDPOS, XQUAD, TATOEBA = map(get_task, ("xnli", "udpos", "xquad", "tatoeba"))


def rows(key: str, values: list) -> list[dict]:
    return [{"id": str(i), key: value} for i, value in enumerate(values)]


def test_accuracy_is_exact() -> None:
    metric = get_metric("accuracy", XNLI)
    gold = rows("label", ["neutral", "neutral", "neutral", "entailment"])
    found = rows("label", ["neutral", "neutral", "entailment", "entailment"])
    assert chance(metric, XNLI, gold, found, "en") == pytest.approx(50.0)
    assert chance(metric, XNLI, gold, found[::-1], "en") == pytest.approx(50.0)


def test_a_constant_answer_has_its_own_accuracy_as_chance() -> None:
    metric = get_metric("token_accuracy", UDPOS)
    gold = rows("tags", [["NOUN", "VERB", "NOUN"], ["NOUN"]])
    found = rows("tags", [["NOUN", "NOUN", "NOUN"], ["NOUN"]])
    assert chance(metric, UDPOS, gold, found, "en") == metric.score(UDPOS, gold, found, "en") == 75


def test_the_most_frequent_answer_is_counted_over_labels_or_tokens() -> None:
    tags = rows("tags", [["NOUN", "VERB", "NOUN"], ["DET"]])
    assert majority(get_metric("token_accuracy", UDPOS), UDPOS, tags) == 50.0
    labels = rows("label", ["neutral", "neutral", "entailment"])
    assert majority(get_metric("accuracy", XNLI), XNLI, labels) == pytest.approx(200 / 3)
    assert majority(get_metric("f1", UDPOS), UDPOS, tags) is None
    assert majority(get_metric("accuracy", TATOEBA), TATOEBA, rows("text", ["a", "b"])) is None


def test_each_word_gets_its_most_frequent_training_tag() -> None:
    def tagged(*pairs: tuple[str, str]) -> list[dict]:
        return [{"id": "0", "tokens": [w for w, _ in pairs], "tags": [t for _, t in pairs]}]

    train = tagged(("Run", "VERB"), ("run", "VERB"), ("run", "NOUN"), ("cat", "NOUN"), ("dog", "NOUN"))
    gold = tagged(("run", "NOUN"), ("RUN", "VERB"), ("cat", "NOUN"), ("unseen", "NOUN"))
    accuracy = get_metric("token_accuracy", UDPOS)
    assert per_word(accuracy, UDPOS, gold, train) == 75.0
    assert per_word(accuracy, UDPOS, gold, []) is None
    assert per_word(get_metric("f1", UDPOS), UDPOS, gold, train) is None
    labels = rows("label", ["neutral"])
    assert per_word(get_metric("accuracy", XNLI), XNLI, labels, labels) is None


def test_retrieval_chance_is_one_in_n() -> None:
    gold = rows("text", list("abcde"))
    found = rows("match", ["0", "1", "2", "3", "4"])
    metric = get_metric("accuracy", TATOEBA)
    assert chance(metric, TATOEBA, gold, found, "de") == pytest.approx(20.0)


def test_span_chance_is_the_mean_over_pairings() -> None:
    answers = ["one", "two", "three", "four"]
    gold = rows("answers", [{"text": [a], "answer_start": [0]} for a in answers])
    metric = get_metric("em", XQUAD)
    level = chance(metric, XQUAD, gold, rows("text", answers), "en", seed=1, shuffles=2000)
    assert level == pytest.approx(25.0, abs=2.0)  # 4 standard errors


def test_shuffled_tags_keep_sentence_lengths_and_depend_on_the_seed_alone() -> None:
    gold = rows("tags", [["NOUN", "VERB", "ADJ", "NOUN"], ["VERB"], ["ADJ", "NOUN"]] * 5)
    metric = get_metric("f1", UDPOS)
    level = chance(metric, UDPOS, gold, gold, "en", seed=3)
    assert level == chance(metric, UDPOS, gold, gold, "en", seed=3)
    assert level != chance(metric, UDPOS, gold, gold, "en", seed=4)
    assert 10 < level < 60
