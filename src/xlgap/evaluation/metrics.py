"""Metrics: predictions and gold rows in, sufficient statistics of each item out.

A metric is two functions. ``stats`` counts per item; ``value`` turns sums of these counts over any set
of items into a score of 0-100. A score is ``value(stats.sum(0))``, a bootstrap
``value(weights @ stats)``, and neither needs another pass over the texts. A score over nothing (no
item, no chunk in gold and prediction) is NaN: missing, never 0.

Predictions by kind: classify ``{id, label}``; choose ``{id, label: int}``; tag ``{id, tags}``; span
``{id, text}``; retrieve ``{id, match}`` with the id of the row that was found; mine the same for
foreign rows, ``match`` empty where none was found and of English rows, and ``pairs``, how many matches
there are, where that is another number; rank ``{id, ranked}``, ids of
candidates, the best first.

Shapes: I items, K columns of statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlgap.errors import ResultError, unknown
from xlgap.evaluation import chunks
from xlgap.evaluation.qa_normalise import (
    answers_or_none,
    best_f1s,
    exact_matches,
    normalise_aware,
    normalise_mlqa,
)
from xlgap.evaluation.rank import average_precision
from xlgap.tasks.base import Span, Tag, Task

Row = Mapping[str, Any]
Rows = Sequence[Row]
Floats = NDArray[np.float64]
Count = Callable[[Task, Rows, Rows, str], Floats]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric of one family of tasks.

    Attributes:
        name: as in ``Task.metrics``.
        kinds: names of the task kinds that it measures.
        columns: names of the K statistics.
        count: ``(task, gold rows, predictions in the order of gold, language)`` to [I, K].
        value: sums [..., K] to scores [...] of 0-100; vectorised over the leading axes.
    """

    name: str
    kinds: tuple[str, ...]
    columns: tuple[str, ...]
    count: Count
    value: Callable[[Floats], Floats]

    def stats(self, task: Task, gold: Rows, predictions: Rows, language: str) -> Floats:
        """Statistics of each item, [I, K], in the order of ``gold``.

        Raises:
            ResultError: the predictions are not of exactly the gold rows.
        """
        return self.count(task, gold, aligned(task, gold, predictions, language), language)

    def items(self, stats: Floats) -> int:
        """How many items ``stats`` [I, K] are of: tokens where tokens are right or wrong, else rows."""
        if "tokens" in self.columns:
            return int(stats[:, self.columns.index("tokens")].sum())
        return len(stats)

    def score(self, task: Task, gold: Rows, predictions: Rows, language: str) -> float:
        """The score over all items, 0-100."""
        return float(self.value(self.stats(task, gold, predictions, language).sum(axis=0)))


def get_metric(name: str, task: Task) -> Metric:
    """The metric called ``name`` of tasks such as ``task``: ``f1`` counts chunks or answer words.

    Raises:
        UnknownNameError: no such metric for this kind of task.
    """
    known = {metric.name: metric for metric in METRICS if task.kind.name in metric.kinds}
    if name not in known:
        raise unknown(f"metric of {task.kind.name} task '{task.name}'", name, known)
    return known[name]


def aligned(task: Task, gold: Rows, predictions: Rows, language: str) -> list[Row]:
    """``predictions`` in the order of ``gold``.

    Raises:
        ResultError: an id twice, an id without gold row, a gold row without prediction, or another
            number of tags than tokens.
    """
    where = f"predictions of task '{task.name}', language '{language}'"
    by_id = {row["id"]: row for row in predictions}
    if len(by_id) != len(predictions):
        raise ResultError(f"{where}: {len(predictions) - len(by_id)} ids stand more than once.")
    missing = [row["id"] for row in gold if row["id"] not in by_id]
    if missing or len(by_id) != len(gold):
        extra = len(by_id) - (len(gold) - len(missing))
        raise ResultError(
            f"{where}: expected one for each of {len(gold)} gold rows, got {len(by_id)}: "
            f"{len(missing)} missing {missing[:3]}, {extra} without gold row; predict again "
            "from the prepared data."
        )
    ordered = [by_id[row["id"]] for row in gold]
    if isinstance(task.kind, Tag):
        for row, found in zip(gold, ordered, strict=True):
            if len(row["tags"]) != len(found["tags"]):
                raise ResultError(
                    f"{where}: id {row['id']!r} has {len(row['tags'])} tokens and "
                    f"{len(found['tags'])} predicted tags."
                )
    return ordered


def ratio(sums: Floats) -> Floats:
    """100 x first column / second column; NaN where the second is 0."""
    return _percent(sums[..., 0], sums[..., 1])


def f_measure(sums: Floats) -> Floats:
    """100 x F1 from (in both, predicted, gold); NaN where nothing is predicted and nothing gold."""
    return _percent(2 * sums[..., 0], sums[..., 1] + sums[..., 2])


def _percent(numerator: Floats, denominator: Floats) -> Floats:
    empty = denominator == 0
    return np.where(empty, np.nan, 100 * numerator / np.where(empty, 1, denominator))


def _with_ones(values: Sequence[float] | Floats) -> Floats:
    return np.stack([np.array(values, dtype=np.float64), np.ones(len(values))], axis=-1)


def _labels_equal(task: Task, gold: Rows, predictions: Rows, language: str) -> Floats:
    return _with_ones([p["label"] == g["label"] for g, p in zip(gold, predictions, strict=True)])


def _match_found(task: Task, gold: Rows, predictions: Rows, language: str) -> Floats:
    return _with_ones([p["match"] == g["id"] for g, p in zip(gold, predictions, strict=True)])


