"""Rules by which a claim is judged: pure functions of the evidence.

A claim that something helps is supported where the whole interval is above 0, and contradicted where
it is below the smallest gain worth naming. A claim that it does not help is the other way round: it is
never supported by an interval that is merely wide. All else is not testable, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from xlgap.analysis.counted import counted
from xlgap.analysis.evidence import COUNTERPARTS, Evidence, models_of
from xlgap.analysis.gains import Weighed
from xlgap.analysis.pairing import Contrast
from xlgap.analysis.rows import Answer
from xlgap.analysis.scaling import FEWEST_MODELS, meta_regression
from xlgap.analysis.stats.multiple import corrected
from xlgap.analysis.words import interval_words, signed

Verdict = Literal["supported", "contradicted", "not testable"]

NEGLIGIBLE = 1.0
"""Points: a gain whose whole interval is below this is none worth naming."""

LEVEL = 0.05
OWN_TABLES = " From the paper's own tables: the same data, not another study."


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a rule found.

    Attributes:
        verdict, reason: and why, in sentences.
        estimate, ci_low, ci_high: of the quantity; ``None`` where there is none.
        models: behind it.
    """

    verdict: Verdict
    reason: str
    estimate: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    models: tuple[str, ...] = ()


Rule = Callable[[Evidence], Finding]
NEEDS = {
    "gain": "arms intermediate_en with one intermediate task, and direct_en",
    "mlm": "an intermediate_en_mlm arm and an intermediate_en arm on the same tasks",
    "translated": "an intermediate_translated arm and an intermediate_en arm on the same tasks",
    "joint_best": "a joint and a best_of arm",
    "best_single": "a best_of and a direct_en arm",
}


def untestable(reason: str, found: Finding | None = None) -> Finding:
    """Not testable for ``reason``; with the numbers of ``found`` if there are any."""
    base = found or Finding(verdict="not testable", reason="")
    return replace(base, verdict="not testable", reason=reason)


def helps(
    gap: str, *, targets: Collection[str] | None = None, intermediates: Collection[str] | None = None
) -> Rule:
    """The claim that the mean of a gap is above 0."""

    def rule(evidence: Evidence) -> Finding:
        cells = evidence.cells(gap, targets=targets, intermediates=intermediates)
        if not cells:
            return _lacking(evidence, gap, targets, intermediates)
        return judged(evidence.mean(cells), cells, up="supported", none="contradicted")

    return rule


def does_not_help(gap: str, *, targets: Collection[str] | None = None) -> Rule:
    """The claim that the mean of a gap is no gain worth naming."""

    def rule(evidence: Evidence) -> Finding:
        cells = evidence.cells(gap, targets=targets)
        if not cells:
            return _lacking(evidence, gap, targets, None)
        return judged(evidence.mean(cells), cells, up="contradicted", none="supported")

    return rule


def judged(found: Weighed, cells: Sequence[Contrast], *, up: Verdict, none: Verdict) -> Finding:
    """A verdict from an interval: ``up`` where it is above 0, ``none`` below a gain worth naming."""
    base = Finding(
        verdict="not testable",
        reason="",
        estimate=found.value,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        models=models_of(cells),
    )
    told = f"{signed(found.value)} points {interval_words(found.ci_low, found.ci_high)}"
    over = f"mean over {counted(len(base.models), 'model')} and {_names({c.task for c in cells})}"
    if found.ci_low is None or found.ci_high is None:
        return untestable(f"{told}, {over}: without items there is no interval.", base)
    if found.ci_low > 0:
        return replace(base, verdict=up, reason=f"{told}, {over}: above 0.")
    if found.ci_high < NEGLIGIBLE:
        return replace(base, verdict=none, reason=f"{told}, {over}: below {NEGLIGIBLE:g} point.")
    return untestable(
        f"{told}, {over}: the interval holds no gain and gains over {NEGLIGIBLE:g} point.", base
    )


