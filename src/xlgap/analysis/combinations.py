"""What several intermediate tasks give together: the contrasts of question 5.

Of each model, task and language, paired over items and seeds::

    joint            = S(joint) - S(direct_en)
    sequential       = S(sequential) - S(direct_en)
    best_single      = S(best_of) - S(direct_en)            the best on English dev, never on test
    joint_best       = S(joint) - S(best_of)                best_of over the same tasks
    sequential_best  = S(sequential) - S(best_of)
    joint_sequential = S(joint) - mean of S(sequential)     the same tasks, over their orders
    few_gain         = S(few_shot) - S(the arm it follows)  in the language of its examples

An arm is scored in all languages. What is averaged over languages leaves English out, the language of
training: it says what several tasks do for zero-shot transfer. English is a quantity of its own beside
it (``joint_english``, ...), since a gain there is no transfer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from xlgap.analysis.pairing import Arms, Cells, Contrast, Rule
from xlgap.analysis.rows import AVERAGE, COMBINED, ENGLISH, plain_gap


def _against_none(cells: Cells) -> Iterable[Contrast]:
    """Joint and sequential training and the best single task, each minus no intermediate training."""
    for gap, regime in (("joint", "joint"), ("sequential", "sequential"), ("best_single", "best_of")):
        for arm in cells.of_regime(regime):
            for plain in cells.like(arm, "direct_en"):
                yield from _in_each(cells, gap, arm, [plain])


def _against_best(cells: Cells) -> Iterable[Contrast]:
    """Joint and sequential training, each minus the best single one of the same tasks."""
    for regime in ("joint", "sequential"):
        for arm in cells.of_regime(regime):
            tasks = set(cells.arms[arm].intermediate)
            for best in cells.like(arm, "best_of"):
                if chosen_from(best, cells.arms) == tasks:
                    yield from _in_each(cells, f"{regime}_best", arm, [best])


def chosen_from(best: str, arms: Arms) -> set[str]:
    """The tasks that a ``best_of`` arm chose from: those of its choices, or as a table names them."""
    of_choices = {task for choice in arms[best].choices for task in arms[choice].intermediate}
    return of_choices or set(arms[best].intermediate)


def _joint_against_sequential(cells: Cells) -> Iterable[Contrast]:
    """Joint minus sequential training on the same tasks, the latter in whichever order."""
    for joint in cells.of_regime("joint"):
        tasks = set(cells.arms[joint].intermediate)
        orders = [
            arm for arm in cells.like(joint, "sequential") if set(cells.arms[arm].intermediate) == tasks
        ]
        yield from _in_each(cells, "joint_sequential", joint, orders)


def _few_examples(cells: Cells) -> Iterable[Contrast]:
    """A few target-language examples minus the same English training without them."""
    for few in cells.of_regime("few_shot"):
        info = cells.arms[few]
        before = "intermediate_en" if info.intermediate else "direct_en"
        for plain in cells.like(few, before):
            if cells.arms[plain].intermediate == info.intermediate:
                yield from cells.difference(
                    "few_gain", few, [plain], language=info.language, unit=(plain,),
                    amount=((info.shots or 0, "examples"),),
                )  # fmt: skip


def _in_each(cells: Cells, gap: str, a: str, b: Sequence[str]) -> Iterable[Contrast]:
    """Arm ``a`` minus the mean of ``b`` in each language that ``a`` was scored on."""
    for language in sorted(cells.languages[a]):
        yield from cells.difference(gap, a, b, language=language, unit=(a, *b))


RULES: tuple[Rule, ...] = (_against_none, _against_best, _joint_against_sequential, _few_examples)


def in_english(every: Iterable[Contrast]) -> list[Contrast]:
    """The combinations' contrasts in English, as quantities of their own."""
    return [
        replace(c, gap=c.gap.replace(gap, f"{gap}{ENGLISH}", 1), language=AVERAGE, note="English")
        for c in every
        if c.language == "en" and (gap := plain_gap(c.gap)) in COMBINED
    ]
