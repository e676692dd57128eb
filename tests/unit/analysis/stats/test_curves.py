"""Curves against size: known truths come back, and what cannot be told is refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from xlgap.analysis.stats.curves import Extrapolation, extrapolate, fit_curves, preferred
from xlgap.analysis.stats.verdict import Refused

SIZES = [3e8, 6e8, 1.2e9, 3.7e9, 1.3e10, 4e10]
X = np.log10(SIZES)
NOISE = np.array([0.1, -0.2, 0.15, 0.1, -0.15, 0.05])


def curves(y: np.ndarray, to: float = 175e9) -> dict[str, object]:
    return {c.form: c for c in fit_curves(X, y, to=to)}


def test_line_predicts_with_the_interval_of_least_squares() -> None:
    y = 40 - 3 * X + NOISE
    found = curves(y)["line"]
    fit = stats.linregress(X, y)
    at = np.log10(175e9)
    left = y - fit.intercept - fit.slope * X
    sd = np.sqrt(left @ left / 4)
    error = sd * np.sqrt(1 + 1 / 6 + (at - X.mean()) ** 2 / np.sum((X - X.mean()) ** 2))
    assert found.predicted == pytest.approx(fit.intercept + fit.slope * at)
    assert found.ci_high - found.predicted == pytest.approx(stats.t.ppf(0.975, 4) * error, rel=1e-4)


def test_power_law_with_a_floor_is_recovered() -> None:
    y = 5 + 30 * 10 ** (-0.8 * (X - 8.5))
    found = curves(y)["power law"]
    assert found.identified
    assert found.predicted == pytest.approx(5 + 30 * 10 ** (-0.8 * (np.log10(175e9) - 8.5)), abs=0.01)


def test_logistic_that_ends_at_no_gap_is_recovered() -> None:
    y = 40 / (1 + 10 ** (1.2 * (X - 9.3)))
    found = curves(y)["saturating"]
    assert found.identified
    assert found.predicted == pytest.approx(40 / (1 + 10 ** (1.2 * (np.log10(175e9) - 9.3))), abs=0.01)


def test_a_bent_gap_is_extrapolated_by_the_curve_that_fits_best() -> None:
    y = 5 + 30 * 10 ** (-1.2 * (X - 8.5)) + NOISE
    found = extrapolate(SIZES, y, to=175e9)
    assert isinstance(found, Extrapolation)
    assert found.best == "power law"
    (best,) = (c for c in found.curves if c.form == found.best)
    assert (found.low, found.predicted, found.high) == (best.ci_low, best.predicted, best.ci_high)
    assert found.p == best.better_p < 0.01


@pytest.mark.parametrize(
    ("sizes", "to", "reason"),
    [
        ([4e4, 2e5, 1e6, 5e6], 1e7, "4 sizes: telling a line from a curve"),
        ([3e8, 5.8e8, 1.2e9, 3.7e9, 1.3e10], 175e9, "5 sizes: telling a line from a curve"),
        ([1e9, 2e9, 3e9, 4e9, 4.5e9, 5e9], 1e10, "The sizes span a factor of 5.0"),
        (
            [4e4, 2e5, 1e6, 2e6, 3e6, 5e6],
            175e9,
            "175B lies a factor of 35,000 beyond the largest model",
        ),
    ],
)
def test_too_little_is_refused_with_its_reason(sizes: list[float], to: float, reason: str) -> None:
    found = extrapolate(sizes, list(range(len(sizes))), to=to)
    assert isinstance(found, Refused)
    assert reason in found.reason


def test_a_straight_line_does_not_say_where_it_ends() -> None:
    found = extrapolate(SIZES, 40 - 3 * X + NOISE, to=175e9)
    assert isinstance(found, Refused)
    assert "levels off" in found.reason


def test_pure_noise_is_refused_most_of_the_time() -> None:
    rng = np.random.default_rng(0)
    refused = sum(
        isinstance(extrapolate(SIZES, rng.normal(20, 2, 6).tolist(), to=175e9), Refused)
        for _ in range(40)
    )
    assert refused >= 34


@pytest.mark.parametrize(("to", "where"), [
    (4e10, "0.04T lies within the measured sizes"),
    (1e10, "10B lies within the measured sizes"),
    (1e8, "0.1B lies below the smallest model"),
])  # fmt: skip
def test_a_size_that_is_not_beyond_the_largest_is_not_extrapolated_to(to: float, where: str) -> None:
    found = extrapolate(SIZES, 5 + 30 * 10 ** (-1.2 * (X - 8.5)) + NOISE, to=to)
    assert isinstance(found, Refused)
    assert found.reason == f"{where.replace('0.04T', '40B')}, and not beyond the largest."


def test_a_curve_is_preferred_where_a_line_does_not_fit_and_only_there() -> None:
    bent = 5 + 30 * 10 ** (-1.2 * (X - 8.5))
    found = preferred(SIZES, bent + NOISE)
    assert found is not None
    assert found.form == "power law"
    at = np.linspace(X[0], X[-1], 7)
    assert found.heights(at) == pytest.approx(5 + 30 * 10 ** (-1.2 * (at - 8.5)), abs=0.4)
    assert preferred(SIZES, 40 - 3 * X + NOISE) is None
    assert preferred(SIZES, 40 - 3 * X) is None, "exactly on a line"
    assert preferred(SIZES[:5], bent[:5] + NOISE[:5]) is None, "too few sizes"


def test_the_interval_of_a_curve_is_that_of_nonlinear_least_squares() -> None:
    from scipy.optimize import curve_fit

    y = 5 + 30 * 10 ** (-1.2 * (X - 8.5)) + NOISE
    found = preferred(SIZES, y)
    assert found is not None

    def power(x: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
        return a + b * 10 ** (-c * (x - 8.5))

    theta, covariance = curve_fit(power, X, y, p0=(5, 30, 1.2))
    end = X[-1:]
    gradient = np.array([1.0, *(
        (power(end, *(theta + step))[0] - power(end, *(theta - step))[0]) / 2e-6
        for step in 1e-6 * np.eye(3)[1:]
    )])  # fmt: skip
    half = stats.t.ppf(0.975, 3) * np.sqrt(gradient @ covariance @ gradient)
    assert found.half(end, confidence=0.95)[0] == pytest.approx(half, rel=1e-3)
    assert found.heights(end)[0] == pytest.approx(power(end, *theta)[0], abs=1e-3)
