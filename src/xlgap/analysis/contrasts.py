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
    found: list[Contrast] = []
    for (model, task), have in sorted(by_model.items()):
        cells = Cells(model=model, task=task, have=have, arms=arms)
        single = [c for rule in RULES for c in rule(cells)]
        found += single
        found += averages(single)
        found += _transfer(cells, common)
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
