"""The mean over models."""

from __future__ import annotations

import pytest
from scipy import stats

from xlgap.analysis.stats.mean_over import mean_over
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
