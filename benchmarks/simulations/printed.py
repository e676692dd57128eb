"""Published tables: several models, each printed by one source or by several."""

from __future__ import annotations

import numpy as np

from simulations.outcome import Outcome, answered
from xlgap.analysis.published.rows import row_answers
from xlgap.records import Score

SLOPE = -3.0
LEVEL = 11.0
MODEL_SD, SOURCE_SD, TABLE_SD, LANGUAGE_SD = 2.0, 0.5, 0.3, 2.0
LANGUAGES = ("ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
SIZES = {
    "small": 1.175e8, "old": 1.773e8, "fifteen": 2.5e8, "base": 2.775e8, "info base": 2.775e8,
    "large": 5.588e8, "info large": 5.588e8, "hundred": 5.7e8, "fused": 6.62e8, "wide base": 7.779e8,
}  # fmt: skip
TABLES = {
    "one": ("small", "old", "base", "hundred"),
    "two": ("old", "fifteen", "base", "large", "hundred"),
    "three": ("info base", "info large", "fused"),
    "four": ("large", "info large"),
    "five": ("base", "wide base"),
}
"""Which source prints which model: the full XNLI tables among the published scores."""


def published(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """The slope over all rows, clustered by source and by model."""
    slope = SLOPE if planted else 0.0
    by_model = {
        model: LEVEL + slope * (np.log10(size) - 8.5) + MODEL_SD * rng.normal()
        + LANGUAGE_SD * rng.normal(size=len(LANGUAGES))
        for model, size in SIZES.items()
    }  # fmt: skip
    far = 3 * rng.normal(size=len(LANGUAGES))
    scores: list[Score] = []
    for source, models in TABLES.items():
        of_source = SOURCE_SD * rng.normal()
        for model in models:
            noise = TABLE_SD * rng.normal(size=len(LANGUAGES))
            losses = by_model[model] + far + of_source + TABLE_SD * rng.normal() + noise
            scores += [
                _score(source, model, code, 85.0 - loss)
                for code, loss in zip(("en", *LANGUAGES), (0.0, *losses), strict=True)
            ]
    [answer] = row_answers(scores, confidence=0.95, resamples=400)
    return {"slope over published rows": answered(answer, slope)}


def _score(source: str, model: str, code: str, value: float) -> Score:
    return Score(
        source="published", model=model, family=model, params_total=round(SIZES[model]),
        params_nonembedding=None, arm="zero_shot_english", regime="direct_en", train_language="en",
        task="xnli", language=code, seed=None, metric="accuracy", value=round(float(value), 1),
        publication=source,
    )  # fmt: skip
