"""Two arms of one model on the same items of one language: a test a seed, corrected as one list.

The intervals of the gains table stand for means over languages and seeds. Beside them, for every single
run, in every language: McNemar's mid-p test where each item stands alone and is right or wrong, a
bootstrap over clusters where questions share a paragraph or hypotheses a premise, or where an item
has a score. All tests of one gap are a list of finds, corrected after Benjamini and Hochberg (1995).

A run here is one seed of each arm: nothing of it speaks of other seeds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xlgap.analysis.bootstrap import KEYS, generator, statistics_of
from xlgap.analysis.gains import AGAINST_ENGLISH, AGAINST_NONE
from xlgap.analysis.pairing import Contrast, Key
from xlgap.analysis.rows import AVERAGE, plain_gap
from xlgap.analysis.stats.multiple import corrected
from xlgap.analysis.stats.paired import FEWEST_CLUSTERS, PairedTest, cluster_test, mcnemar
from xlgap.analysis.stats.row_bootstrap import cluster_weights
from xlgap.analysis.study import Study
from xlgap.errors import ResultError

COMPARED = (*AGAINST_NONE, *AGAINST_ENGLISH, "joint_best", "sequential_best")
"""Gaps of one arm minus another one in the same language."""

LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class ItemTest:
    """Arm a minus arm b in one run, language and task.

    Attributes:
        difference: points.
        n: items of McNemar's test, clusters of the bootstrap.
        only_a, only_b: items that one arm alone has right; ``None`` of the bootstrap.
        p: two-sided.
        q: the same, corrected over the ``family`` tests of the gap; found at 5% where at most 0.05.
        method: of the test.
    """

    gap: str
    model: str
    task: str
    language: str
    seed: int
    arm_a: str
    arm_b: str
    difference: float
    n: int
    only_a: int | None
    only_b: int | None
    p: float
    q: float
    family: int
    method: str


def item_tests(every: Iterable[Contrast], study: Study) -> list[ItemTest]:
    """A test of every contrast in :data:`COMPARED` of two single arms, in each seed that both have.

    A language with items in fewer than ten clusters has none.
    """
    wanted: dict[str, list[Contrast]] = defaultdict(list)
    for c in every:
        single = len(c.terms) == 2 and c.language != AVERAGE and c.model not in study.controls
        if single and plain_gap(c.gap) in COMPARED and c.task in study.items:
            wanted[c.task].append(c)
    found: dict[str, list[ItemTest]] = defaultdict(list)
    for task, of_task in wanted.items():
        runs = _Runs(task, study)
        for c in of_task:
            for test in _tests(c, runs):
                found[c.gap].append(test)
    return [test for of_gap in found.values() for test in _corrected(of_gap)]


class _Runs:
    """The items of one task, run by run, in one order."""

    def __init__(self, task: str, study: Study) -> None:
        items = study.items[task]
        frame = items.frame[items.frame["metric"] == items.metric].sort_values("item", kind="stable")
        self._task, self._study = task, study
        self._weights: dict[tuple[str, int], NDArray[np.float64]] = {}
        self._value = items.value
        self._columns = statistics_of(frame)
        self._runs: dict[Key, dict[int, pd.DataFrame]] = defaultdict(dict)
        for run, rows in frame.groupby(KEYS, sort=True):
            named: tuple[Any, ...] = run
            model, arm, language, seed = named
            self._runs[Key(model, arm, task, language)][seed] = self._valued(rows)

    def _valued(self, rows: pd.DataFrame) -> pd.DataFrame:
        values = self._value(rows[self._columns].to_numpy(dtype=np.float64))
        return rows[["item", "group"]].assign(value=values).set_index("item")

    def weights(self, language: str, clusters: int) -> NDArray[np.float64]:
        """Resamples of the clusters of a language, [R, clusters]: the same for all of its tests."""
        key = language, clusters
        if key not in self._weights:
            rng = generator(self._study.seed, "paired", self._task, language, str(clusters))
            self._weights[key] = cluster_weights(clusters, resamples=self._study.resamples, rng=rng)
        return self._weights[key]

    def pairs(self, a: Key, b: Key) -> Iterator[tuple[int, pd.DataFrame, pd.DataFrame]]:
        """Each seed that both cells have, and the items of both in one order: group and points.

        Raises:
            ResultError: the two were not scored on the same items.
        """
        for seed in sorted(self._runs[a].keys() & self._runs[b].keys()):
            one, other = self._runs[a][seed], self._runs[b][seed]
            if not one.index.equals(other.index):
                raise ResultError(
                    f"{a.model}: {a.arm} and {b.arm} were scored on other items of {a.task} in "
                    f"{a.language}: score the task again."
                )
            yield seed, one, other


def _tests(c: Contrast, runs: _Runs) -> Iterator[ItemTest]:
    (a, b) = (next(key for key, weight in c.terms if weight * sign > 0) for sign in (1, -1))
    for seed, one, other in runs.pairs(a, b):
        test = _tested(one, other, partial(runs.weights, c.language))
        if test is None:
            continue
        yield ItemTest(
            gap=c.gap, model=c.model, task=c.task, language=c.language, seed=seed, arm_a=a.arm,
            arm_b=b.arm, difference=test.difference, n=test.n, only_a=test.only_a, only_b=test.only_b,
            p=test.p, q=test.p, family=1, method=test.method,
        )  # fmt: skip


def _tested(
    a: pd.DataFrame, b: pd.DataFrame, weights: Callable[[int], NDArray[np.float64]]
) -> PairedTest | None:
    """The test that the items allow; none of too few clusters."""
    groups = a["group"].nunique()
    right = np.isin(np.concatenate([a["value"], b["value"]]), [0.0, 100.0]).all()
    if groups == len(a) and right:
        return mcnemar(a["value"] == 100, b["value"] == 100)
    if groups < FEWEST_CLUSTERS:
        return None
    return cluster_test(a["value"] - b["value"], list(a["group"]), weights(groups))


def _corrected(tests: Sequence[ItemTest]) -> Iterator[ItemTest]:
    p_values = {str(i): test.p for i, test in enumerate(tests)}
    adjusted = corrected(p_values, method="benjamini_hochberg", level=LEVEL)
    for i, test in enumerate(tests):
        yield replace(test, q=adjusted[str(i)].adjusted, family=len(tests))
