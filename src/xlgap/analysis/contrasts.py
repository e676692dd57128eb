"""Which differences of scores a study defines: every gap as a weighted sum of scores.

A contrast is made from the cells that exist, never from their values, so that the same contrast is
evaluated on scores (:mod:`.gap`) and on their bootstrap draws (:mod:`.bootstrap`). Which arms may be
compared at all stands in :mod:`.pairing`, the contrasts of combined intermediate tasks in
:mod:`.combinations`, those of single ones in :mod:`.singles`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from xlgap.analysis import combinations, singles
from xlgap.analysis.pairing import Arms, Cells, Contrast, Key, Rule, averages, matched, over_tasks
from xlgap.analysis.rows import PARTS, plain_gap

__all__ = ["Arms", "Contrast", "Key", "averages", "contrasts", "fixed_languages", "fixed_set",
           "on_shared_units", "over_tasks"]  # fmt: skip


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
    every = [
        Cells(model=model, task=task, have=have, arms=arms)
        for (model, task), have in sorted(by_model.items())
    ]
    single = [[c for rule in RULES for c in rule(cells)] for cells in every]
    lacking = lacking_languages(c for of_model in single for c in of_model)
    found: list[Contrast] = []
    for cells, of_model in zip(every, single, strict=True):
        found += of_model
        found += averages([c for c in of_model if c.language not in lacking[c.task, c.gap, c.amount]])
        found += _transfer(cells, common)
    return found


def lacking_languages(single: Iterable[Contrast]) -> Mapping[tuple[object, ...], frozenset[str]]:
    """By task, gap and amount the languages that stay out of means, since some model lacks them.

    Which they are says :func:`common_set` of each unit. The parts of G_direct leave out what it does.
    """
    units: dict[tuple[object, ...], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for c in single:
        if c.language != "en":
            units[c.task, c.gap, c.amount, c.unit][c.model].add(c.language)
    found: dict[tuple[object, ...], frozenset[str]] = defaultdict(frozenset)
    for (task, gap, amount, _), models in units.items():
        sets = [frozenset(codes) for codes in models.values()]
        found[task, gap, amount] |= frozenset.union(*sets) - common_set(sets)
    for task, gap, amount in [key for key in found if plain_gap(str(key[1])) == "direct"]:
        for part in PARTS:
            of_part = (task, str(gap).replace("direct", part, 1), amount)
            found[of_part] = found[task, gap, amount]
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


def _native(cells: Cells) -> Iterable[Contrast]:
    for target in cells.of_regime("direct_tgt"):
        for english in cells.like(target, "direct_en"):
            language = cells.arms[target].language
            yield from cells.difference("native", target, [english], language=language, unit=(english,))


def _inter(cells: Cells) -> Iterable[Contrast]:
    for target in cells.of_regime("intermediate_tgt"):
        info = cells.arms[target]
        for english in cells.like(target, "intermediate_en"):
            if info.intermediate == cells.arms[english].intermediate:
                yield from cells.difference(
                    "inter", target, [english], language=info.language, unit=(english,)
                )


def _direct(cells: Cells) -> Iterable[Contrast]:
    """G_direct, and the part of it that English intermediate training gives: native minus direct."""
    for english in cells.of_regime("intermediate_en"):
        for target in cells.like(english, "direct_tgt"):
            language = cells.arms[target].language
            made = cells.difference("direct", target, [english], language=language, unit=(english,))
            yield from made
            for plain in cells.like(english, "direct_en") if made else ():
                yield from cells.difference(
                    "english_gain", english, [plain], language=language, unit=(english, plain)
                )


RULES: tuple[Rule, ...] = (_native, _inter, _direct, *combinations.RULES, *singles.RULES)


def _transfer(cells: Cells, common: Mapping[tuple[str, str], frozenset[str]]) -> list[Contrast]:
    """English minus each other language, and minus their mean, of every zero-shot arm."""
    model, task = cells.model, cells.task
    found: list[Contrast] = []
    for arm in sorted(arm for arm in cells.languages if cells.arms[arm].language is None):
        codes = common[arm, task]
        others = sorted(codes - {"en"})
        if "en" not in codes or not others:
            continue
        single = [
            matched(
                Contrast(
                    model=model, gap="transfer", task=task, language=code, arm_a=arm, arm_b=arm,
                    unit=(arm,),
                    terms=((Key(model, arm, task, "en"), 1.0), (Key(model, arm, task, code), -1.0)),
                ),
                cells.arms,
            )
            for code in others
        ]  # fmt: skip
        found += [*single, *averages(single)]
    return found


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


def common_set(sets: Sequence[frozenset[T]]) -> frozenset[T]:
    """Like :func:`fixed_set`, but among what several sets have in common, too; a tie costs members.

    A model that lacks one of many languages so costs this language; one that has few is left out.

    Example:
        >>> sorted(common_set([frozenset("abcd")] * 3 + [frozenset("abc")]))
        ['a', 'b', 'c']
        >>> sorted(common_set([frozenset("abcd")] * 3 + [frozenset("a")]))
        ['a', 'b', 'c', 'd']
    """
    rest, candidates = list(sets), set(sets)
    while len(candidates) > 1 and rest:
        candidates.add(frozenset.intersection(*rest))
        without = [rest[:i] + rest[i + 1 :] or rest for i in range(len(rest))]
        rest = max(without, key=lambda some: len(frozenset.intersection(*some)))
        if len(without) == 1:
            break

    def held(s: frozenset[T]) -> int:
        return sum(s <= t for t in sets)

    return max(
        candidates, key=lambda s: (len(s) * held(s), held(s), sorted(map(str, s))), default=frozenset()
    )


def on_shared_units(cells: Iterable[Contrast]) -> tuple[list[Contrast], str]:
    """The cells whose units all compared models have, and in words what that leaves out.

    A unit is a target task with its arms and languages; which set of them is compared says
    :func:`fixed_set`. ``cells`` are averages over languages of one gap.
    """
    of_model: dict[str, dict[tuple[str, ...], Contrast]] = defaultdict(dict)
    for c in cells:
        of_model[c.model][c.task, *c.unit, c.note] = c
    shared = fixed_set([frozenset(units) for units in of_model.values()])
    without = sorted(model for model, units in of_model.items() if not shared <= set(units))
    kept = [units[u] for m, units in of_model.items() if m not in without for u in sorted(shared)]
    rest = {u: c for units in of_model.values() for u, c in units.items() if u not in shared}
    units = sorted({f"{c.arm_a} on {c.task} ({c.note})" for c in rest.values()})
    told = [f"models without all of the cells compared: {', '.join(without)}"] if without else []
    told += [f"cells that not all models compared have: {', '.join(units)}"] if units else []
    return kept, f"left out: {'; '.join(told)}" if told else ""
