"""What a claim is judged by: the contrasts of a study, their draws, and the answers.

A claim names target tasks and intermediate tasks by the names of their data sets. Evidence is given for
those that the study has and that are not at chance for every model; what is lacking is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from xlgap.analysis.contrasts import on_shared_units
from xlgap.analysis.gains import Weighed, combined, intermediate_of, weigh
from xlgap.analysis.measure import Measured
from xlgap.analysis.pairing import Contrast, amount_words
from xlgap.analysis.rows import AVERAGE, MATCHED, Answer, plain_gap
from xlgap.analysis.study import Study

COUNTERPARTS = {
    "tydiqa": "lab_qa",
    "xquad": "lab_qa",
    "mlqa": "lab_qa",
    "xnli": "lab_nli",
    "wikiann": "lab_ner",
    "udpos": "lab_ner",
    "bucc2018": "lab_retrieval",
    "tatoeba": "lab_retrieval",
}
"""Real task to the lab's task of its kind, which is shown beside it and never judged for it."""


UNMATCHED = "Not at equal compute: the arms have no budget."


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The cells that a claim is judged by.

    Attributes:
        cells: of one gap and one budget, with the same units in every model.
        said: what a reader must know of them, in sentences with a space before each.
    """

    cells: tuple[Contrast, ...] = ()
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A study as claims see it.

    Attributes:
        study, measured: ``None`` where nothing was measured.
        answers: by key, of one source each.
        matched: whether arms at equal compute are taken where there are such, or the plain ones.
    """

    answers: Mapping[tuple[str, str], Answer] = field(default_factory=dict)
    study: Study | None = None
    measured: Measured | None = None
    matched: bool = True

    @property
    def budgets(self) -> tuple[str, ...]:
        """Endings of the gaps to look for, the first there is to be taken."""
        return (*MATCHED, "") if self.matched else ("",)

    def plain(self) -> Evidence:
        """The same, of arms without a budget."""
        return replace(self, matched=False)

    @property
    def lab(self) -> bool:
        """Whether the study's tasks are the lab's."""
        return self.study is not None and self.study.source == "lab"

    @property
    def alive(self) -> frozenset[str]:
        """Target tasks that some model does better than chance."""
        if self.study is None or self.measured is None:
            return frozenset()
        return frozenset(self.study.tasks) - self.measured.hopeless

    def cells(
        self,
        gap: str,
        *,
        targets: Collection[str] | None = None,
        intermediates: Collection[str] | None = None,
    ) -> list[Contrast]:
        """Averages over languages of one gap, of targets and intermediate tasks if they are named.

        Of translated data it is the language of the translation alone.
        """
        if self.study is None or self.measured is None:
            return []
        return [
            c
            for c in self.measured.contrasts
            if (c.gap, c.language) == (gap, self._told_in(c))
            and c.model not in self.study.controls
            and c.task in self.alive
            and self.named(c, targets=targets, intermediates=intermediates)
        ]

    def _told_in(self, contrast: Contrast) -> str:
        """The mean over languages; of translated data the language that they were translated into."""
        assert self.study is not None
        arm = self.study.arms.get(contrast.arm_a)
        translated = plain_gap(contrast.gap) == "translated" and arm is not None
        return (arm.language if translated and arm is not None else None) or AVERAGE

    def named(
        self,
        contrast: Contrast,
        *,
        targets: Collection[str] | None = None,
        intermediates: Collection[str] | None = None,
    ) -> bool:
        """Whether a contrast is of one of these target tasks and intermediate tasks."""
        return (targets is None or contrast.task in targets) and (
            intermediates is None or self.intermediate(contrast) in intermediates
        )

    def chosen(
        self,
        gap: str,
        *,
        targets: Collection[str] | None = None,
        intermediates: Collection[str] | None = None,
        beside: bool = False,
    ) -> Chosen:
        """The cells of a gap at the first of :attr:`budgets` that the study has.

        Args:
            gap: its plain name.
            targets: target tasks; all if ``None``.
            intermediates: intermediate tasks; all if ``None``.
            beside: whether the cells of all other tasks are wanted beside those named.
        """
        for matched in self.budgets:
            found = self.cells(f"{gap}{matched}", targets=targets, intermediates=intermediates)
            if not found:
                continue
            most = max(c.amount for c in found)
            if beside:
                found = self.cells(f"{gap}{matched}")
            kept, left_out = on_shared_units(c for c in found if c.amount == most)
            said = f"A{MATCHED[matched][1:]} ({amount_words(most)})." if matched else UNMATCHED
            more = f" {left_out[0].upper()}{left_out[1:]}." if left_out else ""
            return Chosen(cells=tuple(kept), said=f" {said}{more}")
        return Chosen()

    def intermediate(self, contrast: Contrast) -> str:
        """The intermediate tasks of a contrast's first arm, joined by ``+``."""
        assert self.study is not None
        return intermediate_of(contrast.arm_a, self.study.arms)

    def mean(self, cells: Sequence[Contrast]) -> Weighed:
        """The mean of ``cells``, every model, target task and arm with the same weight."""
        assert self.study is not None
        assert self.measured is not None
        return weigh(balanced(cells), self.study, self.measured.drawn)

    def difference(self, a: Sequence[Contrast], b: Sequence[Contrast]) -> Weighed:
        """The mean of ``a`` minus that of ``b``."""
        assert self.study is not None
        assert self.measured is not None
        return weigh(minus(balanced(a), balanced(b)), self.study, self.measured.drawn)


def balanced(cells: Sequence[Contrast]) -> Contrast:
    """Mean over arms within a target task, then over target tasks, then over models."""
    by_task = [combined(members) for members in _groups(cells, "model", "task")]
    by_model = [combined(members) for members in _groups(by_task, "model")]
    return combined(by_model)


def _groups(cells: Iterable[Contrast], *fields: str) -> list[list[Contrast]]:
    found: dict[tuple[str, ...], list[Contrast]] = {}
    for c in cells:
        found.setdefault(tuple(getattr(c, f) for f in fields), []).append(c)
    return list(found.values())


def minus(a: Contrast, b: Contrast) -> Contrast:
    """The difference of two contrasts."""
    weights = dict(a.terms)
    for key, weight in b.terms:
        weights[key] = weights.get(key, 0.0) - weight
    return replace(a, terms=tuple(sorted(weights.items())))


def models_of(cells: Iterable[Contrast]) -> tuple[str, ...]:
    """Names of the models behind ``cells``."""
    return tuple(sorted({c.model for c in cells}))
