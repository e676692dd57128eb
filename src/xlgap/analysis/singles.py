"""What one English intermediate task gives, and its variants: contrasts of the gains table.

Of each model, task and language, paired over items and seeds::

    gain       = S(intermediate_en, one task) - S(direct_en)
    mlm        = S(intermediate_en_mlm) - S(intermediate_en)         the same tasks
    translated = S(intermediate_translated) - S(intermediate_en)     the same tasks

What is averaged over languages leaves English out, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable

from xlgap.analysis.pairing import Cells, Contrast, Rule

VARIANTS = (("mlm", "intermediate_en_mlm"), ("translated", "intermediate_translated"))
"""(gap, regime): arms that are compared with English intermediate training on the same tasks."""


def _against_none(cells: Cells) -> Iterable[Contrast]:
    """One English intermediate task minus none."""
    for arm in cells.of_regime("intermediate_en"):
        if len(cells.arms[arm].intermediate) == 1:
            for plain in cells.like(arm, "direct_en"):
                for language in sorted(cells.languages[arm]):
                    yield from cells.difference(
                        "gain", arm, [plain], language=language, unit=(arm, plain)
                    )


def _against_english(cells: Cells) -> Iterable[Contrast]:
    """A variant of an intermediate arm minus the English one on the same tasks.

    Arms that were trained in one language each make one row over languages together.
    """
    for gap, regime in VARIANTS:
        for arm in cells.of_regime(regime):
            info = cells.arms[arm]
            for english in cells.like(arm, "intermediate_en"):
                if cells.arms[english].intermediate != info.intermediate:
                    continue
                unit = (english,) if info.language else (arm, english)
                for language in sorted(cells.languages[arm]):
                    yield from cells.difference(gap, arm, [english], language=language, unit=unit)


RULES: tuple[Rule, ...] = (_against_none, _against_english)
