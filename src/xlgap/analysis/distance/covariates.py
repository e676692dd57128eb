"""What goes along with distance in a study's languages, and distances that a tokenizer makes."""

from __future__ import annotations

from collections.abc import Mapping

from xlgap.analysis.distance.fit import FERTILITY, PRETRAINING, SCRIPT, Covariates
from xlgap.analysis.study import Study
from xlgap.published.distances import MEASURES, Measure, distances_of

TOKENIZER_MEASURES: tuple[Measure, ...] = (
    Measure(
        name="fertility",
        words="tokenizer fertility relative to English",
        step=0.1,
        step_words="a tenth more sub-words than English",
    ),
    Measure(
        name="vocabulary",
        words="sub-words that English does not have",
        step=0.1,
        step_words="a tenth fewer sub-words shared with English",
    ),
)
"""Distances that depend on the tokenizer and on the text of the task."""

ALL_MEASURES = (*MEASURES, *TOKENIZER_MEASURES)


def script_covariate() -> dict[str, float]:
    """1 for another script than English, else 0, by language."""
    return distances_of("script")


def covariates_of(study: Study, model: str, task: str) -> Covariates:
    """The covariates of a measured slope; one that is not known at all is empty."""
    return {
        PRETRAINING: study.pretraining.get(model, {}),
        FERTILITY: fertility(study, model, task),
        SCRIPT: script_covariate(),
    }


def fertility(study: Study, model: str, task: str) -> dict[str, float]:
    """Sub-words for each sub-word of English by language, English left out."""
    return {
        row.language: row.relative
        for row in study.subwords
        if row.task == task and model in row.models and row.relative and row.language != "en"
    }


def tokenizer_distances(study: Study, model: str, task: str) -> dict[str, Mapping[str, float]]:
    """By name of the measure the distances that the model's tokenizer makes on a task's text."""
    unshared = {
        row.language: 1 - row.shared
        for row in study.subwords
        if row.task == task and model in row.models and row.shared is not None and row.language != "en"
    }
    return {"fertility": fertility(study, model, task), "vocabulary": unshared}
