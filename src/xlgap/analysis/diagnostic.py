"""Diagnostic suites: an error rate for each test, not one number for all of them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlgap.analysis.bootstrap import Value
from xlgap.analysis.rows import AVERAGE

if TYPE_CHECKING:
    import pandas as pd

METRIC = "em"
"""A test's error rate is 100 minus its exact match."""


@dataclass(frozen=True, kw_only=True)
class ErrorRate:
    """How often a model fails one test of a diagnostic suite.

    Attributes:
        task: the suite.
        test: the first part of its items' groups (``comparisons-017``).
        model, arm: of the cell.
        language: of the items, or ``avg``: the unweighted mean over languages.
        error_rate: 0-100, mean over seeds.
        items: that it is of, in one seed.
    """

    task: str
    test: str
    model: str
    arm: str
    language: str
    error_rate: float
    items: int


def error_rates(task: str, items: pd.DataFrame, value: Value) -> list[ErrorRate]:
    """The error rates of a suite, by model, arm and test: of each language, then their mean.

    Args:
        task: the suite.
        items: per-item statistics, see :class:`~xlgap.analysis.bootstrap.TaskItems`.
        value: from sums of statistics of :data:`METRIC` to its score.
    """
    exact = items[items["metric"] == METRIC]
    exact = exact.assign(test=exact["group"].str.partition("-")[0])
    sums = [name for name in exact.columns if name in {"s0", "s1", "s2"}]
    found: list[ErrorRate] = []
    for names, of_test in exact.groupby(["model", "arm", "test"], sort=False):
        model, arm, test = map(str, names)
        of_languages = []
        for language, rows in of_test.groupby("language", sort=False):
            of_seeds = [float(value(s[sums].to_numpy().sum(axis=0))) for _, s in rows.groupby("seed")]
            of_languages.append(
                ErrorRate(
                    task=task, test=test, model=model, arm=arm, language=str(language),
                    error_rate=100 - statistics.fmean(of_seeds), items=len(rows) // len(of_seeds),
                )
            )  # fmt: skip
        mean = ErrorRate(
            task=task, test=test, model=model, arm=arm, language=AVERAGE,
            error_rate=statistics.fmean(r.error_rate for r in of_languages),
            items=sum(r.items for r in of_languages),
        )  # fmt: skip
        found += [*of_languages, mean]
    return found
