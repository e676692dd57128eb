"""Loss over distance with what goes along with it held still."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlgap.analysis.distance.fit import (
    FERTILITY,
    PRETRAINING,
    SCRIPT,
    Design,
    partial,
    plain,
)
from xlgap.analysis.stats.cluster_robust import Coefficient
from xlgap.analysis.stats.verdict import Refused

CODES = ("ar", "de", "el", "es", "fi", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
DISTANCES = {code: 0.05 * (i + 1) for i, code in enumerate(CODES)}


def confounded(rng: np.random.Generator) -> dict[str, float]:
    """Pretraining text that falls with distance, not by a straight line."""
    return {c: 2.0 - 3.0 * x + float(rng.normal(0, 0.3)) for c, x in DISTANCES.items()}


def losses(slope: float, text: dict[str, float], effect: float) -> dict[str, float]:
    return {c: 1.0 + slope * DISTANCES[c] + effect * text[c] for c in CODES}


def test_weights_give_the_least_squares_slope() -> None:
    loss = {c: float(i**2) for i, c in enumerate(CODES)}
    made = plain(CODES, DISTANCES)
    assert isinstance(made, Design)
    values = [loss[c] for c in made.languages]
    x = [DISTANCES[c] for c in made.languages]
    assert made.weights() @ values == pytest.approx(np.polyfit(x, values, 1)[0])
    assert made.weights().sum() == pytest.approx(0)


@given(slope=st.floats(-50, 50), effect=st.floats(-20, 20), seed=st.integers(0, 10**6))
def test_a_planted_slope_is_recovered_beside_a_confounded_covariate(
    slope: float, effect: float, seed: int
) -> None:
    text = confounded(np.random.default_rng(seed))
    loss = losses(slope, text, effect)
    made = partial(CODES, DISTANCES, {PRETRAINING: text})
    assert isinstance(made, Design)
    found = made.weights() @ [loss[c] for c in made.languages]
    assert found == pytest.approx(slope, abs=1e-6)
    assert made.covariates == (PRETRAINING,)
    assert made.free == 11


def test_without_the_covariate_the_planted_slope_is_missed() -> None:
    text = confounded(np.random.default_rng(0))
    loss = losses(10.0, text, -8.0)
    made = plain(CODES, DISTANCES)
    assert isinstance(made, Design)
    assert made.weights() @ [loss[c] for c in made.languages] > 25


def test_fit_carries_its_error_over_genera() -> None:
    rng = np.random.default_rng(1)
    text = confounded(rng)
    loss = {c: v + float(rng.normal(0, 1)) for c, v in losses(10.0, text, -8.0).items()}
    made = partial(CODES, DISTANCES, {PRETRAINING: text, SCRIPT: {c: float(c > "g") for c in CODES}})
    assert isinstance(made, Design)
    fit = made.fit(loss)
    assert isinstance(fit, Coefficient)
    assert fit.estimate == pytest.approx(float(made.weights() @ [loss[c] for c in made.languages]))
    assert fit.clusters == 12  # es and fr are of one genus, hi and ur of another, the others alone
    assert fit.ci_low < 10.0 < fit.ci_high


def test_a_covariate_that_does_not_vary_is_left_out_by_name() -> None:
    same = dict.fromkeys(CODES, 4.17)
    made = partial(
        CODES, DISTANCES, {PRETRAINING: same, FERTILITY: confounded(np.random.default_rng(0))}
    )
    assert isinstance(made, Design)
    assert made.covariates == (FERTILITY,)
    assert made.left_out == ("pretraining text is the same for all languages",)
    refused = partial(CODES, DISTANCES, {PRETRAINING: same})
    assert refused == Refused("No covariate: pretraining text is the same for all languages.")


def test_nearly_equal_amounts_of_text_do_not_count_as_different() -> None:
    lines = {c: float(np.log10(15_000 - 40 * i)) for i, c in enumerate(CODES)}
    assert isinstance(partial(CODES, DISTANCES, {PRETRAINING: lines}), Refused)


def test_a_covariate_that_is_hardly_known_is_left_out_and_few_languages_are() -> None:
    text = confounded(np.random.default_rng(0))
    some = {c: text[c] for c in CODES[:5]}
    most = {c: text[c] for c in CODES if c != "sw"}
    made = partial(CODES, DISTANCES, {PRETRAINING: some, FERTILITY: most})
    assert isinstance(made, Design)
    assert made.covariates == (FERTILITY,)
    assert "sw" not in made.languages
    assert made.left_out == (
        "pretraining text is not known of 9 of 14 languages",
        "fertility is not known of sw, which are left out",
    )


def test_too_few_languages_are_refused_with_the_count() -> None:
    text = confounded(np.random.default_rng(0))
    covariates = {PRETRAINING: text, SCRIPT: {c: float(i % 2) for i, c in enumerate(CODES)}}
    refused = partial(CODES[:6], DISTANCES, covariates)
    assert isinstance(refused, Refused)
    assert "6 languages for 4 coefficients" in refused.reason
    assert isinstance(partial(CODES[:7], DISTANCES, covariates), Design)
    assert isinstance(plain(CODES[:4], DISTANCES), Refused)


def test_a_covariate_that_is_the_distance_over_again_is_refused() -> None:
    again = {c: 1 - 2 * x for c, x in DISTANCES.items()}
    refused = partial(CODES, DISTANCES, {FERTILITY: again})
    assert isinstance(refused, Refused)
    assert "cannot be told apart" in refused.reason


def test_inflation_is_that_of_the_regression_on_the_covariates() -> None:
    text = confounded(np.random.default_rng(3))
    made = partial(CODES, DISTANCES, {PRETRAINING: text})
    assert isinstance(made, Design)
    r = np.corrcoef([DISTANCES[c] for c in made.languages], [text[c] for c in made.languages])[0, 1]
    assert made.inflation == pytest.approx(1 / (1 - r**2))
