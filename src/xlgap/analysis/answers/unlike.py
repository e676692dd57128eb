"""Why two arms that were scored on the same task and language are not compared: what they differ in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from xlgap.analysis.combinations import chosen_from
from xlgap.analysis.pairing import amount_words
from xlgap.analysis.study import Study
from xlgap.regimes.base import Budget

SAME_TASKS = ("inter", "joint_best", "sequential_best", "joint_sequential")
"""Gaps whose two arms must have the same intermediate tasks."""

SAME_ORDER = ("inter",)
"""Those of them whose arms must have them in the same order, too."""

Pair = tuple[str, str]
"""Two arms of one model that were scored on the same task and language."""


def why_unlike(study: Study, regimes: Sequence[str], gap: str) -> str:
    """One sentence on arms of two regimes that were scored alike and differ; empty of others.

    Args:
        study: whose arms they are; untrained twins do not count.
        regimes: of a gap, the two sides first.
        gap: a plain one, of which there is no estimate.
    """
    if len(regimes) < 2:
        return ""
    sides = " and ".join(regimes[:2])
    pairs = _pairs(study, regimes)
    same = [(a, b) for a, b in pairs if study.arms[a].budget == study.arms[b].budget]
    if pairs and not same:
        told = _told(pairs, regimes, lambda arm: _of_budget(study.arms[arm].budget))
        return (
            f"Not measured: the budgets of the {sides} arms differ ({told}); only arms of the same "
            "budget are compared."
        )
    alike = [p for p in same if _tasks(study, p[0]) == _tasks(study, p[1])]
    if gap in SAME_TASKS and same and not alike:
        told = _told(same, regimes, lambda arm: "+".join(sorted(_tasks(study, arm))) or "none named")
        return (
            f"Not measured: the intermediate tasks of the {sides} arms differ ({told}); only arms of "
            "the same ones are compared."
        )
    orders = {arm: study.arms[arm].intermediate for pair in alike for arm in pair}
    if gap in SAME_ORDER and alike and all(orders[a] != orders[b] for a, b in alike):
        told = _told(alike, regimes, lambda arm: "+".join(orders[arm]))
        return (
            f"Not measured: the order of the intermediate tasks of the {sides} arms differs ({told}); "
            "only arms of the same order are compared."
        )
    return ""


def _pairs(study: Study, regimes: Sequence[str]) -> list[Pair]:
    cells: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for key in study.table:
        if key.model not in study.controls:
            cells[key.model, key.task, key.language].add(key.arm)
    first, second = regimes[:2]
    found = {
        (a, b)
        for arms in cells.values()
        for a in arms
        for b in arms
        if (study.arms[a].regime, study.arms[b].regime) == (first, second)
    }
    return sorted(found)


def _tasks(study: Study, arm: str) -> set[str]:
    """The intermediate tasks of an arm, whatever their order."""
    if study.arms[arm].regime == "best_of":
        return chosen_from(arm, study.arms)
    return set(study.arms[arm].intermediate)


def _of_budget(budget: Budget | None) -> str:
    if budget is None:
        return "none"
    amount = (budget.steps or budget.tokens or 0, "tokens" if budget.steps is None else "steps")
    return amount_words((amount,))


def _told(pairs: Iterable[Pair], regimes: Sequence[str], say: Callable[[str], str]) -> str:
    """What each side has: ``joint 100 steps; best_of 200 steps``."""
    sides = zip(regimes, zip(*pairs, strict=True), strict=False)
    return "; ".join(f"{regime} {' or '.join(dict.fromkeys(map(say, arms)))}" for regime, arms in sides)
