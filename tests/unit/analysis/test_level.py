"""A mean over models: its interval holds what models share, too."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from xlgap.analysis.level import mean_over_models


def test_without_draws_it_is_the_t_interval_of_the_models() -> None:
    values = [1.0, 2.5, 0.5, 3.0]
    found = mean_over_models(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.ci_low, found.ci_high) == pytest.approx((expected.low, expected.high))
    assert found.df == 3


def test_one_model_has_no_interval() -> None:
    found = mean_over_models([2.0])
    assert (found.value, found.ci_low, found.ci_high) == (2.0, None, None)


@pytest.mark.parametrize(("tau", "shared"), [(0.0, 2.0), (1.0, 1.0), (2.0, 0.0)])
def test_it_covers_with_errors_that_models_share(tau: float, shared: float) -> None:
    """1000 ladders of four models: 93-97.5% of the intervals hold the mean."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        own = 1.0
        y = 5 + tau * rng.normal(size=4) + own * rng.normal(size=4) + shared * rng.normal()
        common = shared * rng.normal(size=(300,))
        draws = [value + own * rng.normal(size=300) + common for value in y]
        found = mean_over_models(list(y), draws)
        hits += found.ci_low <= 5 <= found.ci_high
    assert 0.93 <= hits / 1000 <= 0.975
