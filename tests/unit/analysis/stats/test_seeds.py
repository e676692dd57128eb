"""The seed advisor against statsmodels' power of the t test."""

from __future__ import annotations

import pytest
from statsmodels.stats.power import TTestPower

from xlgap.analysis.stats.seeds import Spread, detectable_gap, pooled_spread, seeds_needed
from xlgap.analysis.stats.verdict import Refused


@pytest.mark.parametrize("seeds", [2, 3, 5, 10, 40])
def test_detectable_gap_is_that_of_statsmodels(seeds: int) -> None:
    effect = detectable_gap(2.0, seeds) / 2.0
    peer = TTestPower().power(effect, seeds, 0.025, alternative="larger")  # the other tail is empty
    assert peer == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize("gap", [0.5, 1.0, 2.0, 5.0, -2.0])
def test_seeds_needed_are_the_fewest_that_do(gap: float) -> None:
    seeds = seeds_needed(1.0, gap)
    assert detectable_gap(1.0, seeds) <= abs(gap)
    assert seeds == 2 or detectable_gap(1.0, seeds - 1) > abs(gap)


def test_spread_is_pooled_over_groups_and_single_seeds_say_nothing() -> None:
    assert pooled_spread([[1.0, 3.0], [5.0, 5.0, 8.0], [9.0]]) == Spread(
        sd=pytest.approx(((2.0 + 6.0) / 3) ** 0.5), df=3, seeds=2
    )


def test_what_cannot_be_told_is_refused_with_the_reason() -> None:
    one = pooled_spread([[1.0], [2.0]])
    assert isinstance(one, Refused)
    assert one.reason.startswith("One seed: the variance between seeds is not known")
    assert isinstance(detectable_gap(1.0, 1), Refused)
    assert isinstance(seeds_needed(1.0, 0.0), Refused)
    assert "More than 1000 seeds" in seeds_needed(1.0, 0.01).reason


def test_without_spread_two_seeds_do() -> None:
    assert detectable_gap(0.0, 2) == 0.0
    assert seeds_needed(0.0, 0.1) == 2
