"""Two arms on the same items."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from xlgap.analysis.stats.paired import cluster_test, mcnemar
from xlgap.analysis.stats.row_bootstrap import cluster_weights
from xlgap.errors import ResultError


def outcomes(only_a: int, only_b: int, both: int = 20) -> tuple[list[int], list[int]]:
    return [1] * only_a + [0] * only_b + [1] * both, [0] * only_a + [1] * only_b + [1] * both


def test_exact_mcnemar_is_the_sign_test_on_the_items_that_differ() -> None:
    found = mcnemar(*outcomes(9, 2), mid_p=False)
    assert found.p == pytest.approx(2 * binom.cdf(2, 11, 0.5))
    assert (found.only_a, found.only_b, found.n) == (9, 2, 31)
    assert found.difference == pytest.approx(100 * 7 / 31)


def test_mid_p_takes_half_of_the_outcome_off_each_tail() -> None:
    found = mcnemar(*outcomes(9, 2))
    assert found.p == pytest.approx(2 * binom.cdf(2, 11, 0.5) - binom.pmf(2, 11, 0.5))
    assert mcnemar(*outcomes(5, 5)).p == 1.0
    assert mcnemar(*outcomes(0, 0)).p == 1.0


@pytest.mark.parametrize(("a", "b"), [([1], [1, 0]), ([], []), ([0.5], [1])])
def test_mcnemar_refuses_other_outcomes(a: list[float], b: list[float]) -> None:
    with pytest.raises(ResultError, match="McNemar"):
        mcnemar(a, b)


def drawn(clusters: int, *, resamples: int = 4000) -> NDArray[np.float64]:
    return cluster_weights(clusters, resamples=resamples, rng=np.random.default_rng(1))


def test_like_items_of_a_cluster_count_once() -> None:
    """Every item five times over: clustered, the p stays that of the items taken once."""
    rng = np.random.default_rng(0)
    once = rng.normal(0.25, 1, 40)
    five = np.repeat(once, 5)
    single = cluster_test(once, range(40), drawn(40))
    clustered = cluster_test(five, np.repeat(range(40), 5), drawn(40))
    naive = cluster_test(five, range(200), drawn(200))
    assert clustered.p == pytest.approx(single.p, abs=1e-9)
    assert naive.p < clustered.p / 3
    assert (clustered.n, clustered.difference) == (40, pytest.approx(once.mean()))


def test_no_difference_at_all_and_nothing_but_difference() -> None:
    assert cluster_test(np.zeros(12), range(12), drawn(12)).p == 1.0
    assert cluster_test(np.ones(12), range(12), drawn(12, resamples=999)).p == 0.001


def test_false_positives_are_near_the_level_with_15_clusters() -> None:
    rng = np.random.default_rng(3)
    clusters = np.repeat(range(15), 4)
    wrong = 0
    for _ in range(300):
        values = np.repeat(rng.normal(size=15), 4) + rng.normal(size=60)
        wrong += cluster_test(values, clusters, cluster_weights(15, resamples=399, rng=rng)).p <= 0.05
    assert 0.02 <= wrong / 300 <= 0.08


def test_few_clusters_are_refused() -> None:
    with pytest.raises(ResultError, match="at least 10 clusters, got 3"):
        cluster_test([1, 2, 3], "abc", drawn(3))
    with pytest.raises(ResultError, match="one each is needed"):
        cluster_test([1, 2, 3], "ab", drawn(2))
    with pytest.raises(ResultError, match="12 clusters have resamples of 11"):
        cluster_test(range(12), range(12), drawn(11))
