"""What several intermediate tasks give together: the contrasts of question 5.

Of each model, task and language, paired over items and seeds::

    joint            = S(joint) - S(direct_en)
    sequential       = S(sequential) - S(direct_en)
    joint_sequential = S(joint) - mean of S(sequential)     the same tasks, over their orders

An arm is scored in all languages. What is averaged over languages leaves English out, the language of
training: it says what several tasks do for zero-shot transfer. English is a quantity of its own beside
it (``joint_english``, ...), since a gain there is no transfer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from xlgap.analysis.pairing import Cells, Contrast, Rule
from xlgap.analysis.rows import AVERAGE, COMBINED, ENGLISH


def _against_none(cells: Cells) -> Iterable[Contrast]:
    """Joint and sequential training, each minus no intermediate training."""
    for gap in ("joint", "sequential"):
        for arm in cells.of_regime(gap):
            for plain in cells.like(arm, "direct_en"):
                yield from _in_each(cells, gap, arm, [plain])


def _joint_against_sequential(cells: Cells) -> Iterable[Contrast]:
    """Joint minus sequential training on the same tasks, the latter in whichever order."""
    for joint in cells.of_regime("joint"):
        tasks = set(cells.arms[joint].intermediate)
        orders = [
            arm for arm in cells.like(joint, "sequential") if set(cells.arms[arm].intermediate) == tasks
        ]
        yield from _in_each(cells, "joint_sequential", joint, orders)


def _in_each(cells: Cells, gap: str, a: str, b: Sequence[str]) -> Iterable[Contrast]:
    """Arm ``a`` minus the mean of ``b`` in each language that ``a`` was scored on."""
    for language in sorted(cells.languages[a]):
        yield from cells.difference(gap, a, b, language=language, unit=(a, *b))


RULES: tuple[Rule, ...] = (_against_none, _joint_against_sequential)


def in_english(every: Iterable[Contrast]) -> list[Contrast]:
    """The combinations' contrasts in English, as quantities of their own."""
    return [
        replace(c, gap=f"{c.gap}{ENGLISH}", language=AVERAGE, note="English")
        for c in every
        if c.language == "en" and c.gap in COMBINED
    ]
