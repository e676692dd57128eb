"""Which differences of scores a study defines: every gap as a weighted sum of scores.

A contrast is made from the cells that exist, never from their values, so that the same contrast is
evaluated on scores (:mod:`.gap`) and on their bootstrap draws (:mod:`.bootstrap`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from xlgap.analysis.rows import AVERAGE, ArmInfo


class Key(NamedTuple):
    """What a score belongs to, seeds aside."""

    model: str
    arm: str
    task: str
    language: str


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A weighted sum of scores of one model.

    Attributes:
        unit: what is averaged into one row over languages: the intermediate tasks and the English arm.
        terms: (key, weight); the weights of arm a are positive, those of arm b negative.
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


Arms = Mapping[str, ArmInfo]


def contrasts(keys: Collection[Key], arms: Arms) -> list[Contrast]:
    """All gaps that ``keys`` define, per language and averaged over languages.

    Args:
        keys: the cells that have scores.
        arms: regime, intermediate tasks and language of each arm.
    """
    by_model: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for key in keys:
        by_model[key.model, key.task].add((key.arm, key.language))
    common = fixed_languages(keys, arms)
    found: list[Contrast] = []
    for (model, task), have in sorted(by_model.items()):
        single = [c for rule in RULES for c in rule(model, task, have, arms)]
        found += single
        found += averages(single)
        found += _transfer(model, task, have, arms, common)
    return found


def fixed_languages(keys: Collection[Key], arms: Arms) -> dict[tuple[str, str], frozenset[str]]:
    """Languages that every model with a zero-shot arm has on a task: one set across all models."""
    have: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for key in keys:
        if arms[key.arm].language is None:
            have[key.arm, key.task][key.model].add(key.language)
    return {
        unit: frozenset.intersection(*(frozenset(codes) for codes in models.values()))
        for unit, models in have.items()
    }


Have = Collection[tuple[str, str]]
Rule = Callable[[str, str, Have, Arms], Iterable[Contrast]]


def _of_regime(have: Have, arms: Arms, regime: str) -> list[str]:
    return sorted({arm for arm, _ in have if arms[arm].regime == regime})


def _pair(
    model: str,
    task: str,
    have: Have,
    *,
    gap: str,
    a: str,
    b: str,
    language: str | None,
    unit: tuple[str, ...],
) -> list[Contrast]:
    """Arm ``a`` minus arm ``b`` in ``language``, where both were scored."""
    if language is None or not {(a, language), (b, language)} <= set(have):
        return []
    terms = ((Key(model, a, task, language), 1.0), (Key(model, b, task, language), -1.0))
    made = Contrast(
        model=model, gap=gap, task=task, language=language, arm_a=a, arm_b=b, unit=unit, terms=terms
    )
    return [made]


def _native(model: str, task: str, have: Have, arms: Arms) -> Iterable[Contrast]:
    for target in _of_regime(have, arms, "direct_tgt"):
        for english in _of_regime(have, arms, "direct_en"):
            yield from _pair(
                model, task, have, gap="native", a=target, b=english,
                language=arms[target].language, unit=(english,),
            )  # fmt: skip


def _inter(model: str, task: str, have: Have, arms: Arms) -> Iterable[Contrast]:
    for target in _of_regime(have, arms, "intermediate_tgt"):
        for english in _of_regime(have, arms, "intermediate_en"):
            if arms[target].intermediate == arms[english].intermediate:
                yield from _pair(
                    model, task, have, gap="inter", a=target, b=english,
                    language=arms[target].language, unit=(english,),
                )  # fmt: skip


def _direct(model: str, task: str, have: Have, arms: Arms) -> Iterable[Contrast]:
    """G_direct, and the part of it that English intermediate training gives: native minus direct."""
    for english in _of_regime(have, arms, "intermediate_en"):
        for target in _of_regime(have, arms, "direct_tgt"):
            language = arms[target].language
            yield from _pair(
                model, task, have, gap="direct", a=target, b=english, language=language, unit=(english,)
            )
            for plain in _of_regime(have, arms, "direct_en"):
                if _pair(model, task, have, gap="", a=target, b=english, language=language, unit=()):
                    yield from _pair(
                        model, task, have, gap="english_gain", a=english, b=plain,
                        language=language, unit=(english, plain),
                    )  # fmt: skip


RULES: tuple[Rule, ...] = (_native, _inter, _direct)


def averages(single: Sequence[Contrast]) -> list[Contrast]:
    """The mean over languages of the contrasts of one gap, task and unit."""
    units: dict[tuple[str, ...], list[Contrast]] = defaultdict(list)
    for contrast in single:
        units[contrast.gap, *contrast.unit].append(contrast)
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
        arm_a=_joined(m.arm_a for m in members),
        arm_b=_joined(m.arm_b for m in members),
        terms=tuple(sorted(weight.items())),
        note=f"mean over {', '.join(languages)}",
    )


def _joined(names: Iterable[str]) -> str:
    return "+".join(dict.fromkeys(names))


def _transfer(
    model: str, task: str, have: Have, arms: Arms, common: Mapping[tuple[str, str], frozenset[str]]
) -> list[Contrast]:
    """English minus each other language, and minus their mean, of every zero-shot arm."""
    found: list[Contrast] = []
    for arm in sorted({arm for arm, _ in have if arms[arm].language is None}):
        codes = common[arm, task]
        others = sorted(codes - {"en"})
        if "en" not in codes or not others:
            continue
        single = [
            Contrast(
                model=model, gap="transfer", task=task, language=code, arm_a=arm, arm_b=arm,
                unit=(arm,),
                terms=((Key(model, arm, task, "en"), 1.0), (Key(model, arm, task, code), -1.0)),
            )
            for code in others
        ]  # fmt: skip
        found += [*single, *averages(single)]
    return found


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
    return replace(
        contrast[0],
        task="mean",
        unit=(),
        arm_a=_joined(c.arm_a for c in contrast),
        arm_b=_joined(c.arm_b for c in contrast),
        terms=tuple(sorted(weight.items())),
        note=f"mean over {', '.join(sorted(by_task))}",
    )


T = TypeVar("T")


def fixed_set(sets: Sequence[frozenset[T]]) -> frozenset[T]:
    """One set for all: the one with the most numbers behind it, its size times how many contain it.

    Whoever lacks a member of it is then left out of the comparison, and named.
    """
    if not sets:
        return frozenset()
    return max(
        set(sets), key=lambda s: (len(s) * sum(s <= t for t in sets), len(s), sorted(map(str, s)))
    )
