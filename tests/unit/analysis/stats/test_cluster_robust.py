"""CR2 with Satterthwaite's degrees of freedom: known cases, and its rate with few genera."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from xlgap.analysis.stats.cluster_robust import (
    LEAST_OF_ONE,
    Coefficient,
    coefficient,
    operator,
    slope_over,
    slope_over_both,
)
from xlgap.analysis.stats.verdict import Refused

RNG = np.random.default_rng(0)
X = RNG.uniform(0, 0.6, 14)
GENERA = list("aaabbbccddefgh")


def test_clusters_of_one_give_hc2() -> None:
    y = 3 * X + RNG.normal(size=14)
    peer = sm.OLS(y, sm.add_constant(X)).fit(cov_type="HC2")
    found = slope_over(X, y, range(14))
    assert found.estimate == pytest.approx(peer.params[1])
    assert found.stderr == pytest.approx(peer.bse[1])


def test_two_groups_of_equal_variance_have_welchs_degrees_of_freedom() -> None:
    """A treatment at whole clusters of one: Bell and McCaffrey's is the two-sample t with n - 2."""
    design = np.stack([np.ones(12), np.repeat([0.0, 1.0], 6)], axis=1)
    assert operator(design, range(12), target=[0, 1]).df == pytest.approx(10.0)


def test_variance_is_unbiased_under_independent_errors() -> None:
    design = np.stack([np.ones(14), X], axis=1)
    made = operator(design, GENERA, target=[0, 1])
    assert np.trace(made.parts_gn @ made.parts_gn.T) == pytest.approx(
        np.linalg.inv(design.T @ design)[1, 1]
    )


def test_intervals_cover_where_genera_are_few_and_cr1_does_not() -> None:
    rng = np.random.default_rng(1)
    hits = peer_hits = 0
    number = np.array([sorted(set(GENERA)).index(g) for g in GENERA])
    for _ in range(400):
        y = 2 * X + rng.normal(0, 1, 8)[number] + rng.normal(0, 0.5, 14)
        found = slope_over(X, y, GENERA)
        hits += found.ci_low <= 2 <= found.ci_high
        fit = sm.OLS(y, sm.add_constant(X)).fit(cov_type="cluster", cov_kwds={"groups": number})
        low, high = fit.conf_int()[1]
        peer_hits += low <= 2 <= high
    assert 0.92 <= hits / 400 <= 0.985
    assert peer_hits < hits - 12


def test_covariates_are_controlled_for() -> None:
    size = RNG.normal(size=14)
    design = np.stack([np.ones(14), X, size], axis=1)
    found = coefficient(design, 5 * X - 2 * size, GENERA, column=1)
    assert isinstance(found, Coefficient)
    assert found.estimate == pytest.approx(5.0)


def test_few_clusters_and_equal_distances_are_refused() -> None:
    few = slope_over([0.1, 0.2, 0.3], [1, 2, 3], "aab")
    assert isinstance(few, Refused)
    assert "2 clusters" in few.reason
    same = slope_over([0.2] * 6, range(6), "abcdef")
    assert isinstance(same, Refused)
    assert "cannot tell 2 coefficients apart" in same.reason


MODELS = list("abcabdefgchiehja")
SOURCES = list("1112223334445556")
SIZE = np.array([sorted(set(MODELS)).index(m) for m in MODELS]) / 5


def test_clusters_in_two_ways_are_those_in_one_where_the_other_says_no_more() -> None:
    y = 2 * SIZE + RNG.normal(size=len(SIZE))
    one = slope_over(SIZE, y, MODELS)
    assert isinstance(one, Coefficient)
    for sources in (MODELS, range(len(SIZE))):
        both = slope_over_both(SIZE, y, MODELS, sources)
        assert isinstance(both, Coefficient)
        assert both.clusters == one.clusters
        assert (both.estimate, both.stderr, both.p) == pytest.approx(
            (one.estimate, one.stderr, one.p), rel=1e-9
        )


def test_clusters_in_two_ways_hold_the_truth_where_models_and_sources_shift_rows() -> None:
    rng = np.random.default_rng(2)
    shift = [[sorted(set(of)).index(name) for name in of] for of in (MODELS, SOURCES)]
    hits = one_hits = 0
    for _ in range(400):
        y = rng.normal(0, 0.5, 10)[shift[0]] + rng.normal(0, 2, 6)[shift[1]] + rng.normal(0, 0.3, 16)
        both, one = slope_over_both(SIZE, y, MODELS, SOURCES), slope_over(SIZE, y, MODELS)
        hits += both.ci_low <= 0 <= both.ci_high
        one_hits += one.ci_low <= 0 <= one.ci_high
        assert both.stderr >= LEAST_OF_ONE**0.5 * one.stderr * (1 - 1e-9)
    assert hits / 400 >= 0.92
    assert one_hits < hits - 8
