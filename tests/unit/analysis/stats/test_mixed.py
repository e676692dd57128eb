"""The two-stage mixed model: planted effects, families, regimes, prediction, refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from xlgap.analysis.stats.mixed import TERMS, Surface, effect, fit_mixed
from xlgap.analysis.stats.verdict import Refused

X = np.log10([4e4, 2e5, 1e6, 5e6])
DISTANCE = np.array([1.0, 1.5, 2.1, 2.2, 3.0, 3.3, 4.1, 5.0, 5.8])
GENUS = tuple("aabbcdefg")
PLANTED = {"level": 20.0, "size": -3.0, "distance": 2.0, "size x distance": -0.5}


def surface(noise: float = 0.0, seed: int = 0, x: np.ndarray = X, **other: object) -> Surface:
    rng = np.random.default_rng(seed)
    a, d = (x - x.mean())[:, None], DISTANCE - DISTANCE.mean()
    values = 20 - 3 * a + 2 * d - 0.5 * a * d
    values = values + noise * (
        rng.normal(size=(len(x), 1)) + 0.3 * rng.normal(size=(len(x), 1)) * d
        + 3 * rng.normal(size=9) + rng.normal(size=9) * a + rng.normal(size=values.shape)
    )  # fmt: skip
    made = Surface(values=values, x=x, distance=DISTANCE, family=("f",) * len(x), genus=GENUS)
    return replace(made, **other)


def test_planted_effects_come_back_exactly_without_noise() -> None:
    found = fit_mixed(surface())
    assert {t: found.effects[t].estimate for t in TERMS} == pytest.approx(PLANTED)
    assert found.language_out.rmse == pytest.approx(0, abs=1e-9)
    assert found.size_out.rmse == pytest.approx(0, abs=1e-9)
    assert found.language_out.mean_rmse > 1
    assert (found.models, found.languages, found.genera, found.families) == (4, 9, 7, 1)


@pytest.mark.parametrize("value", [0.0, 100.0])
def test_a_table_of_one_value_has_no_effect_and_no_scatter(value: float) -> None:
    found = fit_mixed(replace(surface(), values=np.full((len(X), len(DISTANCE)), value)))
    for term in TERMS:
        expected = value if term == "level" else 0.0
        assert found.effects[term].estimate == pytest.approx(expected, abs=1e-9)
        assert found.effects[term].stderr == pytest.approx(0, abs=1e-5)


def test_estimate_is_the_slope_of_the_models_own_slopes() -> None:
    made = surface(1.0)
    slopes = [np.polyfit(DISTANCE, row, 1)[0] for row in made.values]
    peer = stats.linregress(X, slopes)
    found = effect(made, "size x distance")
    assert found.estimate == pytest.approx(peer.slope)
    assert found.stderr >= peer.stderr - 1e-12


def test_languages_that_differ_in_growth_widen_the_interval() -> None:
    quiet = surface(0.1)
    a = (X - X.mean())[:, None]
    loud = replace(quiet, values=quiet.values + 4 * np.random.default_rng(5).normal(size=9) * a)
    assert effect(loud, "size").stderr > 4 * effect(quiet, "size").stderr


def test_a_contrast_of_regimes_keeps_only_what_differs() -> None:
    base = surface(2.0, seed=1)
    a, d = (X - X.mean())[:, None], DISTANCE - DISTANCE.mean()
    other = replace(base, values=base.values + 1.0 + 0.2 * a * d)
    found = fit_mixed(other.minus(base))
    assert {t: found.effects[t].estimate for t in TERMS} == pytest.approx(
        {"level": 1.0, "size": 0.0, "distance": 0.0, "size x distance": 0.2}, abs=1e-9
    )


def test_families_of_models_are_not_taken_as_independent_models() -> None:
    x = np.linspace(8, 11, 12)
    family = tuple(f for f in "abcdef" for _ in range(2))
    made = surface(0.2, x=x, family=family)
    shifts = 5 * np.random.default_rng(2).normal(size=6)
    moved = replace(made, values=made.values + np.repeat(shifts, 2)[:, None])
    alone = effect(replace(moved, family=("f",) * 12), "level")
    assert effect(moved, "level").stderr > 1.2 * alone.stderr
    two = replace(moved, family=("f",) * 6 + ("g",) * 6)
    jump = replace(two, values=two.values + np.repeat([0.0, 30.0], 6)[:, None])
    assert effect(jump, "size").estimate == pytest.approx(effect(two, "size").estimate)


def test_prediction_of_noise_is_no_better_than_the_mean() -> None:
    rng = np.random.default_rng(0)
    found = fit_mixed(replace(surface(), values=rng.normal(size=(4, 9))))
    assert found.size_out.rmse > 0.9 * found.size_out.mean_rmse
    assert found.language_out.rmse > 0.9 * found.language_out.mean_rmse


def few(models: int, languages: int) -> Surface:
    made = surface(1.0)
    return replace(
        made, values=made.values[:models, :languages], x=X[:models], distance=DISTANCE[:languages],
        family=("f",) * models, genus=GENUS[:languages],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (few(2, 9), "2 models of 2 sizes"),
        (few(4, 1), "1 language beside English"),
        (replace(few(4, 9), genus=("a",) * 9), "1 genus:"),
        (replace(few(4, 9), family=("f", "f", "g", "h")), "4 models in 3 families"),
    ],
)
def test_too_few_are_refused(made: Surface, reason: str) -> None:
    found = fit_mixed(made)
    assert isinstance(found, Refused)
    assert reason in found.reason
