"""Chance correction and log-odds."""

from __future__ import annotations

import math

import pytest

from xlgap.analysis.scales import chance_corrected, log_odds, rescale


def test_chance_corrected_is_0_at_chance_and_100_at_the_ceiling() -> None:
    assert chance_corrected([25.0, 62.5, 100.0], 25.0) == pytest.approx([0.0, 50.0, 100.0])


def test_log_odds_stay_finite_at_the_ends() -> None:
    low, high = log_odds([0.0, 100.0], 50)
    assert low == pytest.approx(-math.log(101))
    assert high == pytest.approx(-low)


def test_scales_without_what_they_need_are_none() -> None:
    assert rescale(50.0, "chance_corrected", metric="f1", chance=None, n_items=10) is None
    assert rescale(50.0, "log_odds", metric="f1", chance=1.0, n_items=10) is None
    assert rescale(50.0, "log_odds", metric="accuracy", chance=1.0, n_items=None) is None
    assert rescale(50.0, "raw", metric="f1", chance=None, n_items=None) == 50.0
