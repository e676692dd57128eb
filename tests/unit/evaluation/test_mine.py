"""Mining pairs: against slow loops, by known vectors, and the threshold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from xlgap.evaluation.chance import chance
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.mine import Pair, Side, Threshold, mine, nearest, tune
from xlgap.tasks import get_task

BUCC = get_task("bucc2018")
F1 = get_metric("f1", BUCC)


def unit(rng: np.random.Generator, rows: int, width: int = 6) -> np.ndarray:
    vectors = rng.normal(size=(rows, width))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def side(name: str, vectors: np.ndarray, texts: list[str] | None = None) -> Side:
    ids = [f"{name}-{i}" for i in range(len(vectors))]
    return Side(ids, texts or ids, vectors)


def slowly_mined(x: np.ndarray, y: np.ndarray, k: int) -> dict[tuple[int, int], float]:
    """The definition word by word: loops over sentences, nothing clever."""

    def cosine(i: int, j: int) -> float:
        return float(sum(float(a) * float(b) for a, b in zip(x[i], y[j], strict=True)))

    of_x = {i: sorted(range(len(y)), key=lambda j: -cosine(i, j))[:k] for i in range(len(x))}
    of_y = {j: sorted(range(len(x)), key=lambda i: -cosine(i, j))[:k] for j in range(len(y))}

    def margin(i: int, j: int) -> float:
        mean_x = sum(cosine(i, other) for other in of_x[i]) / len(of_x[i])
        mean_y = sum(cosine(other, j) for other in of_y[j]) / len(of_y[j])
        return cosine(i, j) / ((mean_x + mean_y) / 2)

    proposed = [(i, max(of_x[i], key=lambda j: margin(i, j))) for i in of_x]
    proposed += [(max(of_y[j], key=lambda i: margin(i, j)), j) for j in of_y]
    taken: dict[tuple[int, int], float] = {}
    for i, j in sorted(proposed, key=lambda pair: -margin(*pair)):
        if all(i != a and j != b for a, b in taken) and margin(i, j) > 0:
            taken[i, j] = margin(i, j)
    return taken


@pytest.mark.parametrize(("foreign", "english"), [(23, 31), (40, 9), (3, 12), (1, 5)])
@pytest.mark.parametrize("seed", range(3))
def test_mined_pairs_are_those_of_slow_loops(foreign: int, english: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = unit(rng, foreign) + np.float32(0.5), unit(rng, english) + np.float32(0.5)
    x, y = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (x, y))
    expected = slowly_mined(x, y, 4)
    found = mine(side("x", x), side("y", y))
    scores = {(p.foreign, p.english): p.score for p in found}
    assert scores == pytest.approx(
        {(f"x-{i}", f"y-{j}"): s for (i, j), s in expected.items()}, rel=1e-5
    )
    assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)


def test_blocks_change_nothing_but_rounding() -> None:
    rng = np.random.default_rng(0)
    x, y = side("x", unit(rng, 50)), side("y", unit(rng, 40))
    whole, in_blocks = mine(x, y), mine(x, y, block=7 * 40)
    assert [(p.foreign, p.english) for p in whole] == [(p.foreign, p.english) for p in in_blocks]
    assert [p.score for p in in_blocks] == pytest.approx([p.score for p in whole], rel=1e-5)


def test_of_equally_near_neighbours_the_first_is_nearer() -> None:
    same = np.eye(3, dtype=np.float32)[[0, 0, 1, 0]]
    cosines, at = nearest(same[:1], same, k=3)
    assert at.tolist() == [[0, 1, 3]]
    assert cosines.tolist() == [[1, 1, 1]]


@given(
    st.integers(1, 3), st.integers(1, 200), st.integers(1, 5), st.integers(0, 99), st.integers(1, 300)
)
def test_neighbours_are_those_of_a_sort(queries, count, k, seed, block) -> None:
    rng = np.random.default_rng(seed)
    x, y = unit(rng, queries), unit(rng, count)
    cosines, at = nearest(x, y, k=k, block=block)
    every = x @ y.T
    apart = np.diff(np.sort(every, axis=1), axis=1)
    assume(not apart.size or float(apart.min()) > 1e-5)  # nearer than products of two shapes differ
    assert at.shape == (queries, min(k, count))
    np.testing.assert_allclose(cosines, np.take_along_axis(x @ y.T, at, axis=1), rtol=1e-5, atol=1e-6)
    for row in range(queries):
        expected = sorted(range(count), key=lambda j, row=row: (-every[row, j], j))[:k]
        assert at[row].tolist() == expected


def test_a_sentence_that_stands_twice_is_in_no_pair() -> None:
    rng = np.random.default_rng(1)
    x = unit(rng, 8)
    texts = ["a", "b", "c ", "d", "c", "e", "f", "g"]
    plain = mine(side("x", x), side("y", x))
    assert {p.foreign.removeprefix("x-") for p in plain} == set("01234567")
    assert all(p.foreign[2:] == p.english[2:] for p in plain)
    found = mine(side("x", x, texts), side("y", x))
    assert {p.foreign for p in found} == {f"x-{i}" for i in (0, 1, 3, 5, 6, 7)}
    other = mine(side("x", x), side("y", x, texts))
    assert {p.english for p in other} == {f"y-{i}" for i in (0, 1, 3, 5, 6, 7)}


def test_a_side_without_sentences_has_no_pairs() -> None:
    rng = np.random.default_rng(0)
    assert mine(side("x", unit(rng, 0)), side("y", unit(rng, 3))) == []


PAIRS = [Pair("a", "A", 1.5), Pair("b", "X", 1.3), Pair("c", "C", 1.2), Pair("d", "Y", 1.0)]


def test_the_threshold_is_midway_below_the_best_prefix() -> None:
    gold = {"a": "A", "b": "B", "c": "C"}  # F1 of prefixes: 1/2, 2/5, 2/3, 4/7
    assert tune(PAIRS, gold) == Threshold(pytest.approx(1.1), pytest.approx(200 / 3))


def test_the_threshold_of_the_last_pair_is_its_margin() -> None:
    assert tune(PAIRS[:1], {"a": "A"}) == Threshold(1.5, 100.0)


def test_without_a_right_pair_all_pairs_count_and_f1_says_so() -> None:
    assert tune(PAIRS, {"e": "E"}) == tune([], {"e": "E"}) == Threshold(0.0, 0.0)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(1, 90)), max_size=6), st.data()
)
def test_no_threshold_is_better_than_the_tuned_one(drawn, data) -> None:
    """Against all thresholds that tell the scores apart, by sets of pairs."""
    used_x, used_y = {x for x, _, _ in drawn}, {y for _, y, _ in drawn}
    if min(len(used_x), len(used_y), len({score for *_, score in drawn})) < len(drawn):
        return
    pairs = sorted((Pair(f"x{x}", f"y{y}", s / 10) for x, y, s in drawn), key=lambda p: -p.score)
    names = (st.integers(0, 5).map(lambda i, side=side: f"{side}{i}") for side in "xy")
    gold = data.draw(st.dictionaries(*names, min_size=1))

    def f1(threshold: float) -> float:
        kept = {(p.foreign, p.english) for p in pairs if p.score >= threshold}
        return 200 * len(kept & set(gold.items())) / (len(kept) + len(gold))

    tuned = tune(pairs, gold)
    assert f1(tuned.value) == pytest.approx(tuned.f1)
    assert tuned.f1 == pytest.approx(max(f1(t) for t in [p.score for p in pairs] + [100]))


def gold_rows(matches: list[str], english: int) -> list[dict]:
    foreign = [{"id": f"x{i}", "side": "foreign", "match": match} for i, match in enumerate(matches)]
    return foreign + [{"id": f"y{i}", "side": "english", "match": ""} for i in range(english)]


def predicted(matches: list[str], english: int) -> list[dict]:
    return [{**row, "score": 1.0} for row in gold_rows(matches, english)]


ENGLISH = st.sampled_from(["", "y0", "y1", "y2", "y3"])


@given(st.lists(st.tuples(ENGLISH, ENGLISH), max_size=8), st.randoms())
def test_f1_is_that_of_sets_of_pairs(drawn, random) -> None:
    """The official ``evaluate.py`` compares sets of (foreign id, English id)."""
    right, given_ = [a for a, _ in drawn], [b for _, b in drawn]
    gold, found = gold_rows(right, 4), predicted(given_, 4)
    random.shuffle(found)
    of_gold = {(row["id"], row["match"]) for row in gold if row["match"]}
    of_found = {(row["id"], row["match"]) for row in found if row["match"]}
    value = F1.score(BUCC, gold, found, "de")
    if not of_gold and not of_found:
        assert np.isnan(value)
        return
    precision = len(of_gold & of_found) / len(of_found) if of_found else 0
    recall = len(of_gold & of_found) / len(of_gold) if of_gold else 0
    expected = 2 * precision * recall / (precision + recall) if precision + recall else 0
    assert value == pytest.approx(100 * expected)


def test_nothing_mined_scores_nothing() -> None:
    gold = gold_rows(["y0", "", "y1"], 2)
    assert F1.score(BUCC, gold, predicted(["", "", ""], 2), "de") == 0
    assert F1.score(BUCC, gold, predicted(["y0", "", "y1"], 2), "de") == 100
    assert F1.score(BUCC, gold, predicted(["y0", "y1", ""], 2), "de") == 50


def test_shuffled_pairs_score_at_chance() -> None:
    matches = [f"y{i}" if i % 3 else "" for i in range(30)]
    gold, found = gold_rows(matches, 30), predicted(matches, 30)
    expected = chance(F1, BUCC, gold, found, "de")
    rng = np.random.default_rng(0)
    shuffled = [
        F1.score(BUCC, gold, predicted([matches[i] for i in rng.permutation(30)], 30), "de")
        for _ in range(2000)
    ]
    assert expected == pytest.approx(100 / 30)
    assert np.mean(shuffled) == pytest.approx(expected, abs=4 * np.std(shuffled) / 2000**0.5)