def more_than_others(
    *, targets: Collection[str] | None = None, intermediates: Collection[str] | None = None
) -> Rule:
    """The claim that some target or intermediate tasks gain more than the others of the study."""

    def rule(evidence: Evidence) -> Finding:
        every = evidence.cells("gain")
        named = evidence.cells("gain", targets=targets, intermediates=intermediates)
        others = [c for c in every if c not in named]
        if not named:
            return _lacking(evidence, "gain", targets, intermediates)
        if not others:
            return untestable("The study has no other tasks to compare them with.")
        if intermediates is not None:
            shared = {c.task for c in named} & {c.task for c in others}
            named = [c for c in named if c.task in shared]
            others = [c for c in others if c.task in shared]
            if not shared:
                return untestable("No target task has both named and other intermediate tasks.")
        return _apart(evidence, named, others)

    return rule


def _apart(evidence: Evidence, named: Sequence[Contrast], others: Sequence[Contrast]) -> Finding:
    found = evidence.difference(named, others)
    base = Finding(
        verdict="not testable",
        reason="",
        estimate=found.value,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        models=models_of(named),
    )
    told = (
        f"{signed(found.value)} points {interval_words(found.ci_low, found.ci_high)} more than the "
        f"others ({counted(len(base.models), 'model')})"
    )
    if found.ci_low is None or found.ci_high is None:
        return untestable(f"{told}: without items there is no interval.", base)
    if found.ci_low > 0:
        return replace(base, verdict="supported", reason=f"{told}.")
    if found.ci_high < 0:
        return replace(base, verdict="contradicted", reason=f"{told}.")
    return untestable(f"{told}: the interval holds 0.", base)


def gains_from_most(target: str) -> Rule:
    """The claim that a target task gains from many intermediate tasks: from more than half of them."""

    def rule(evidence: Evidence) -> Finding:
        cells = evidence.cells("gain", targets=[target])
        if not cells:
            return _lacking(evidence, "gain", [target], None)
        names = sorted({evidence.intermediate(c) for c in cells})
        each = {
            name: evidence.mean([c for c in cells if evidence.intermediate(c) == name])
            for name in names
        }
        whole = judged(evidence.mean(cells), cells, up="supported", none="contradicted")
        tested = {name: w.p for name, w in each.items() if w.p is not None}
        if len(names) < 2 or len(tested) < len(names):
            why = "it needs at least two" if len(names) < 2 else "one has no interval"
            return untestable(
                f"{counted(len(names), 'intermediate task')}: {why}. {whole.reason}", whole
            )
        holm = corrected(tested, level=LEVEL)
        up = [n for n in names if holm[n].rejected and each[n].value > 0]
        told = f"{len(up)} of {len(names)} intermediate tasks gain (Holm): {', '.join(up) or 'none'}."
        highest = [each[n].ci_high for n in names]
        if len(up) > len(names) / 2:
            return replace(whole, verdict="supported", reason=f"{told} Mean: {whole.reason}")
        if sum(h is not None and h < NEGLIGIBLE for h in highest) > len(names) / 2:
            return replace(whole, verdict="contradicted", reason=f"{told} Mean: {whole.reason}")
        return untestable(f"{told} Mean: {whole.reason}", whole)

    return rule


def falls_with_size(gap: str) -> Rule:
    """The claim that the mean gain is smaller in larger models."""

    def rule(evidence: Evidence) -> Finding:
        cells = evidence.cells(gap)
        if not cells:
            return _lacking(evidence, gap, None, None)
        assert evidence.study is not None
        sizes = {s.model: s.params_total for s in evidence.study.scores if s.params_total}
        models = [m for m in models_of(cells) if m in sizes]
        points = [evidence.mean([c for c in cells if c.model == m]) for m in models]
        x = [math.log10(size) for m in models if (size := sizes[m])]
        if len(models) < FEWEST_MODELS or len(set(x)) < 3:
            return untestable(
                f"{counted(len(models), 'model')} of {counted(len(set(x)), 'size')}; a trend needs at "
                f"least {FEWEST_MODELS} models of 3 sizes."
            )
        errors = [p.stderr for p in points]
        variances = None if None in errors else [e * e for e in errors if e is not None]
        fit = meta_regression(
            [p.value for p in points], variances, x, confidence=evidence.study.confidence
        )
        return _trend(fit.slope, fit.ci_low, fit.ci_high, tuple(models))

    return rule


