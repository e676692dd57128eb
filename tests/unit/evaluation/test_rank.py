"""Rankings by inner product, mAP@20 and its chance level, against brute force and sklearn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from xlgap.evaluation.chance import chance
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.rank import (
    DEPTH,
    Pool,
    average_precision,
    expected_precision,
    nearest,
    own_candidates,
)
from xlgap.tasks import get_task

LAREQA, MEWSLIX = get_task("lareqa"), get_task("mewslix")
IDS = [f"c{n}" for n in range(60)]
rankings = st.lists(st.sampled_from(IDS), unique=True, max_size=40)
targets = st.lists(st.sampled_from(IDS), unique=True, min_size=1, max_size=30)


def unit(rows, width, seed):
    vectors = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_rankings_are_those_of_a_full_sort_however_much_is_held_at_once():
    queries, pool = unit(23, 8, 1), Pool(tuple(IDS), unit(len(IDS), 8, 2))
    similar = queries @ pool.vectors.T
    expected = [[IDS[k] for k in np.argsort(-row, kind="stable")[:DEPTH]] for row in similar]
    for at_once in (1, len(IDS), 7 * len(IDS), 10**6):
        assert pool.ranked(queries, at_once=at_once) == expected


def test_of_equally_near_candidates_the_earlier_one_comes_first_at_the_cut_too():
    values = np.ones((1, 50), np.float32)
    values[0, 40] = 2
    (places,) = nearest(values)
    assert places.tolist() == [40, *range(DEPTH - 1)]


def test_a_pool_smaller_than_the_ranking_is_ranked_whole():
    (ranked,) = Pool(("a", "b", "c"), np.eye(3, dtype=np.float32)).ranked(unit(1, 3, 3))
    assert sorted(ranked) == ["a", "b", "c"]


@pytest.mark.parametrize("seed", range(20))
def test_average_precision_is_that_of_sklearn_where_nothing_is_cut(seed):
    random = np.random.default_rng(seed)
    count = int(random.integers(2, DEPTH + 1))
    similar, right = random.normal(size=count), random.random(count) < 0.4
    right[int(random.integers(count))] = True
    ranked = [IDS[k] for k in np.argsort(-similar)]
    wanted = [IDS[k] for k in np.flatnonzero(right)]
    expected = average_precision_score(right, similar)
    assert average_precision(ranked, wanted) == pytest.approx(expected, abs=1e-12)


def test_one_right_candidate_gives_the_reciprocal_of_its_place():
    assert average_precision(["a", "b", "c"], ["c"]) == pytest.approx(1 / 3)
    assert average_precision([*IDS[:19], "x"], ["x"]) == pytest.approx(1 / 20)
    assert average_precision([*IDS[:20], "x"], ["x"]) == 0


def test_the_divisor_counts_no_more_right_candidates_than_there_are_places():
    assert average_precision(IDS[:20], IDS[:30]) == 1
    assert average_precision(IDS[:10], IDS[:11]) == pytest.approx(10 / 11)


def test_a_repeated_id_counts_once():
    assert average_precision(["a"] * 20, ["a", "b"]) == 0.5


@given(ranked=rankings, wanted=targets)
def test_what_stands_behind_the_cut_does_not_matter(ranked, wanted):
    whole = average_precision(ranked, wanted)
    assert 0 <= whole <= 1
    assert whole == average_precision(ranked[:DEPTH], wanted)
    assert whole == average_precision(ranked[:DEPTH] + ranked[DEPTH:][::-1], wanted[::-1])


@given(ranked=rankings, wanted=targets)
def test_a_right_candidate_further_in_front_is_never_worse(ranked, wanted):
    front = sorted(ranked, key=lambda name: name not in wanted)
    assert average_precision(front, wanted) >= average_precision(ranked, wanted)


@given(wanted=targets)
def test_an_empty_ranking_is_worth_nothing_and_the_right_one_everything(wanted):
    assert average_precision([], wanted) == 0
    assert average_precision(wanted, wanted) == 1


def toy(items, seed):
    random = np.random.default_rng(seed)
    gold = [
        {"id": str(i), "targets": list(random.choice(IDS, random.integers(1, 25), replace=False))}
        for i in range(items)
    ]
    found = [
        {"id": str(i), "ranked": list(random.choice(IDS, random.integers(0, 31), replace=False))}
        for i in range(items)
    ]
    return gold, found


@given(seed=st.integers(0, 1000))
def test_the_order_of_items_and_predictions_changes_nothing(seed):
    gold, found = toy(9, seed)
    metric, order = get_metric("map20", LAREQA), np.random.default_rng(seed).permutation(9)
    again = [gold[i] for i in order]
    assert metric.score(LAREQA, gold, found, "de") == pytest.approx(
        metric.score(LAREQA, again, found[::-1], "de")
    )
    assert chance(metric, LAREQA, gold, found, "de") == pytest.approx(
        chance(metric, LAREQA, again, found[::-1], "de")
    )


def test_statistics_are_of_each_item():
    gold = [{"id": "1", "targets": ["a"]}, {"id": "2", "targets": ["b", "c"]}]
    found = [{"id": "2", "ranked": ["x", "c"]}, {"id": "1", "ranked": ["a"]}]
    metric = get_metric("map20", MEWSLIX)
    assert metric.columns == ("precision", "items")
    assert metric.stats(MEWSLIX, gold, found, "en").tolist() == [[1, 1], [0.25, 1]]
    assert metric.score(MEWSLIX, gold, found, "en") == 62.5


def test_chance_is_the_mean_over_all_pairs_of_an_item_and_a_ranking():
    gold, found = toy(30, 5)
    found[3]["ranked"] = ["c1"] * 20  # repeated ids, too
    pairs = [average_precision(p["ranked"], g["targets"]) for g in gold for p in found]
    assert expected_precision(gold, found) == pytest.approx(np.mean(pairs))
    level = chance(get_metric("map20", LAREQA), LAREQA, gold, found, "de")
    assert level == pytest.approx(100 * np.mean(pairs))


def test_the_pool_of_dev_rows_has_each_of_their_candidates_once():
    rows = [
        {"id": "1", "targets": ["a"], "candidate": "A", "context": "A B"},
        {"id": "2", "targets": ["b"], "candidate": "B", "context": "A B"},
        {"id": "3", "targets": ["a"], "candidate": "A", "context": "A B"},
    ]
    assert own_candidates(rows) == [
        {"id": "a", "candidate": "A", "context": "A B"},
        {"id": "b", "candidate": "B", "context": "A B"},
    ]
