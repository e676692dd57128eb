"""Rules by which a claim is judged: pure functions of the evidence.

A claim that something helps is supported where the whole interval is above 0, and contradicted where
it is below the smallest gain worth naming and not above 0. A claim that it does not help is supported
where the interval is below the smallest gain worth naming, contradicted where it is above that; an
interval that is merely wide never supports it. That something helps small models most needs a falling
slope and a gain above 0 in the smaller half of the models, and is contradicted where that gain is not
above 0 and below the smallest worth naming. All else is not testable, with the reason. So is what fewer
than :data:`~xlgap.analysis.scaling.FEWEST_MODELS` models or a single seed say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from xlgap.analysis.claims.evidence import COUNTERPARTS, Chosen, Evidence, models_of
from xlgap.analysis.counted import counted
from xlgap.analysis.gains import Weighed
from xlgap.analysis.pairing import Contrast
from xlgap.analysis.scaling import FEWEST_MODELS, distinct_sizes, meta_regression
from xlgap.analysis.stats.multiple import corrected
from xlgap.analysis.words import interval_words, signed

Verdict = Literal["supported", "contradicted", "not testable"]

HelpClaim = Literal["helps", "does not help"]

NEGLIGIBLE = 1.0
"""Points: a gain whose whole interval is below this is none worth naming."""

LEVEL = 0.05
FEWEST_SEEDS = 2
"""Of every training behind a verdict: one seed leaves the spread of training out of the interval."""


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


def both_ways(rule: Rule) -> Rule:
    """A rule that judges at equal compute where a study has that, and tells of the plain arms, too.

    Where these say the opposite, the claim hangs on what is held equal, and is not testable.
    """

    def judged_twice(evidence: Evidence) -> Finding:
        found, plain = rule(evidence), rule(evidence.plain())
        if plain == found or None in (found.estimate, plain.estimate):
            return found
        told = (
            f"The plain arms, not at equal compute: {signed(plain.estimate)} points "
            f"{interval_words(plain.ci_low, plain.ci_high)}, {plain.verdict}."
        )
        if {found.verdict, plain.verdict} == {"supported", "contradicted"}:
            said = f"{found.verdict.capitalize()} at equal compute alone: {found.reason} {told}"
            return untestable(said, found)
        return replace(found, reason=f"{found.reason} {told}")

    return judged_twice


def helps(
    gap: str, *, targets: Collection[str] | None = None, intermediates: Collection[str] | None = None
) -> Rule:
    """The claim that the mean of a gap is above 0."""

    def rule(evidence: Evidence) -> Finding:
        chosen = evidence.chosen(gap, targets=targets, intermediates=intermediates)
        if not chosen.cells:
            return lacking(evidence, gap, targets, intermediates)
        return _saying(chosen, judged(evidence.mean(chosen.cells), chosen.cells, claim="helps"))

    return rule


def does_not_help(gap: str, *, targets: Collection[str] | None = None) -> Rule:
    """The claim that the mean of a gap is no gain worth naming."""

    def rule(evidence: Evidence) -> Finding:
        chosen = evidence.chosen(gap, targets=targets)
        if not chosen.cells:
            return lacking(evidence, gap, targets, None)
        found = judged(evidence.mean(chosen.cells), chosen.cells, claim="does not help")
        return _saying(chosen, found)

    return rule


def judged(found: Weighed, cells: Sequence[Contrast], *, claim: HelpClaim) -> Finding:
    """A verdict from the interval of a mean gain; what supports and contradicts: see the module."""
    base = _of_weighed(found, cells)
    told = (
        f"{_told(found)}, mean over {counted(len(base.models), 'model')}, "
        f"{_names({c.task for c in cells})} and {_languages(cells)}"
    )
    why = too_few(base.models, found.seeds)
    if why:
        return untestable(f"{told}: {why}", base)
    if found.ci_low is None or found.ci_high is None:
        return untestable(f"{told}: without items there is no interval.", base)
    return by_limits(base, told, found.ci_low, found.ci_high, claim=claim)


def by_limits(base: Finding, told: str, low: float, high: float, *, claim: HelpClaim) -> Finding:
    """A verdict from the limits of an interval; what supports and contradicts: see the module."""
    none: Verdict = "contradicted" if claim == "helps" else "supported"
    up: Verdict = "supported" if claim == "helps" else "contradicted"
    if low > 0 and (claim == "helps" or low > NEGLIGIBLE):
        above = 0 if claim == "helps" else NEGLIGIBLE
        return replace(base, verdict=up, reason=f"{told}: above {above:g}.")
    if high < NEGLIGIBLE:
        return replace(base, verdict=none, reason=f"{told}: below {NEGLIGIBLE:g} point.")
    return untestable(f"{told}: the interval holds {NEGLIGIBLE:g} point.", base)


def _saying(chosen: Chosen, found: Finding) -> Finding:
    """A finding that also says what its cells are."""
    return replace(found, reason=f"{found.reason}{chosen.said}")


def _of_weighed(found: Weighed, cells: Sequence[Contrast]) -> Finding:
    """The numbers of a finding whose verdict is to come."""
    return Finding(
        verdict="not testable",
        reason="",
        estimate=found.value,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        models=models_of(cells),
    )


def _told(found: Weighed) -> str:
    """A value in words; what its interval leaves out is said beside it."""
    told = f"{signed(found.value)} points"
    if found.ci_low is None:
        return told
    return f"{told} {interval_words(found.ci_low, found.ci_high)}, conditional on these checkpoints"


def _languages(cells: Sequence[Contrast]) -> str:
    """How many languages beside English the scores are of; the only one by its name."""
    found = {key.language for c in cells for key, _ in c.terms} - {"en"}
    return f"{len(found)} languages" if len(found) > 1 else f"one language ({_names(found)})"


def too_few(models: Collection[str], seeds: int) -> str:
    """Why so few models or seeds carry no verdict, or an empty text."""
    if len(models) < FEWEST_MODELS:
        return f"a verdict needs at least {FEWEST_MODELS} models."
    if seeds < FEWEST_SEEDS:
        return f"a verdict needs at least {FEWEST_SEEDS} seeds of every training."
    return ""


def more_than_others(
    *, targets: Collection[str] | None = None, intermediates: Collection[str] | None = None
) -> Rule:
    """The claim that some target or intermediate tasks gain more than the others of the study."""

    def rule(evidence: Evidence) -> Finding:
        chosen = evidence.chosen("gain", targets=targets, intermediates=intermediates, beside=True)
        if not chosen.cells:
            return lacking(evidence, "gain", targets, intermediates)
        named = [
            c for c in chosen.cells if evidence.named(c, targets=targets, intermediates=intermediates)
        ]
        others = [c for c in chosen.cells if c not in named]
        if not named:
            return untestable(f"Too few models have the tasks that it names.{chosen.said}")
        if not others:
            return untestable("The study has no other tasks to compare them with.")
        if intermediates is not None:
            shared = {c.task for c in named} & {c.task for c in others}
            named = [c for c in named if c.task in shared]
            others = [c for c in others if c.task in shared]
            if not shared:
                return untestable("No target task has both named and other intermediate tasks.")
        return _saying(chosen, _apart(evidence, named, others))

    return rule


def _apart(evidence: Evidence, named: Sequence[Contrast], others: Sequence[Contrast]) -> Finding:
    found = evidence.difference(named, others)
    base = _of_weighed(found, named)
    told = (
        f"{_told(found)}, more than the others ({counted(len(base.models), 'model')}, "
        f"{_languages(named)})"
    )
    why = too_few(base.models, found.seeds)
    if why:
        return untestable(f"{told}: {why}", base)
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
        chosen = evidence.chosen("gain", targets=[target])
        if not chosen.cells:
            return lacking(evidence, "gain", [target], None)
        return _saying(chosen, _most(evidence, chosen.cells))

    return rule


def _most(evidence: Evidence, cells: Sequence[Contrast]) -> Finding:
    """By the number of intermediate tasks from which a target task gains, in ``cells``."""
    names = sorted({evidence.intermediate(c) for c in cells})
    each = {
        name: evidence.mean([c for c in cells if evidence.intermediate(c) == name]) for name in names
    }
    whole = judged(evidence.mean(cells), cells, claim="helps")
    tested = {name: w.p for name, w in each.items() if w.p is not None}
    if len(names) < 2 or len(tested) < len(names):
        why = "it needs at least two" if len(names) < 2 else "one has no interval"
        return untestable(f"{counted(len(names), 'intermediate task')}: {why}. {whole.reason}", whole)
    if too_few(whole.models, evidence.mean(cells).seeds):
        return whole
    holm = corrected(tested, level=LEVEL)
    up = [n for n in names if holm[n].rejected and each[n].value > 0]
    told = f"{len(up)} of {len(names)} intermediate tasks gain (Holm): {', '.join(up) or 'none'}."
    highest = [each[n].ci_high for n in names]
    if len(up) > len(names) / 2:
        return replace(whole, verdict="supported", reason=f"{told} Mean: {whole.reason}")
    if sum(h is not None and h < NEGLIGIBLE for h in highest) > len(names) / 2:
        return replace(whole, verdict="contradicted", reason=f"{told} Mean: {whole.reason}")
    return untestable(f"{told} Mean: {whole.reason}", whole)


def helps_small_most(gap: str) -> Rule:
    """The claim that the mean gain is above 0 in the smaller half of models and falls with size."""

    def rule(evidence: Evidence) -> Finding:
        chosen = evidence.chosen(gap)
        if not chosen.cells:
            return lacking(evidence, gap, None, None)
        cells = chosen.cells
        assert evidence.study is not None
        sizes = {s.model: s.params_total for s in evidence.study.scores if s.params_total}
        models = sorted((m for m in models_of(cells) if m in sizes), key=lambda m: (sizes[m] or 0, m))
        points = [evidence.mean([c for c in cells if c.model == m]) for m in models]
        x = [math.log10(size) for m in models if (size := sizes[m])]
        different = distinct_sizes(x)
        if len(models) < FEWEST_MODELS or different < 3:
            return untestable(
                f"{counted(len(models), 'model')} of {counted(different, 'size')}; a trend needs at "
                f"least {FEWEST_MODELS} models of 3 sizes.{chosen.said}"
            )
        if min(p.seeds for p in points) < FEWEST_SEEDS:
            return untestable(f"A verdict needs at least {FEWEST_SEEDS} seeds of every training.")
        errors = [p.stderr for p in points]
        variances = None if None in errors else [e * e for e in errors if e is not None]
        fit = meta_regression(
            [p.value for p in points], variances, x, confidence=evidence.study.confidence
        )
        known = None if fit.known_low is None else fit.widest
        found = trend_finding(
            fit.slope, fit.ci_low, fit.ci_high, tuple(sorted(models)), chosen.said, known=known
        )
        small = models[: len(models) // 2]
        return _of_small(found, evidence.mean([c for c in cells if c.model in small]), small)

    return rule


def _of_small(trend: Finding, gain: Weighed, models: Sequence[str]) -> Finding:
    """A trend that is one of help: what does not help the smaller models helps them not most."""
    told = f"The smaller models ({', '.join(models)}): {_told(gain)}"
    if gain.ci_low is None or gain.ci_high is None:
        return untestable(f"{told}, without items no interval. {trend.reason}", trend)
    if gain.ci_low > 0:
        return replace(trend, reason=f"{trend.reason} {told}: above 0.")
    if gain.ci_high < NEGLIGIBLE:
        said = f"{told}: below {NEGLIGIBLE:g} point, so that they are not helped. {trend.reason}"
        return replace(trend, verdict="contradicted", reason=said)
    said = f"{told}: the interval holds 0, so that no help is shown. {trend.reason}"
    return trend if trend.verdict == "contradicted" else untestable(said, trend)


def trend_finding(
    slope: float,
    low: float | None,
    high: float | None,
    models: tuple[str, ...],
    more: str = "",
    *,
    known: tuple[float, float] | None = None,
) -> Finding:
    """A claim that something falls with size, by the interval of its slope.

    ``known``: the farthest limits where known errors allow more than the interval.
    """
    base = Finding(
        verdict="not testable", reason="", estimate=slope, ci_low=low, ci_high=high, models=models
    )
    wider = ""
    if known is not None and known != (low, high):
        wider = f", with the known errors of the models {interval_words(*known)},"
        low, high = known
    told = (
        f"{signed(slope)} points {interval_words(base.ci_low, base.ci_high)}{wider} for ten times the "
        f"parameters, {counted(len(models), 'model')}"
    )
    if low is None or high is None or low <= 0 <= high:
        return untestable(f"{told}: no change with size is shown.{more}", base)
    verdict: Verdict = "supported" if high < 0 else "contradicted"
    return replace(base, verdict=verdict, reason=f"{told}.{more}")


def lacking(
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
    if intermediates is not None and evidence.chosen(gap, targets=targets).cells:
        return untestable(f"Intermediate tasks {_names(intermediates)}: not in this study.")
    return untestable(f"Not run in this study: it needs {NEEDS[gap]}.")


def _beside(evidence: Evidence, gap: str, targets: Collection[str]) -> str:
    """The lab's own tasks of the same kind, which are no evidence on the real ones."""
    kinds = {COUNTERPARTS[t] for t in targets if t in COUNTERPARTS}
    both = [e.chosen(gap, targets=kinds) for e in (evidence, evidence.plain())]
    there = [chosen for chosen in dict.fromkeys(both) if chosen.cells]
    if not evidence.lab or not there:
        return ""
    means = [(evidence.mean(chosen.cells), chosen.said) for chosen in there]
    told = "".join(
        f" {signed(m.value)} points {interval_words(m.ci_low, m.ci_high)}.{said}" for m, said in means
    )
    names = _names({c.task for c in there[0].cells})
    return f" The lab's own {names}, whose made data say nothing of {_names(targets)}:{told}"


def _names(names: Collection[str]) -> str:
    return ", ".join(sorted(names))
