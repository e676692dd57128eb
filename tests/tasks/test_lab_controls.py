"""Surface controls of the lab tasks, without a neural model.

A linear model over words and word pairs sees one side only, or shuffled labels: it must stay at chance.
It is trained on the train split and scored on the test split, as the studies do.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from xlgap.evaluation.metrics import Metric, get_metric
from xlgap.lab.world import World
from xlgap.tasks import get_task

ENGLISH = World(("en",))
POINTS = 3.0


def rows(task: str, split: str, count: int) -> list[dict[str, Any]]:
    generate = get_task(task).lab
    assert generate is not None
    return list(generate(ENGLISH, split, count, 1))


def accuracy(train: list[tuple[str, str]], test: list[tuple[str, str]]) -> float:
    """Test accuracy, 0-100, of a bag of words and word pairs."""
    model = make_pipeline(
        CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+"), LogisticRegression(max_iter=500)
    )
    model.fit(*zip(*train, strict=True))
    texts, labels = zip(*test, strict=True)
    return 100 * float(model.score(texts, labels))


@pytest.mark.parametrize("side", ["text", "text_b"])
def test_one_side_of_nli_alone_is_at_chance(side: str) -> None:
    train, test = (
        [(row[side], row["label"]) for row in rows("lab_nli", split, n)]
        for split, n in (("train", 1200), ("test", 300))
    )
    assert abs(accuracy(train, test) - 100 / 3) <= POINTS


def test_nli_with_shuffled_training_labels_is_at_chance() -> None:
    train, test = (
        [(f"{row['text']} // {row['text_b']}", row["label"]) for row in rows("lab_nli", split, n)]
        for split, n in (("train", 1200), ("test", 1200))
    )
    labels = [label for _, label in train]
    scores = []
    for seed in range(5):
        random.Random(seed).shuffle(labels)
        scores.append(accuracy([(t, y) for (t, _), y in zip(train, labels, strict=True)], test))
    assert abs(sum(scores) / len(scores) - 100 / 3) <= POINTS


def test_a_question_free_model_finds_one_of_three_answers() -> None:
    """Whatever it prefers, a model of the context alone answers all questions of a context alike."""
    task = get_task("lab_qa")
    gold = rows("lab_qa", "test", 300)
    candidates: dict[str, list[str]] = defaultdict(list)
    for row in gold:
        candidates[row["context"]].append(row["answers"]["text"][0])
    preferences = {
        "first": lambda found: found[0],
        "last": lambda found: found[-1],
        "longest": lambda found: max(found, key=len),
        "a future": lambda found: max(found, key=lambda text: text.startswith("in ")),
    }
    for name in ("em", "f1"):
        metric = get_metric(name, task)

        def score(choose: Callable[[list[str]], str], metric: Metric = metric) -> float:
            guesses = [{"id": r["id"], "text": choose(candidates[r["context"]])} for r in gold]
            return float(metric.value(metric.stats(task, gold, guesses, "en").sum(0)))

        guessing = sum(score(lambda found, i=i: found[i]) for i in range(3)) / 3
        assert guessing == pytest.approx(100 / 3, abs=0.0 if name == "em" else 5.0)
        for choose in preferences.values():
            assert abs(score(choose) - guessing) <= POINTS


def test_the_place_of_the_answer_and_the_words_of_the_question_tell_nothing() -> None:
    train, test = (
        [
            (row["question"], str(row["context"].split("; ").index(_statement(row))))
            for row in rows("lab_qa", split, n)
        ]
        for split, n in (("train", 1200), ("test", 1200))
    )
    assert abs(accuracy(train, test) - 100 / 3) <= POINTS


def _statement(row: dict[str, Any]) -> str:
    answer = row["answers"]["text"][0]
    return next(s for s in row["context"].split("; ") if s.endswith(f": {answer}"))


def test_the_place_of_a_name_does_not_tell_its_type() -> None:
    """A tagger that knows the position and the neighbouring signs only, on names that it never saw."""
    train, test = (_places(rows("lab_ner", split, n)) for split, n in (("train", 800), ("test", 400)))
    most_frequent = 100 * Counter(y for _, y in test).most_common(1)[0][1] / len(test)
    assert accuracy(train, test) <= most_frequent + POINTS


def _places(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    places = []
    for row in found:
        number = 0
        for token, tag in zip(row["tokens"], row["tags"], strict=True):
            if tag in {"B-LOC", "B-LANG", "B-CUR"}:
                places.append((f"place{number}", tag))
            number += tag[0] == "B" or token in {":", ";"}
    return places


@pytest.mark.parametrize("side", ["text", "text_b"])
def test_one_side_of_a_comparison_alone_finds_equal_ones_at_chance(side: str) -> None:
    """Each side of a four stands twice under "equal" and twice under another label."""
    train, test = (
        [(row[side], str(row["label"] == "equal")) for row in rows("lab_compare", split, n)]
        for split, n in (("train", 1200), ("test", 400))
    )
    assert abs(accuracy(train, test) - 50) <= POINTS


def test_the_choices_of_an_order_alone_are_at_chance() -> None:
    train, test = (
        [(" // ".join(row["choices"]), str(row["label"])) for row in rows("lab_order", split, n)]
        for split, n in (("train", 1500), ("test", 1500))
    )
    assert abs(accuracy(train, test) - 50) <= POINTS
