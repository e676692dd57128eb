"""Every metric, of every kind: bounds, gold is perfect, order never matters, sums are enough."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlgap.evaluation.metrics import METRICS, Metric
from xlgap.tasks import get_task
from xlgap.tasks.base import Task

WORDS = st.sampled_from(["blue", "the red", "green one", "one", ""])
TAGS = st.sampled_from(["NOUN", "VERB", "SCONJ"])
LABELS = st.sampled_from(get_task("xnli").kind.labels)  # type: ignore[union-attr]


def cases(metric: Metric) -> tuple[Task, st.SearchStrategy]:
    """A task of the metric's kind and a strategy of (right answer, given answer)."""
    if "tag" in metric.kinds:
        lengths = st.integers(1, 5)
        pairs = lengths.flatmap(lambda n: st.tuples(*[st.lists(TAGS, min_size=n, max_size=n)] * 2))
        return get_task("udpos"), pairs
    if "span" in metric.kinds:
        return get_task("xquad"), st.tuples(WORDS.filter(lambda w: w.strip()), WORDS)
    if "mine" in metric.kinds:
        english = st.sampled_from(["en-1", "en-2"])
        return get_task("bucc2018"), st.tuples(english, st.just("") | english)
    if "retrieve" in metric.kinds:
        return get_task("tatoeba"), st.tuples(st.none(), st.integers(0, 5))
    if "rank" in metric.kinds:
        ids = st.sampled_from([f"c{n}" for n in range(30)])
        targets = st.lists(ids, min_size=1, max_size=3, unique=True)
        return get_task("lareqa"), st.tuples(targets, st.lists(ids, max_size=25, unique=True))
    return get_task("xnli"), st.tuples(LABELS, LABELS)


def gold_rows(metric: Metric, right: list) -> list[dict]:
    key = {"tag": "tags", "span": "answers", "rank": "targets"}.get(metric.kinds[0], "label")
    if "mine" in metric.kinds:
        return [{"id": str(i), "side": "foreign", "match": match} for i, match in enumerate(right)]
    values = [{"text": [r], "answer_start": [0]} for r in right] if key == "answers" else right
    return [{"id": str(i), key: value} for i, value in enumerate(values)]


def predictions(metric: Metric, given_answers: list) -> list[dict]:
    keys = {"tag": "tags", "span": "text", "retrieve": "match", "mine": "match", "rank": "ranked"}
    key = keys.get(metric.kinds[0], "label")
    answers = [str(a) if key == "match" else a for a in given_answers]
    return [{"id": str(i), key: answer} for i, answer in enumerate(answers)]


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: f"{m.name}-{m.kinds[0]}")
@given(data=st.data(), seed=st.integers(0, 100))
def test_metric(metric: Metric, data: st.DataObject, seed: int) -> None:
    task, pairs = cases(metric)
    drawn = data.draw(st.lists(pairs, min_size=1, max_size=8))
    right, answers = [a for a, _ in drawn], [b for _, b in drawn]
    gold, found = gold_rows(metric, right), predictions(metric, answers)

    stats = metric.stats(task, gold, found, "en")
    assert stats.shape == (len(gold), len(metric.columns))
    score = metric.score(task, gold, found, "en")
    assert 0 <= score <= 100

    both = list(zip(gold, found, strict=True))
    random.Random(seed).shuffle(both)
    assert metric.score(task, [g for g, _ in both], [p for _, p in both], "en") == pytest.approx(score)

    halves = stats[: len(gold) // 2].sum(axis=0) + stats[len(gold) // 2 :].sum(axis=0)
    assert float(metric.value(halves)) == pytest.approx(score)

    perfect = [row["id"] for row in gold] if "retrieve" in metric.kinds else right
    assert metric.score(task, gold, predictions(metric, perfect), "en") == 100
    assert np.isnan(metric.score(task, [], [], "en"))
