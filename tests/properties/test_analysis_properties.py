"""Properties of gaps and estimators on arbitrary inputs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulate import share_right

from xlgap.analysis.bootstrap import TaskItems, draws, interval
from xlgap.analysis.contrasts import Key
from xlgap.analysis.gap import measured_rows
from xlgap.analysis.rows import SCALES, ArmInfo
from xlgap.analysis.scaling import correlation, meta_regression
from xlgap.records import Score

ARMS = {
    "direct_en": ArmInfo(regime="direct_en"),
    "direct_sw": ArmInfo(regime="direct_tgt", language="sw"),
    "inter_en": ArmInfo(regime="intermediate_en", intermediate=("typing",)),
}
VALUES = st.floats(0, 100, allow_nan=False)


def _score(arm: str, value: float, language: str = "sw") -> Score:
    return Score(
        source="measured", model="nano", family="lab", params_total=100, params_nonembedding=80,
        arm=arm, regime=ARMS[arm].regime, train_language=ARMS[arm].language or "en", task="nli",
        language=language, seed=0, metric="accuracy", value=value, chance=20.0, n_items=100,
    )  # fmt: skip


@given(VALUES, VALUES, VALUES)
def test_parts_of_direct_always_add_up(plain: float, tuned: float, intermediate: float) -> None:
    scores = [
        _score("direct_en", plain), _score("direct_sw", tuned), _score("inter_en", intermediate),
    ]  # fmt: skip
    rows = measured_rows(scores, ARMS)
    for scale in SCALES:
        gap = {r.gap: r.value for r in rows if (r.scale, r.seed, r.language) == (scale, None, "sw")}
        assert gap["direct"] == pytest.approx(gap["native"] - gap["english_gain"], abs=1e-9)


@given(
    st.permutations([("direct_en", "sw"), ("direct_sw", "sw"), ("inter_en", "sw"), ("direct_en", "en")])
)
def test_order_of_scores_never_changes_a_gap(order: list[tuple[str, str]]) -> None:
    value = {("direct_en", "sw"): 40.0, ("direct_sw", "sw"): 60.0, ("inter_en", "sw"): 45.0,
             ("direct_en", "en"): 80.0}  # fmt: skip
    rows = measured_rows([_score(arm, value[arm, lang], lang) for arm, lang in order], ARMS)
    assert {r.gap: r.value for r in rows if r.scale == "raw" and r.seed is None} == {
        "native": 20.0, "direct": 15.0, "gain": 5.0, "english_gain": 5.0, "transfer": 40.0,
    }  # fmt: skip


@given(
    st.lists(st.floats(-50, 50), min_size=4, max_size=7),
    st.floats(-20, 20),
    st.floats(0.01, 30),
    st.integers(0, 1000),
)
@settings(max_examples=50, deadline=None)
def test_slope_follows_a_shift_and_a_change_of_unit(
    effects: list[float], shift: float, factor: float, seed: int
) -> None:
    x = np.linspace(5, 9, len(effects))
    variances = np.random.default_rng(seed).uniform(0.5, 4, len(effects))
    y = np.array(effects)
    fit = meta_regression(y, variances, x)
    moved = meta_regression(y + shift, variances, x)
    scaled = meta_regression(factor * y, factor**2 * variances, x)
    assert moved.slope == pytest.approx(fit.slope, abs=1e-3)
    assert scaled.slope == pytest.approx(factor * fit.slope, abs=1e-3 * factor)
    assert fit.ci_low <= fit.slope <= fit.ci_high
    assert fit.tau2 >= 0


@given(st.lists(st.floats(-50, 50), min_size=4, max_size=6, unique=True))
@settings(max_examples=50, deadline=None)
def test_correlation_stays_in_bounds_and_its_sign_turns(values: list[float]) -> None:
    x = np.arange(len(values), dtype=float)
    found = correlation(x, values)
    turned = correlation(-x, values)
    assert -1 <= found.ci_low <= found.r <= found.ci_high <= 1
    assert turned.r == pytest.approx(-found.r)
    assert (turned.r_p, turned.rho_p) == (found.r_p, found.rho_p)
    assert 0 < found.r_p <= 1
    assert 0 < found.rho_p <= 1


def test_bootstrap_intervals_cover_the_truth_at_their_nominal_rate() -> None:
    """200 samples of 60 clusters of three like items: 91-98% of intervals hold the truth."""
    rng = np.random.default_rng(1)
    key = Key("nano", "direct_en", "nli", "en")
    hits = 0
    for i in range(200):
        easy = np.clip(rng.normal(0.6, 0.2, 60), 0, 1)
        right = rng.random((60, 3)) < easy[:, None]
        frame = pd.DataFrame(
            {
                "model": "nano", "arm": "direct_en", "language": "en", "seed": 0, "metric": "accuracy",
                "item": range(180), "group": np.repeat(np.arange(60), 3), "s0": right.ravel() * 1.0,
                "s1": 1.0,
            }
        )  # fmt: skip
        items = TaskItems(frame=frame, metric="accuracy", value=share_right, parallel=True)
        values = draws({"nli": items}, needed={key}, resamples=400, seed=i).by_seed[key][1][:, 0]
        low, high = interval(values, 0.95)
        hits += low <= EXPECTED <= high
    assert 0.91 <= hits / 200 <= 0.98


EXPECTED = 100 * float(np.clip(np.random.default_rng(2).normal(0.6, 0.2, 1_000_000), 0, 1).mean())
"""Expected score of the clusters above: the mean of the clipped normal."""


@pytest.mark.parametrize("model_sd", [0.0, 1.5, 5.0])
def test_slope_intervals_cover_the_truth_at_their_nominal_rate(model_sd: float) -> None:
    """600 ladders of four sizes with unequal, known errors, with and without a model effect."""
    rng = np.random.default_rng(0)
    x = np.log10([4e4, 2e5, 1e6, 5e6])
    hits = 0
    for _ in range(600):
        errors = rng.uniform(1.0, 2.5, 4)
        y = 30 - 3 * x + model_sd * rng.normal(size=4) + errors * rng.normal(size=4)
        fit = meta_regression(y, errors**2, x)
        hits += fit.ci_low <= -3 <= fit.ci_high
    assert 0.93 <= hits / 600 <= 0.975
