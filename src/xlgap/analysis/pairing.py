"""Which arms are compared: differences of the cells that one model has on one task.

Two arms make a pair only where they had the same extra compute and both trained, or both left out, what
a target task's recipe trains on first: otherwise a gap could be only more training. A gap between arms
with a budget has a name of its own (``joint_equal_steps``), beside the plain one. Arms of different
budgets are never averaged: each has its rows, and the estimates take the largest one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from xlgap.analysis.rows import AVERAGE, ArmInfo


class Key(NamedTuple):
    """What a score belongs to, seeds aside."""

    model: str
    arm: str
    task: str
    language: str


Amount = tuple[tuple[int, str], ...]


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A weighted sum of scores of one model.

    Attributes:
        unit: what is averaged into one row over languages: the intermediate tasks and the English arm.
        terms: (key, weight); the weights of arm a are positive, those of arm b negative.
        amount: (number, of what) for what was set: the examples of a few-shot arm, the budget that both
            sides have. Contrasts of different amounts are never averaged.
        tasks: that it is a mean over, sorted; empty of a single one.
    """

    model: str
    gap: str
    task: str
    language: str
    arm_a: str
    arm_b: str
    unit: tuple[str, ...]
    terms: tuple[tuple[Key, float], ...]
    note: str = ""
    amount: Amount = ()
    tasks: tuple[str, ...] = ()


Arms = Mapping[str, ArmInfo]


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The cells that one model has on one task.

    Attributes:
        have: (arm, language) of each.
        arms: of the study.
    """

    model: str
    task: str
    have: Collection[tuple[str, str]]
    arms: Arms

    @cached_property
    def languages(self) -> dict[str, frozenset[str]]:
        """The languages that each arm was scored on."""
        found: dict[str, set[str]] = defaultdict(set)
        for arm, language in self.have:
            found[arm].add(language)
        return {arm: frozenset(codes) for arm, codes in found.items()}

    def of_regime(self, regime: str) -> list[str]:
        """Names of the arms of a regime, sorted."""
        return sorted(arm for arm in self.languages if self.arms[arm].regime == regime)

    def like(self, arm: str, regime: str) -> list[str]:
        """The arms of ``regime`` that ``arm`` may be compared with, sorted."""
        return [b for b in self.of_regime(regime) if comparable(self.arms[arm], self.arms[b])]

    def difference(
        self,
        gap: str,
        a: str,
        b: Sequence[str],
        *,
        language: str | None,
        unit: tuple[str, ...],
        amount: Amount = (),
    ) -> list[Contrast]:
        """Arm ``a`` minus the mean of the arms ``b`` in ``language``, where all were scored."""
        if language is None or not b or not {(arm, language) for arm in (a, *b)} <= set(self.have):
            return []
        minus = [(Key(self.model, arm, self.task, language), -1 / len(b)) for arm in b]
        made = Contrast(
            model=self.model, gap=gap, task=self.task, language=language, arm_a=a, arm_b=joined(b),
            unit=unit, terms=((Key(self.model, a, self.task, language), 1.0), *minus), amount=amount,
            note=amount_words(amount),
        )  # fmt: skip
        return [matched(made, self.arms)]


Rule = Callable[[Cells], Iterable[Contrast]]
"""Makes the contrasts of one kind, one a language."""


def comparable(a: ArmInfo, b: ArmInfo) -> bool:
    """Whether a difference between two arms is not one of how much they were trained."""
    return (a.preliminary, a.budget) == (b.preliminary, b.budget)


def matched(contrast: Contrast, arms: Arms) -> Contrast:
    """The contrast named by the extra compute of its arms, where they have a budget."""
    budget = arms[contrast.terms[0][0].arm].budget
    if budget is None:
        return contrast
    kind = "steps" if budget.steps is not None else "tokens"
    given = ((budget.steps or budget.tokens or 0, kind),)
    note = "; ".join(filter(None, (contrast.note, amount_words(given))))
    amount = (*contrast.amount, *given)
    return replace(contrast, gap=f"{contrast.gap}_equal_{kind}", amount=amount, note=note)


def amount_words(amount: Amount) -> str:
    """An amount as people read it; empty where nothing was set.

    >>> amount_words(((64, "examples"), (2000, "steps")))
    '64 examples, 2,000 steps'
    """
    return ", ".join(f"{number:,} {of}" for number, of in amount)


def averages(single: Sequence[Contrast]) -> list[Contrast]:
    """The mean over languages of the contrasts of one gap, task and unit.

    English is no target of transfer and stays out of the mean.
    """
    units: dict[tuple[object, ...], list[Contrast]] = defaultdict(list)
    for contrast in single:
        if contrast.language != "en":
            units[contrast.gap, contrast.amount, *contrast.unit].append(contrast)
    return [_mean(members) for _, members in sorted(units.items())]


def _mean(members: Sequence[Contrast]) -> Contrast:
    first = members[0]
    weight: dict[Key, float] = defaultdict(float)
    for member in members:
        for key, coefficient in member.terms:
            weight[key] += coefficient / len(members)
    languages = sorted({m.language for m in members})
    return replace(
        first,
        language=AVERAGE,
        arm_a=joined(m.arm_a for m in members),
        arm_b=joined(m.arm_b for m in members),
        terms=tuple(sorted(weight.items())),
        note="; ".join(filter(None, (f"{OVER}{', '.join(languages)}", amount_words(first.amount)))),
    )


OVER = "mean over "
"""Begins the note of a mean over languages."""


def languages_of_mean(note: str) -> frozenset[str]:
    """The languages that a mean over languages is over, from its note.

    >>> sorted(languages_of_mean("mean over de, sw; 2,000 steps"))
    ['de', 'sw']
    """
    return frozenset(note.removeprefix(OVER).partition(";")[0].split(", "))


def joined(names: Iterable[str]) -> str:
    """Names of several arms as one, each once."""
    return "+".join(dict.fromkeys(names))


def over_tasks(contrast: Sequence[Contrast]) -> Contrast:
    """The mean over tasks and units, every task with the same weight.

    ``contrast`` are averages over languages of one gap and model.
    """
    by_task: dict[str, list[Contrast]] = defaultdict(list)
    for c in contrast:
        by_task[c.task].append(c)
    weight: dict[Key, float] = defaultdict(float)
    for members in by_task.values():
        for member in members:
            for key, coefficient in member.terms:
                weight[key] += coefficient / len(members) / len(by_task)
    tasks = tuple(sorted(by_task))
    return replace(
        contrast[0],
        task="mean",
        tasks=tasks,
        unit=(),
        arm_a=joined(c.arm_a for c in contrast),
        arm_b=joined(c.arm_b for c in contrast),
        terms=tuple(sorted(weight.items())),
        note=f"mean over {', '.join(tasks)}",
    )
