"""Published tables: several models, each printed by one source or by several."""

from __future__ import annotations

import numpy as np

from simulations.numbers import PUBLISHED, PUBLISHED_LANGUAGES
from simulations.outcome import Outcome, answered
from xlgap.analysis.published.rows import row_answers
from xlgap.records import Score

SLOPE = -3.0
LEVEL = 11.0
MODEL_SD, SOURCE_SD, TABLE_SD, LANGUAGE_SD = 2.0, 0.5, 0.3, 2.0
TABLES = {
    "one": ("mMiniLM", "mBERT", "XLM-R base", "XLM-100"),
    "two": ("mBERT", "XLM-15", "XLM-R base", "XLM-R large", "XLM-100"),
    "three": ("InfoXLM base", "InfoXLM large", "VECO"),
    "four": ("XLM-R large", "InfoXLM large"),
    "five": ("XLM-R base", "XLM-V base"),
}
"""Which source prints which model: the full XNLI tables among the published scores."""


def published(rng: np.random.Generator, planted: bool) -> dict[str, Outcome]:
    """The slope over all rows, clustered by source and by model."""
    slope = SLOPE if planted else 0.0
    by_model = {
        model: LEVEL + slope * (np.log10(size) - 8.5) + MODEL_SD * rng.normal()
        + LANGUAGE_SD * rng.normal(size=len(PUBLISHED_LANGUAGES))
        for model, (_, size) in PUBLISHED.items()
    }  # fmt: skip
    far = 3 * rng.normal(size=len(PUBLISHED_LANGUAGES))
    scores: list[Score] = []
    for source, models in TABLES.items():
        of_source = SOURCE_SD * rng.normal()
        for model in models:
            noise = TABLE_SD * rng.normal(size=len(PUBLISHED_LANGUAGES))
            losses = by_model[model] + far + of_source + TABLE_SD * rng.normal() + noise
            scores += [
                _score(source, model, code, 85.0 - loss)
                for code, loss in zip(("en", *PUBLISHED_LANGUAGES), (0.0, *losses), strict=True)
            ]
    [answer] = row_answers(scores, confidence=0.95, resamples=400)
    return {"slope over published rows": answered(answer, slope)}


def _score(source: str, model: str, code: str, value: float) -> Score:
    return Score(
        source="published", model=model, family=PUBLISHED[model][0], params_total=PUBLISHED[model][1],
        params_nonembedding=None, arm="zero_shot_english", regime="direct_en", train_language="en",
        task="xnli", language=code, seed=None, metric="accuracy", value=round(float(value), 1),
        publication=source,
    )  # fmt: skip
