"""What a metric gives to predictions that know nothing of the items.

Chance level c of a set of predictions: the expected score after the predictions are dealt out to the
items at random. It keeps how often each answer is given, so a model that always says the most frequent
label gets its own accuracy as chance, not 100 / labels.

- ``accuracy`` and ``token_accuracy``: exact, sum over answers of gold share x predicted share.
- ``f1`` and ``em``: the mean over ``shuffles`` random permutations of items (``span``) or of the
  tokens' tags within the language (``tag``); its standard error falls as 1 / sqrt(shuffles).
- ``f1`` of mined pairs: exact, of each gold pair the share of foreign sentences that were given its
  English one; how many pairs are predicted stays as it is.
- ``map20``: exact, the mean over all pairs of an item and a ranking.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from xlgap.evaluation import chunks
from xlgap.evaluation.metrics import Floats, Metric, Rows, aligned
from xlgap.evaluation.rank import expected_precision
from xlgap.tasks.base import Mine, Rank, Retrieve, Tag, Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def chance(
    metric: Metric,
    task: Task,
    gold: Rows,
    predictions: Rows,
    language: str,
    *,
    seed: int = 0,
    shuffles: int = 20,
) -> float:
    """The expected score of shuffled ``predictions``, 0-100; NaN where the score itself is.

    Args:
        metric: from :func:`~xlgap.evaluation.metrics.get_metric`.
        task: the task of all rows.
        gold: prepared rows.
        predictions: one for each gold row, in any order.
        language: of the rows.
        seed: of the permutations.
        shuffles: how many permutations, where the expectation is not exact.

    Example:
        Gold ``a a a b`` and predictions ``a a b b``: 0.75 x 0.5 + 0.25 x 0.5 = 50.
    """
    ordered = aligned(task, gold, predictions, language)
    if metric.name in {"accuracy", "token_accuracy"}:
        return _expected_agreement(*_answers(task, gold, ordered))
    if isinstance(task.kind, Mine):
        return _expected_pairs(metric, gold, ordered)
    if isinstance(task.kind, Rank):
        return 100 * expected_precision(gold, ordered)
    generator = np.random.default_rng(seed)
    if isinstance(task.kind, Tag):
        sums = _shuffled_chunks(task.kind, gold, ordered, generator, shuffles)
    else:
        sums = _shuffled_items(metric, task, gold, ordered, language, generator, shuffles)
    return float(np.mean(metric.value(sums)))


def majority(metric: Metric, task: Task, gold: Rows) -> float | None:
    """The score of always giving the most frequent right answer, 0-100.

    ``None`` for metrics other than accuracies, and for retrieval, where every item has its own answer.
    """
    if metric.name not in {"accuracy", "token_accuracy"} or isinstance(task.kind, Retrieve) or not gold:
        return None
    right, _ = _answers(task, gold, ())
    return 100 * Counter(right).most_common(1)[0][1] / len(right)


def per_word(metric: Metric, task: Task, gold: Rows, train: Rows) -> float | None:
    """The score of giving each word its most frequent tag in ``train``, 0-100; case is ignored.

    A word that is not there gets the most frequent tag of all. ``None`` for anything but the token
    accuracy of tags, and without training rows.
    """
    if metric.name != "token_accuracy" or not isinstance(task.kind, Tag) or not (gold and train):
        return None
    of_word: dict[str, Counter[str]] = defaultdict(Counter)
    for word, tag in _tagged(train):
        of_word[word][tag] += 1
    every: Counter[str] = sum(of_word.values(), Counter())
    known = {word: tags.most_common(1)[0][0] for word, tags in of_word.items()}
    commonest = every.most_common(1)[0][0]
    right = [known.get(word, commonest) == tag for word, tag in _tagged(gold)]
    return 100 * sum(right) / len(right)


def _tagged(rows: Rows) -> Iterator[tuple[str, str]]:
    for row in rows:
        yield from zip(map(str.casefold, row["tokens"]), row["tags"], strict=True)


def _answers(task: Task, gold: Rows, predictions: Rows) -> tuple[list[Any], list[Any]]:
    """Right and given answers, one for each item or token."""
    if isinstance(task.kind, Tag):
        return [t for row in gold for t in row["tags"]], [t for p in predictions for t in p["tags"]]
    if isinstance(task.kind, Retrieve):
        return [row["id"] for row in gold], [p["match"] for p in predictions]
    return [row["label"] for row in gold], [p["label"] for p in predictions]


def _expected_agreement(right: Sequence[Any], given: Sequence[Any]) -> float:
    if not right:
        return float("nan")
    of_right, of_given = Counter(right), Counter(given)
    return 100 * sum(n * of_given[answer] for answer, n in of_right.items()) / len(right) ** 2


def _expected_pairs(metric: Metric, gold: Rows, predictions: Rows) -> float:
    """The F1 of mined pairs that are dealt out to the foreign sentences, in expectation."""
    foreign = [(g["match"], p["match"]) for g, p in zip(gold, predictions, strict=True) if _foreign(g)]
    right = [a for a, _ in foreign if a]
    given = Counter(b for _, b in foreign if b)
    both = sum(given[a] for a in right) / max(len(foreign), 1)
    return float(metric.value(np.array([both, given.total(), len(right)], dtype=np.float64)))


def _foreign(row: Mapping[str, Any]) -> bool:
    return bool(row["side"] == "foreign")


def _shuffled_chunks(
    kind: Tag, gold: Rows, predictions: Rows, generator: np.random.Generator, shuffles: int
) -> Floats:
    """Chunk counts, [shuffles, 3], with the predicted tags dealt out to the language's tokens."""
    right, given = [row["tags"] for row in gold], [row["tags"] for row in predictions]
    vocabulary = chunks.Vocabulary.of({t for tags in (*right, *given) for t in tags}, bio=kind.bio)
    right_n = chunks.flatten(right, vocabulary)
    given_n = chunks.flatten(given, vocabulary)
    is_token = np.ones(len(given_n), dtype=np.bool_)
    is_token[np.cumsum([len(tags) + 1 for tags in given]) - 1] = False
    gold_ends, all_one = chunks.chunk_ends(right_n, vocabulary), np.zeros(len(given_n), dtype=np.int64)
    sums = []
    for _ in range(shuffles):
        given_n[is_token] = generator.permutation(given_n[is_token])
        ends = chunks.chunk_ends(given_n, vocabulary)
        sums.append(chunks.chunk_counts(gold_ends, ends, all_one, 1)[0])
    return np.stack(sums)


def _shuffled_items(
    metric: Metric,
    task: Task,
    gold: Rows,
    predictions: Rows,
    language: str,
    generator: np.random.Generator,
    shuffles: int,
) -> Floats:
    """Sums of statistics, [shuffles, K], with each prediction given to another item at random."""
    orders = [generator.permutation(len(predictions)) for _ in range(shuffles)]
    dealt = [predictions[i] for order in orders for i in order]
    counts = metric.count(task, [*gold] * shuffles, dealt, language)
    sums: Floats = counts.reshape(shuffles, len(gold), -1).sum(axis=1)
    return sums
