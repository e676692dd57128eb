"""Chance correction, log-odds and error reduction."""

from __future__ import annotations

import math

import pytest

from xlgap.analysis.scales import chance_corrected, log_odds, percent_fewer_errors, rescale


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


def test_error_reduction_is_the_log_ratio_of_errors() -> None:
    a, b = (
        float(rescale(v, "error_reduction", metric="f1", chance=None, n_items=None)) for v in (80, 60)
    )
    assert a - b == pytest.approx(math.log(2))
    assert percent_fewer_errors(a - b) == pytest.approx(100 * (80 - 60) / (100 - 60))


def test_error_reduction_of_a_perfect_score_needs_the_number_of_items() -> None:
    assert rescale(100.0, "error_reduction", metric="f1", chance=None, n_items=None) is None
    perfect = rescale(100.0, "error_reduction", metric="f1", chance=None, n_items=50)
    assert perfect == pytest.approx(math.log(101))
    assert rescale(0.0, "error_reduction", metric="f1", chance=None, n_items=50) == pytest.approx(0.0)
