"""Published losses over distance with covariates held still: ten models, the same fourteen languages.

What a language costs beyond distance and covariates is mostly the same for all models, as in the
published tables: it is in the error of each model's slope, and moves none of them away from the
others.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from simulations.numbers import FAMILY, FAMILY_X, PUBLISHED, PUBLISHED_LANGUAGES
from simulations.outcome import Outcome, answered
from xlgap.analysis.answers.series import SIZES as FIELDS
from xlgap.analysis.answers.series import slope_answer
from xlgap.analysis.answers.trend import family_answers
from xlgap.analysis.distance.covariates import script_covariate
from xlgap.analysis.distance.fit import PRETRAINING, SCRIPT
from xlgap.analysis.distance.rows import Losses, held_row
from xlgap.analysis.published.distance import distance_series
from xlgap.languages import get_language
from xlgap.published.distances import MEASURES, distances_of
from xlgap.published.pretraining import pretraining_text
from xlgap.records import Score

NEAR = np.array([distances_of(MEASURES[0].name)[code] for code in PUBLISHED_LANGUAGES])
TEXT = pretraining_text("XLM-R").amounts
GENERA = [get_language(code).genus for code in PUBLISHED_LANGUAGES]
GENUS = np.array([sorted(set(GENERA)).index(genus) for genus in GENERA])
COVARIATES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {PRETRAINING: TEXT, SCRIPT: script_covariate()}
)
LEVEL, TILT, TILT_SLOPE = 6.0, 2.0, -1.0
"""Points lost at no distance, for 0.1 of it at the middle size, and what ten times the size changes."""
MODEL_SD, FAMILY_SD = 0.3, 0.3
"""Of that slope: between models of a family, and between families."""
SHARED_SD, OWN_SD = 1.6, 0.7
"""Points that a language costs beyond what is held still: all models alike, and one of them."""
LESS_TEXT, OTHER_SCRIPT = -4.0, 2.5
"""Points lost for ten times the pretraining text, and in another script."""


def over_distances(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """One simulated study: the slope on size of slopes over distance, and within families."""
    slope, x = TILT_SLOPE * planted, FAMILY_X - FAMILY_X.mean()
    of_family = {name: FAMILY_SD * rng.normal() for name in sorted(set(FAMILY))}
    tilt = TILT + slope * x + np.array([of_family[f] for f in FAMILY])
    tilt = tilt + MODEL_SD * rng.normal(size=len(x))
    amounts = np.array([TEXT[code] for code in PUBLISHED_LANGUAGES])
    scripts = np.array([COVARIATES[SCRIPT][code] for code in PUBLISHED_LANGUAGES])
    shared = LEVEL + LESS_TEXT * (amounts - amounts.mean()) + OTHER_SCRIPT * scripts
    shared = shared + by_genus(rng, SHARED_SD, 1)
    loss = 10 * tilt[:, None] * NEAR + shared + by_genus(rng, OWN_SD, len(x))
    rows = [
        held_row(
            Losses(score=_score(model), by_language=dict(zip(PUBLISHED_LANGUAGES, of, strict=True))),
            COVARIATES,
        )
        for model, of in zip(PUBLISHED, loss.round(1).tolist(), strict=True)
    ]
    [series] = distance_series([], rows)
    name = "published slope over distance, covariates"
    within, between = family_answers(series)
    return {
        f"{name}: slope on size": answered(slope_answer(series, *FIELDS[0]), slope),
        f"{name}: within families": answered(within, slope),
        f"{name}: between families": answered(between, slope),
    }


def by_genus(rng: np.random.Generator, sd: float, models: int) -> np.ndarray:
    """Deviations [models, languages], half of whose variance is the genus'."""
    of_genus = rng.normal(size=(models, GENUS.max() + 1))[:, GENUS]
    return sd * (of_genus + rng.normal(size=(models, len(GENUS)))) / np.sqrt(2)


def _score(model: str) -> Score:
    family, size = PUBLISHED[model]
    return Score(
        source="published", model=model, family=family, params_total=size, params_nonembedding=None,
        arm="zero_shot_english", regime="direct_en", train_language="en", task="xnli", language="en",
        seed=None, metric="accuracy", value=85.0,
    )  # fmt: skip