def _pairs_found(task: Task, gold: Rows, predictions: Rows, language: str) -> Floats:
    """Of each foreign sentence, see BUCC's sets of pairs of ids; an English one counts nothing."""
    foreign = [g["side"] == "foreign" for g in gold]
    right = [g["match"] for g in gold]
    found = [p["match"] for p in predictions]
    pairs = [p.get("pairs", bool(p["match"])) for p in predictions]
    columns = [
        [own and bool(a) and a == b for own, a, b in zip(foreign, right, found, strict=True)],
        [own * n for own, n in zip(foreign, pairs, strict=True)],
        [own and bool(a) for own, a in zip(foreign, right, strict=True)],
    ]
    return np.array(columns, dtype=np.float64).reshape(3, len(gold)).T


def _tokens_equal(task: Task, gold: Rows, predictions: Rows, language: str) -> Floats:
    pairs = [(g["tags"], p["tags"]) for g, p in zip(gold, predictions, strict=True)]
    same = [(sum(map(str.__eq__, a, b)), len(a)) for a, b in pairs]
    return np.array(same, dtype=np.float64).reshape(len(pairs), 2)


def _chunks_found(task: Task, gold: Rows, predictions: Rows, language: str) -> Floats:
    assert isinstance(task.kind, Tag)
    expected, found = [row["tags"] for row in gold], [row["tags"] for row in predictions]
    tags = {tag for sentence in (*expected, *found) for tag in sentence}
    vocabulary = chunks.Vocabulary.of(tags, bio=task.kind.bio)
    sentence_n = np.repeat(np.arange(len(gold)), [len(tags) + 1 for tags in expected])
    gold_ends = chunks.chunk_ends(chunks.flatten(expected, vocabulary), vocabulary)
    found_ends = chunks.chunk_ends(chunks.flatten(found, vocabulary), vocabulary)
    return chunks.chunk_counts(gold_ends, found_ends, sentence_n, len(gold))


def _answer_f1(task: Task, gold: Rows, predictions: Rows, language: str) -> Floats:
    """SQuAD's: the script of v2.0 where questions may have no answer, else that of v1.1."""
    texts, answers = _texts(gold, predictions)
    if isinstance(task.kind, Span) and task.kind.unanswerable:
        return _with_ones(best_f1s(texts, [answers_or_none(a) for a in answers], empty=True))
    return _with_ones(best_f1s(texts, answers))


def _answer_exact(task: Task, gold: Rows, predictions: Rows, language: str) -> Floats:
    texts, answers = _texts(gold, predictions)
    if isinstance(task.kind, Span) and task.kind.unanswerable:
        answers = [answers_or_none(a) for a in answers]
    return _with_ones(exact_matches(texts, answers))


def _texts(gold: Rows, predictions: Rows) -> tuple[list[str], list[Sequence[str]]]:
    """The answers of a system, and those that are right."""
    return [p["text"] for p in predictions], [g["answers"]["text"] for g in gold]


def _answered(rates: Callable[..., Floats], normaliser: Callable[..., str], **how: bool) -> Count:
    """How well each answer does by ``rates`` after a normaliser that knows the language."""

    def count(task: Task, gold: Rows, predictions: Rows, language: str) -> Floats:
        normal = partial(normaliser, language=language)
        return _with_ones(rates(*_texts(gold, predictions), normal, **how))

    return count


def _ranked_precision(task: Task, gold: Rows, predictions: Rows, language: str) -> Floats:
    pairs = zip(gold, predictions, strict=True)
    return _with_ones([average_precision(p["ranked"], g["targets"]) for g, p in pairs])


METRICS: tuple[Metric, ...] = (
    Metric(
        name="accuracy",
        kinds=("classify", "choose"),
        columns=("correct", "items"),
        count=_labels_equal,
        value=ratio,
    ),
    Metric(
        name="accuracy",
        kinds=("retrieve",),
        columns=("correct", "items"),
        count=_match_found,
        value=ratio,
    ),
    Metric(
        name="token_accuracy",
        kinds=("tag",),
        columns=("correct", "tokens"),
        count=_tokens_equal,
        value=ratio,
    ),
    Metric(
        name="f1",
        kinds=("tag",),
        columns=("both", "predicted", "gold"),
        count=_chunks_found,
        value=f_measure,
    ),
    Metric(
        name="f1",
        kinds=("mine",),
        columns=("both", "predicted", "gold"),
        count=_pairs_found,
        value=f_measure,
    ),
    Metric(
        name="map20",
        kinds=("rank",),
        columns=("precision", "items"),
        count=_ranked_precision,
        value=ratio,
    ),
    Metric(name="f1", kinds=("span",), columns=("f1", "items"), count=_answer_f1, value=ratio),
    Metric(name="em", kinds=("span",), columns=("exact", "items"), count=_answer_exact, value=ratio),
    Metric(
        name="f1_mlqa",
        kinds=("span",),
        columns=("f1", "items"),
        count=_answered(best_f1s, normalise_mlqa),
        value=ratio,
    ),
    Metric(
        name="em_mlqa",
        kinds=("span",),
        columns=("exact", "items"),
        count=_answered(exact_matches, normalise_mlqa),
        value=ratio,
    ),
    Metric(
        name="f1_aware",
        kinds=("span",),
        columns=("f1", "items"),
        count=_answered(best_f1s, normalise_aware, empty=True),
        value=ratio,
    ),
    Metric(
        name="em_aware",
        kinds=("span",),
        columns=("exact", "items"),
        count=_answered(exact_matches, normalise_aware),
        value=ratio,
    ),
)
