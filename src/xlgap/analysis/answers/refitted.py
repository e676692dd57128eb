"""An answer beside what it is with a part of the study left out, and without collapsed runs.

Of every gap that a question leads with the slope, and where it is told the mean over models, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from xlgap.analysis.answers.cautions import of_runs, with_notes
from xlgap.analysis.answers.series import Series, base_answer
from xlgap.analysis.counted import counted
from xlgap.analysis.known import beside
from xlgap.analysis.refit import COLLAPSED, NON_EMBEDDING, Refit
from xlgap.analysis.rows import Answer, Collapsed
from xlgap.analysis.words import interval_words, signed

WITHOUT_COLLAPSED = "without_collapsed"
"""In the keys of answers that leave out collapsed runs."""

LEADS = {
    COLLAPSED: COLLAPSED,
    NON_EMBEDDING: f"on {NON_EMBEDDING}",
    "metric": "in corrected metrics",
}
"""What a refit that leaves no single part out is called."""

Statistic = Literal["slope", "level"]
KEYS: dict[Statistic, str] = {"slope": "params_total", "level": "level"}
PRIMARY: dict[Statistic, str] = {"slope": "the primary slope", "level": "the mean over models"}


class Told(NamedTuple):
    """One statistic of a refit: its estimate, its interval, and that of the known errors alone."""

    refit: Refit
    estimate: float
    low: float
    high: float
    known: tuple[float, float] | None

    @property
    def sign(self) -> int:
        """1 where both intervals are above 0, -1 below, else 0."""
        low, high = self.known or (self.low, self.high)
        return int(min(low, self.low) > 0) - int(max(high, self.high) < 0)


def refitted_answers(refits: Sequence[Refit], series: Series, *, levels: bool) -> list[Answer]:
    """The slope and, with ``levels``, the mean of a series beside its refits."""
    if not series.estimates:
        return []
    of_gap = [r for r in refits if r.gap == series.estimates[0].gap]
    statistics: tuple[Statistic, ...] = ("slope", "level") if levels else ("slope",)
    found = [a for s in statistics for a in sensitivity_answer(series, of_gap, s)]
    without = [r for r in of_gap if r.change == COLLAPSED]
    return found + [collapsed_answer(series, r, s) for r in without for s in statistics]


def sensitivity_answer(
    series: Series, refits: Sequence[Refit], statistic: Statistic = "slope"
) -> list[Answer]:
    """A statistic beside its range over refits; none with too few models for it."""
    whole = next((told(r, statistic) for r in refits if r.change == "none"), None)
    others = [r for r in refits if r.change != "none" and _moves(r, statistic)]
    fitted = [found for r in others if (found := told(r, statistic)) is not None]
    if whole is None or not fitted:
        return []
    lost = [_named(r) for r in others if told(r, statistic) is None]
    low, high = (f(fitted, key=lambda found: found.estimate) for f in (min, max))
    gone = f"; not possible: {_listed(lost)}" if lost else ""
    usable = [e for e in series.estimates if e.params_total]
    answer = replace(
        base_answer(series, usable, "params_total"),
        key=f"{series.key}.sensitivity.{KEYS[statistic]}",
        quantity=f"{_quantity(series, statistic)}, and its range over refits",
        estimate=whole.estimate,
        ci_low=whole.low,
        ci_high=whole.high,
        supported=True,
        method=f"{PRIMARY[statistic]} with its interval, again in {counted(len(fitted), 'refit')}, "
        f"{_kinds([found.refit for found in fitted])}: from {signed(low.estimate, 2)} "
        f"({_named(low.refit)}) to {signed(high.estimate, 2)} ({_named(high.refit)}); "
        f"{_turns(whole, fitted)}{gone}",
    )
    return [beside(answer, whole.known)]


def told(refit: Refit, statistic: Statistic) -> Told | None:
    """One statistic of a refit; ``None`` where too few models are left for it."""
    r = refit
    estimate, low, high, known_low, known_high = (
        (r.slope, r.ci_low, r.ci_high, r.known_low, r.known_high)
        if statistic == "slope"
        else (r.level, r.level_low, r.level_high, r.level_known_low, r.level_known_high)
    )
    if estimate is None or low is None or high is None:
        return None
    known = None if known_low is None or known_high is None else (known_low, known_high)
    return Told(refit, estimate, low, high, known)


def _moves(refit: Refit, statistic: Statistic) -> bool:
    return statistic == "slope" or refit.change != NON_EMBEDDING


def _quantity(series: Series, statistic: Statistic) -> str:
    if statistic == "level":
        return f"{series.quantity}, {series.unit}"
    return f"change of {series.quantity}, {series.unit} for ten times the total parameters"


def _kinds(refits: Sequence[Refit]) -> str:
    """What was changed in them: ``without one model or task, on non-embedding parameters``."""
    changes = dict.fromkeys(r.change for r in refits)
    parts = [c.removeprefix("without ") for c in changes if c not in LEADS]
    said = [f"each without one {_either(parts)}"] if parts else []
    said += [LEADS[c] for c in changes if c in LEADS]
    return ", or ".join(said)


def _either(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _turns(whole: Told, refits: Sequence[Told]) -> str:
    """In which refits the interval stands otherwise to 0 than in the whole study."""
    stands = {0: "holds 0", 1: "is above 0", -1: "is below 0"}
    said = [
        f"the interval {stands[sign]} {_listed(found)}"
        for sign in (0, 1, -1)
        if sign != whole.sign and (found := [_named(r.refit) for r in refits if r.sign == sign])
    ]
    return ", ".join(said) or f"the interval {stands[whole.sign]} each time"


def _named(refit: Refit) -> str:
    if refit.change == COLLAPSED:
        return COLLAPSED
    if refit.change in LEADS:
        return f"{LEADS[refit.change]}{f' ({refit.name})' * bool(refit.name)}"
    return f"{refit.change} {refit.name}".strip()


def _listed(names: Sequence[str]) -> str:
    first, *rest = sorted(names, key=lambda name: not name.startswith("without "))[:5]
    said = [first, *(name.removeprefix("without ") for name in rest)]
    return ", ".join(said) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def collapsed_answer(series: Series, refit: Refit, statistic: Statistic) -> Answer:
    """A statistic without runs that ended at chance, to be read beside the one with them."""
    kept = [e for e in series.estimates if e.model in refit.models]
    base = replace(
        base_answer(series, kept, "params_total"),
        key=f"{series.key}.{WITHOUT_COLLAPSED}.{KEYS[statistic]}",
        quantity=f"{_quantity(series, statistic)}, without {counted(int(refit.name), 'collapsed run')}",
        method="none",
    )
    found = told(refit, statistic)
    if found is None:
        return replace(
            base,
            reason=f"Not sufficient: {counted(refit.n, 'model')} without the collapsed runs. "
            f"{base.reason}",
        )
    bootstrapped = any(e.ci_low is not None for e in kept)
    errors = "; errors of single models are those with them" if bootstrapped else ""
    answer = replace(
        base,
        estimate=found.estimate,
        ci_low=found.low,
        ci_high=found.high,
        supported=True,
        method=f"{PRIMARY[statistic]} again, runs left out that ended at chance while other seeds of "
        "their cell, or an arm trained on the task in the same language, did not; "
        f"{PRIMARY[statistic]} counts them{errors}",
    )
    return beside(answer, found.known)


def with_runs(answer: Answer, runs: Sequence[Collapsed], refits: Sequence[Refit]) -> Answer:
    """The answer with the collapsed runs that it counts, or leaves out, and what it is without them.

    Args:
        answer: of one gap.
        runs: all that the gap counts.
        refits: of all gaps.
    """
    _, gap, *statistic = [*answer.key.split("."), "", ""]
    if WITHOUT_COLLAPSED in statistic:
        return with_notes(answer, of_runs(runs, counted=False))
    said = of_runs([run for run in runs if run.model in answer.models])
    without = next((r for r in refits if (r.gap, r.change) == (gap, COLLAPSED)), None)
    of: dict[str, Statistic] = {"level": "level", "slope.params_total": "slope"}
    asked = of.get(".".join(filter(None, statistic)))
    if said and without is not None and asked is not None:
        said.append(_both_ways(answer, without, asked))
    return with_notes(answer, said)


def _both_ways(answer: Answer, without: Refit, statistic: Statistic) -> str:
    """A statistic without collapsed runs and with them, in a sentence."""
    what = f"{answer.quantity[0].upper()}{answer.quantity[1:]}"
    found = told(without, statistic)
    as_it_is = f"{signed(answer.estimate, 2)} {interval_words(answer.ci_low, answer.ci_high, 2)}"
    if found is None:
        return (
            f"{what}: {as_it_is} with the collapsed runs; without them {counted(without.n, 'model')}."
        )
    again = f"{signed(found.estimate, 2)} {interval_words(found.low, found.high, 2)}"
    fewer = f" of {counted(without.n, 'model')}" if without.n < answer.n else ""
    return f"{what}: {again}{fewer} without the collapsed runs, {as_it_is} with them."
