"""Diagnostic suites: a number for each test, not one for all of them."""

from __future__ import annotations

from collections import defaultdict

from xlgap.evaluation.metrics import Rows, get_metric
from xlgap.tasks.base import Task


def error_rates(task: Task, gold: Rows, predictions: Rows, language: str) -> dict[str, float]:
    """The error rate of each test, 0-100: 100 minus its exact match.

    A test is the first part of an item's group (``comparisons-017``); in the order of ``gold``.

    Raises:
        ResultError: the predictions are not of exactly the gold rows.
    """
    metric = get_metric("em", task)
    stats = metric.stats(task, gold, predictions, language)
    of: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(gold):
        of[row["group"].split("-")[0]].append(at)
    return {test: 100 - float(metric.value(stats[places].sum(axis=0))) for test, places in of.items()}
