"""The mean over models."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from xlgap.analysis.stats.mean_over import Mean, mean_over
from xlgap.analysis.stats.verdict import Refused


def test_interval_is_that_of_scipy() -> None:
    values = [3.0, 5.5, 4.0, 9.0]
    peer = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    found = mean_over(values, confidence=0.9)
    assert (found.ci_low, found.ci_high) == pytest.approx((peer.low, peer.high))
    assert (found.mean, found.n) == (5.375, 4)


def test_two_models_are_too_few() -> None:
    found = mean_over([1.0, 2.0])
    assert isinstance(found, Refused)
    assert "2 models" in found.reason


def test_what_models_share_widens_the_interval() -> None:
    values = [3.0, 5.5, 4.0, 9.0]
    common = np.random.default_rng(0).normal(0, 2, 1000)
    found, alone = mean_over(values, draws=[common] * 4), mean_over(values)
    assert found.shared == pytest.approx(common.var(ddof=1))
    assert found.stderr**2 == pytest.approx(alone.stderr**2 + found.shared)
    assert found.df > alone.df == 3


def test_a_small_scatter_by_luck_does_not_give_a_normal_interval() -> None:
    x = [4.9, 5.3, 5.6, 5.9]
    common = np.random.default_rng(0).normal(0, 1, 1000)
    found = mean_over([1.0, 1.4, 1.6, 2.0], draws=[common] * 4, x=x)
    between = found.stderr**2 - (found.shared or 0.0)
    assert found.about == "line"
    assert found.df == pytest.approx(2 * found.stderr**2 / between)


@pytest.mark.parametrize(("tau", "shared"), [(0.0, 2.0), (1.0, 1.0), (2.0, 0.7), (2.0, 0.0)])
def test_it_covers_with_errors_that_models_share(tau: float, shared: float) -> None:
    """1000 ladders of four models: 93-97.5% of the intervals hold the mean."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        own = 1.0
        y = 5 + tau * rng.normal(size=4) + own * rng.normal(size=4) + shared * rng.normal()
        common = shared * rng.normal(size=(300,))
        draws = [value + own * rng.normal(size=300) + common for value in y]
        found = mean_over(list(y), draws=draws)
        hits += found.ci_low <= 5 <= found.ci_high
    assert 0.93 <= hits / 1000 <= 0.975


def test_a_resample_in_which_a_model_has_no_value_is_left_out():
    random = np.random.default_rng(0)
    shared = random.normal(size=200)
    draws = [shared + random.normal(size=200) for _ in range(3)]
    without = mean_over([1.0, 2.0, 4.0], draws=[d[1:] for d in draws])
    draws[1][0] = np.nan
    assert mean_over([1.0, 2.0, 4.0], draws=draws) == without


def test_scatter_about_a_line_that_does_not_fit_widens_no_mean() -> None:
    x = np.array([8.0, 8.5, 9.0, 9.5, 10.0, 10.8])
    y = 2 + 30 * 10 ** -(x - 8) + np.array([0.1, -0.2, 0.15, 0.1, -0.15, 0.05])
    found = mean_over(y.tolist(), x=x.tolist())
    assert isinstance(found, Mean)
    assert (found.about, found.df) == ("power law", 3)
    assert found.ci_high - found.ci_low < 0.6
    straight = mean_over((40 - 3 * x + y - 2 - 30 * 10 ** -(x - 8)).tolist(), x=x.tolist())
    assert isinstance(straight, Mean)
    assert (straight.about, straight.df) == ("line", 4)
