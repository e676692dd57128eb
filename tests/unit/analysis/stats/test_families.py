"""Within families and across them: a slope that families differ by is not one of size."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from xlgap.analysis.stats.families import FamilySlope, Point, between, within
from xlgap.analysis.stats.verdict import Refused

LEVEL = {"a": 40.0, "b": 20.0, "c": 5.0, "d": 0.0}
START = {"a": 6.0, "b": 7.0, "c": 8.0, "d": 9.0}


def made(slope: float, noise: float = 0.0, variance: float | None = None) -> list[Point]:
    rng = np.random.default_rng(0)
    return [
        Point(
            family=f, x=START[f] + i, effect=LEVEL[f] + slope * i + noise * rng.normal(),
            variance=variance,
        )
        for f in LEVEL
        for i in range(3)
    ]  # fmt: skip


def test_families_that_differ_give_no_slope_within() -> None:
    inside, across = within(made(0.0)), between(made(0.0))
    assert inside.slope.estimate == pytest.approx(0.0, abs=1e-9)
    assert across.slope.estimate < -10
    assert across.slope.n == 4


def test_within_is_least_squares_with_an_intercept_a_family() -> None:
    points = made(-3.0, noise=1.0)
    design = np.column_stack(
        [[p.x for p in points], *([float(p.family == f) for p in points] for f in LEVEL)]
    )
    peer = sm.OLS([p.effect for p in points], design).fit()
    found = within(points)
    assert found.slope.estimate == pytest.approx(peer.params[0])
    assert (found.slope.ci_low, found.slope.ci_high) == pytest.approx(tuple(peer.conf_int()[0]))
    assert found.families == ("a", "b", "c", "d")
    equal = within(made(-3.0, noise=1.0, variance=0.2))
    assert equal.slope.ci_low == pytest.approx(found.slope.ci_low, rel=1e-4)


def test_lone_models_say_nothing_within() -> None:
    lone = Point(family="z", x=12.0, effect=500.0)
    found = within([*made(-3.0, noise=1.0), lone])
    assert isinstance(found, FamilySlope)
    assert found == within(made(-3.0, noise=1.0))


def test_means_over_more_models_may_vary_less() -> None:
    """Three families of one model and three of sixteen: the lone ones decide how sure the slope is."""
    x = {"a": 6.0, "b": 7.0, "c": 8.0, "d": 6.5, "e": 7.5, "f": 8.5}
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        points = [
            Point(family=f, x=at, effect=rng.normal())
            for f, at in x.items()
            for _ in range(1 if f in "aef" else 16)
        ]
        found = between(points)
        assert isinstance(found, FamilySlope)
        held += found.slope.ci_low <= 0 <= found.slope.ci_high
    assert held / 400 >= 0.93
    assert found.slope.df < 4


def test_too_few_are_refused() -> None:
    few = within([Point(family="a", x=6.0, effect=1.0), Point(family="b", x=7.0, effect=2.0)])
    assert isinstance(few, Refused)
    assert "0 models in 0 families of at least 2 sizes" in few.reason
    two = between(made(1.0)[:6])
    assert isinstance(two, Refused)
    assert "2 families" in two.reason
