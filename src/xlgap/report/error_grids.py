"""Tables of the error rates of diagnostic suites."""

from __future__ import annotations

from collections.abc import Sequence

from xlgap.analysis import words
from xlgap.analysis.counted import counted
from xlgap.analysis.diagnostic import ErrorRate
from xlgap.analysis.rows import AVERAGE
from xlgap.report.grids import Grid


def error_tables(rates: Sequence[ErrorRate]) -> list[Grid]:
    """A table a suite, of the means over languages."""
    return [
        _table(task, [rate for rate in rates if rate.task == task])
        for task in dict.fromkeys(rate.task for rate in rates)
    ]


def _table(task: str, rates: Sequence[ErrorRate]) -> Grid:
    means = {(r.model, r.arm, r.test): r for r in rates if r.language == AVERAGE}
    tests = dict.fromkeys(test for _, _, test in means)
    languages = {r.language for r in rates} - {AVERAGE}
    return Grid(
        name=f"diagnostic_{task}",
        title=f"{task}: error rate of each test, mean over {counted(len(languages), 'language')}",
        columns=("Arm", *tests),
        rows=tuple(
            (model, arm, *(words.number(means[model, arm, test].error_rate) for test in tests))
            for model, arm in dict.fromkeys((model, arm) for model, arm, _ in means)
        ),
    )
