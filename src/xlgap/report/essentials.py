"""What of a question stands on its page, and what in the appendix below it, which print leaves out.

On the page stand, for each source, the quantity that the headline is of, and its variants at equal
compute: their figures and their rows in the table of answers. All else is folded away; every figure and
table is a file, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xlgap.analysis.rows import MATCHED, Answer, plain_gap
from xlgap.analysis.sentence import leading, unlike_transfer
from xlgap.report.canvas import Drawing

KINDS = ("level", "slope", "correlation", "bootstrap")
"""Statistics of the leading quantity that stand on the page."""
OF_VARIANT = ("level", "slope")
"""Those of its variants at equal compute."""


@dataclass(frozen=True, kw_only=True)
class Captioned:
    """Figures of one kind, and how to read them.

    Attributes:
        caption: of all of them.
        seen: the figure under which the caption stands already; none where it is to stand here.
    """

    figures: tuple[Drawing, ...]
    caption: str
    seen: Drawing | None = None


def main_answers(answers: Sequence[Answer]) -> list[Answer]:
    """Rows on the page of one question and source: what leads, or lacks, and its variants."""
    lead = leading(answers) or next(iter(answers), None)
    if lead is None:
        return []
    stem = _stem(lead)
    variants = _variants(stem)
    return [
        a
        for a in answers
        if a is answers[0]
        or (_stem(a) == stem and _statistic(a) in KINDS)
        or (_stem(a) in variants and _statistic(a) in OF_VARIANT)
        or a is unlike_transfer(lead, answers)
    ]


def main_figures(answers: Sequence[Answer], figures: Mapping[str, Drawing]) -> list[str]:
    """Names of the figures on the page: of what leads, and of its first variant at equal compute."""
    lead = leading(answers)
    drawn = [a for a in answers if a.figure in figures]
    first = lead if lead in drawn else next(iter(drawn), None)
    if first is None:
        return []
    variants = _variants(_stem(first))
    beside = [a.figure for a in drawn if _stem(a) in variants and _matched(a)]
    return list(dict.fromkeys(name for name in (first.figure, *beside[:1]) if name))


def _stem(answer: Answer) -> str:
    """The key without its statistic and what follows: question, quantity and scale."""
    parts = answer.key.split(".")
    at = next((i for i, part in enumerate(parts) if part in KINDS), len(parts))
    return ".".join(parts[:at])


def _statistic(answer: Answer) -> str:
    return next((part for part in answer.key.split(".") if part in KINDS), "")


def _variants(stem: str) -> set[str]:
    """The same quantity, plain and at equal compute, but as it stands in ``stem``."""
    plain = plain_gap(stem)
    return {plain, *(f"{plain}{matched}" for matched in MATCHED)} - {stem}


def _matched(answer: Answer) -> bool:
    return plain_gap(_stem(answer)) != _stem(answer)


def captioned(figures: Iterable[Drawing], said: dict[str, Drawing]) -> tuple[Captioned, ...]:
    """Figures by kind, in order; ``said`` holds for each caption where it stands, and is added to."""
    kinds: dict[str, list[Drawing]] = {}
    for drawing in figures:
        kinds.setdefault(drawing.caption, []).append(drawing)
    found = []
    for caption, drawn in kinds.items():
        found.append(Captioned(figures=tuple(drawn), caption=caption, seen=said.get(caption)))
        said.setdefault(caption, drawn[0])
    return tuple(found)
