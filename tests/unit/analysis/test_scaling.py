"""Slopes and correlations: exact cases, too few models, unknown variances."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from xlgap.analysis.scaling import bootstrap_slopes, correlation, meta_regression
from xlgap.errors import ResultError

X = np.log10([1e5, 1e6, 1e7, 1e8])


def test_unknown_variances_give_least_squares_with_its_t_interval() -> None:
    y = [10.0, 8.5, 4.0, 3.0]
    fit = meta_regression(y, None, X)
    peer = stats.linregress(X, y)
    half = stats.t.ppf(0.975, 2) * peer.stderr
    assert not fit.weighted
    assert fit.slope == pytest.approx(peer.slope)
    assert fit.ci_low == pytest.approx(peer.slope - half)
    assert fit.p == pytest.approx(peer.pvalue)


def test_equal_variances_change_nothing() -> None:
    y = [10.0, 8.5, 4.0, 3.0]
    plain, weighted = meta_regression(y, None, X), meta_regression(y, [0.3] * 4, X)
    assert weighted.slope == pytest.approx(plain.slope)
    assert weighted.ci_high == pytest.approx(plain.ci_high)


def test_scatter_beyond_the_variances_widens_the_interval() -> None:
    """By hand: with equal variances below the scatter the interval is that of least squares."""
    y = np.array([10.0, 3.0, 9.0, 1.0])
    slope, intercept = np.polyfit(X, y, 1)
    residual = y - intercept - slope * X
    stderr = np.sqrt(np.sum(residual**2) / 2 / np.sum((X - X.mean()) ** 2))
    assert meta_regression(y, [0.1] * 4, X).stderr == pytest.approx(stderr, rel=1e-5)


def test_precise_models_count_more() -> None:
    y = [10.0, 8.0, 6.0, 14.0]
    fit = meta_regression(y, [0.01, 0.01, 0.01, 400.0], X)
    assert fit.slope == pytest.approx(-2.0, abs=0.1)


def test_zero_variance_of_one_model_does_not_break_the_fit() -> None:
    fit = meta_regression([10.0, 8.0, 6.1, 4.0], [0.0, 0.5, 0.5, 0.5], X)
    assert np.isfinite([fit.slope, fit.ci_low, fit.ci_high]).all()


def test_wider_confidence_gives_wider_interval() -> None:
    y = [10.0, 8.5, 4.0, 3.0]
    assert meta_regression(y, None, X, confidence=0.99).ci_low < meta_regression(y, None, X).ci_low


@pytest.mark.parametrize("x", [[6.0, 7.0], [6.0, 6.0, 6.0]])
def test_too_few_models_or_sizes_are_refused(x: list[float]) -> None:
    with pytest.raises(ResultError, match="at least 3 models of different size"):
        meta_regression([1.0, 2.0, 3.0][: len(x)], None, x)


def test_correlation_of_four_models_has_fisher_interval_and_exact_p() -> None:
    found = correlation(X, [10.0, 8.5, 4.0, 3.0])
    peer = stats.pearsonr(X, [10.0, 8.5, 4.0, 3.0])
    assert found.r == pytest.approx(peer.statistic)
    assert found.ci_low == pytest.approx(peer.confidence_interval().low)
    assert found.rho == -1.0
    assert found.r_p == pytest.approx(2 / 24)
    assert found.rho_p == pytest.approx(2 / 24)


def test_each_coefficient_has_its_own_p() -> None:
    x, y = [1.0, 2.0, 3.0, 10.0], [1.0, 3.0, 2.0, 20.0]
    found = correlation(x, y)
    for value, p, peer in (
        (found.r, found.r_p, stats.pearsonr),
        (found.rho, found.rho_p, stats.spearmanr),
        (found.tau, found.tau_p, stats.kendalltau),
    ):
        every = [abs(peer(x, order).statistic) for order in permutations(y)]
        assert p == pytest.approx(np.mean(np.array(every) > abs(value) - 1e-9))
    assert (found.r_p, found.rho_p) == pytest.approx((3 / 24, 8 / 24))
    assert correlation(np.arange(10.0), np.arange(10.0) ** 2).rho_p is None


@pytest.mark.parametrize("y", [[2.0, 1.5, 3.5, 3.0, 5.0], [2.0, 2.0, 3.5, 3.0, 3.0]])
def test_kendalls_p_is_exact_with_and_without_ties(y: list[float]) -> None:
    x = [1.0, 2.0, 3.0, 4.0, 5.0]
    found = correlation(x, y)
    every = [abs(stats.kendalltau(x, order).statistic) for order in permutations(y)]
    assert found.tau == pytest.approx(stats.kendalltau(x, y).statistic)
    assert found.tau_p == pytest.approx(np.mean(np.array(every) > abs(found.tau) - 1e-9))
    if len(set(y)) == 5:
        assert found.tau_p == pytest.approx(stats.kendalltau(x, y, method="exact").pvalue)


def test_exact_p_agrees_with_scipy() -> None:
    x, y = [1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 1.5, 3.5, 3.0, 5.0]
    peer = stats.permutation_test(
        (x,), lambda a: stats.pearsonr(a, y).statistic, permutation_type="pairings",
        n_resamples=np.inf,
    )  # fmt: skip
    # scipy doubles the smaller tail, which is the share of |r| at least as large only by symmetry
    assert correlation(x, y).r_p == pytest.approx(peer.pvalue, abs=1 / 60)


def test_three_models_have_no_fisher_interval() -> None:
    found = correlation(X[:3], [3.0, 2.0, 2.5])
    assert found.ci_low is None
    assert found.ci_high is None


def test_correlation_refuses_two_models_and_constants() -> None:
    with pytest.raises(ResultError, match="at least 3 models"):
        correlation(X[:2], [1.0, 2.0])
    with pytest.raises(ResultError, match="differ in size and in gap"):
        correlation(X, [1.0] * 4)


def test_bootstrap_slope_of_a_line_is_its_slope() -> None:
    draws = [np.array([10.0 - 2 * x, 5.0 + x]) for x in X]
    for weights in ([1.0] * 4, [1.0, 9.0, 2.0, 4.0]):
        assert bootstrap_slopes(draws, X, weights) == pytest.approx([-2.0, 1.0])


def test_bootstrap_slope_is_the_slope_of_the_meta_regression() -> None:
    y = [10.0, 8.5, 4.0, 3.0]
    fit = meta_regression(y, [0.1, 0.9, 0.3, 2.0], X)
    assert bootstrap_slopes([np.array([v]) for v in y], X, fit.weights) == pytest.approx([fit.slope])
