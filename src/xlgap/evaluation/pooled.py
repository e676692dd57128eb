"""Prediction of one model over all languages of a task at once.

Rows of all languages go through :func:`~xlgap.evaluation.predict.predict` together, so that batches
hold sequences of about one length though a language has few rows; ``benchmarks/evaluation.py`` measures
what that gains. Only kinds whose rows are predicted one by one can be pooled: not retrieval, where a
row's prediction depends on the other rows of its language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xlgap.evaluation.predict import Predictor, predict
from xlgap.models.network import Network
from xlgap.tasks.base import Choose, Classify, Kind, Row, Span, Tag

ROWS = 20_000
"""Rows that are pooled at most, which bounds the memory that their sub-words and outputs take."""


def can_pool(kind: Kind) -> bool:
    """Whether the prediction of a row depends on that row alone."""
    return isinstance(kind, Classify | Choose | Tag | Span)


def predict_languages(
    network: Network,
    kind: Kind,
    rows: Mapping[str, Sequence[Row]],
    predictor: Predictor,
    *,
    at_once: int = ROWS,
) -> dict[str, list[Row]]:
    """Prediction rows of each language, in the order of its rows.

    Args:
        network: the model.
        kind: one that :func:`can_pool`.
        rows: of each language.
        predictor: of all of them.
        at_once: rows that are pooled at most.
    """
    assert can_pool(kind), f"rows of {kind.name} tasks are not predicted one by one"
    every = [(language, row) for language, of_one in rows.items() for row in of_one]
    found: dict[str, list[Row]] = {language: [] for language in rows}
    for begin in range(0, len(every), at_once):
        part = every[begin : begin + at_once]
        predictions = predict(network, kind, [row for _, row in part], predictor)
        for (language, _), prediction in zip(part, predictions, strict=True):
            found[language].append(prediction)
    return found