def _trend(
    slope: float, low: float | None, high: float | None, models: tuple[str, ...], more: str = ""
) -> Finding:
    """A claim that something falls with size, by the interval of its slope."""
    base = Finding(
        verdict="not testable", reason="", estimate=slope, ci_low=low, ci_high=high, models=models
    )
    told = (
        f"{signed(slope)} points {interval_words(low, high)} for ten times the parameters, "
        f"{counted(len(models), 'model')}"
    )
    if low is None or high is None or low <= 0 <= high:
        return untestable(f"{told}: no change with size is shown.{more}", base)
    verdict: Verdict = "supported" if high < 0 else "contradicted"
    return replace(base, verdict=verdict, reason=f"{told}.{more}")


def slope_falls(source: str, key: str) -> Rule:
    """The claim that an answered quantity falls with size, by the answer's slope."""

    def rule(evidence: Evidence) -> Finding:
        answer = evidence.answers.get((source, key))
        if answer is None or not answer.supported or answer.estimate is None:
            return _unanswered(answer)
        more = " A proxy: another quantity stands in for the one asked for." if answer.proxy else ""
        return _trend(answer.estimate, answer.ci_low, answer.ci_high, answer.models, more)

    return rule


def level_above(source: str, key: str) -> Rule:
    """The claim that an answered quantity is above 0, by the answer's interval."""

    def rule(evidence: Evidence) -> Finding:
        answer = evidence.answers.get((source, key))
        if answer is None or answer.estimate is None:
            return _unanswered(answer)
        base = Finding(
            verdict="not testable",
            reason="",
            estimate=answer.estimate,
            ci_low=answer.ci_low,
            ci_high=answer.ci_high,
            models=answer.models,
        )
        told = (
            f"{signed(answer.estimate)} points {interval_words(answer.ci_low, answer.ci_high)}, "
            f"{counted(answer.n, 'model')}"
        )
        more = (
            " From the paper's own tables: the same data, not another study."
            if source == "published"
            else ""
        )
        if answer.ci_low is None or answer.ci_high is None:
            return untestable(f"{told}: no interval can be had.{more}", base)
        if answer.ci_low > 0:
            return replace(base, verdict="supported", reason=f"{told}.{more}")
        if answer.ci_high < 0:
            return replace(base, verdict="contradicted", reason=f"{told}.{more}")
        return untestable(f"{told}: the interval holds 0.{more}", base)

    return rule


def _unanswered(answer: Answer | None) -> Finding:
    if answer is None or not answer.reason:
        return untestable("This study has no answer to it.")
    return untestable(answer.reason.partition(". ")[0].rstrip(".") + ".")


def _lacking(
    evidence: Evidence,
    gap: str,
    targets: Collection[str] | None,
    intermediates: Collection[str] | None,
) -> Finding:
    """Why there is nothing to judge by."""
    if evidence.study is None or evidence.measured is None:
        return untestable("Nothing was measured.")
    there = [t for t in targets or () if t in evidence.study.tasks]
    if targets is not None and not there:
        return untestable(f"{_names(targets)}: not in this study.{_beside(evidence, gap, targets)}")
    if there and not evidence.alive & set(there):
        return untestable(f"{_names(there)}: at chance in English for every model.")
    if intermediates is not None and evidence.cells(gap, targets=targets):
        return untestable(f"Intermediate tasks {_names(intermediates)}: not in this study.")
    return untestable(f"Not run in this study: it needs {NEEDS[gap]}.")


def _beside(evidence: Evidence, gap: str, targets: Collection[str]) -> str:
    """The lab's own tasks of the same kind, which are no evidence on the real ones."""
    kinds = {COUNTERPARTS[t] for t in targets if t in COUNTERPARTS}
    cells = evidence.cells(gap, targets=kinds)
    if not evidence.lab or not cells:
        return ""
    found = evidence.mean(cells)
    told = f"{signed(found.value)} points {interval_words(found.ci_low, found.ci_high)}"
    return (
        f" The lab's own {_names({c.task for c in cells})}: {told}; made data say nothing of "
        f"{_names(targets)}."
    )


def _names(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
