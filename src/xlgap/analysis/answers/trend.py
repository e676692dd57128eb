"""What stands behind a slope, as answers: how sure it is, what moves it, and where it would lead.

For the primary gap of questions 1 and 3: how large it is over the models, the range of sizes that was
measured and what lies beyond it, the slope with parts of the study left out, with and without collapsed
runs, within families, and the seeds that it would take. Estimators stand in
:mod:`xlgap.analysis.stats`; ``benchmarks/coverage.py`` says how often their intervals hold the truth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xlgap.analysis.answers.cautions import behind
from xlgap.analysis.answers.level import level_answer
from xlgap.analysis.answers.series import Series, base_answer
from xlgap.analysis.counted import counted
from xlgap.analysis.known import NO_WIDTH, beside
from xlgap.analysis.measure import Measured
from xlgap.analysis.refit import Refit, without_collapsed
from xlgap.analysis.rows import UNKNOWN_FAMILY, Answer, Collapsed, Estimate
from xlgap.analysis.scaling import FEWEST_MODELS, distinct_sizes
from xlgap.analysis.stats import families, meta
from xlgap.analysis.stats.curves import extrapolate
from xlgap.analysis.stats.seeds import detectable_gap, pooled_spread, seeds_needed
from xlgap.analysis.stats.verdict import Refused
from xlgap.analysis.study import Study
from xlgap.analysis.words import number, probability, short_number, signed

TARGET = 175e9
"""Parameters that question 3 asks about."""

LEADS = {"non-embedding parameters": "on non-embedding parameters", "metric": "in corrected metrics"}
"""What a refit that leaves nothing out is called."""

WITHOUT_COLLAPSED = "without_collapsed"
"""In the keys of answers that leave out collapsed runs."""

SEVERAL = 2
"""Families from which on slopes within and between them are told apart."""


def trend_answers(study: Study, measured: Measured, series: Series) -> list[Answer]:
    """All of them for one measured series; none where nothing was measured: its slope says why."""
    if not series.estimates:
        return []
    found = [level_answer(series)]
    if series.question == 3:
        found += beyond_answers(series)
    found += family_answers(series)
    gap = series.estimates[0].gap
    found += sensitivity_answer(series, [r for r in measured.refits if r.gap == gap])
    if runs := behind(measured, {gap}):
        found.append(_collapsed_answer(study, measured, series, runs))
    found.append(seeds_answer(measured, series))
    return found


def beyond_answers(series: Series, *, to: float = TARGET) -> list[Answer]:
    """The largest measured size and a size beyond, as two answers of one sentence each."""
    usable = [e for e in series.estimates if e.params_total]
    return [_measured_end(series, usable), _extrapolated(series, usable, to)]


def _measured_end(series: Series, usable: Sequence[Estimate]) -> Answer:
    """The gap at the end of the line through the measured sizes."""
    base = replace(
        base_answer(series, usable, "params_total"),
        key=f"{series.key}.at.measured",
        quantity=f"{series.quantity} at the largest measured size, {series.unit}",
        method="none",
    )
    x = [math.log10(e.params_total) for e in usable if e.params_total]
    sizes = distinct_sizes(x)
    if len(usable) < FEWEST_MODELS or sizes < 3:
        why = (
            f"Not sufficient: {counted(len(usable), 'model')} of {counted(sizes, 'size')}; a "
            f"line needs at least {FEWEST_MODELS} of 3 sizes. "
        )
        return replace(base, reason=why + base.reason)
    fitted = meta.fit(
        np.array([e.value for e in usable]),
        _variances(usable),
        np.stack([np.ones(len(x)), x], axis=1),
    )
    end = fitted.combination([1.0, max(x)], confidence=series.confidence)
    low, high = base.size_range or (0, 0)
    answer = replace(
        base,
        estimate=end.estimate,
        ci_low=end.ci_low,
        ci_high=end.ci_high,
        supported=True,
        method=f"Measured from {short_number(low)} to {short_number(high)} parameters: at the largest "
        f"size the line whose slope is the primary one stands at {signed(end.estimate)} "
        f"[{number(end.ci_low)}, {number(end.ci_high)}] {series.unit}.",
    )
    return beside(answer, fitted.known([1.0, max(x)], confidence=series.confidence))


def _variances(points: Sequence[Estimate]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
    errors = [p.stderr for p in points]
    return None if None in errors else np.array([e * e for e in errors if e is not None])


def _extrapolated(series: Series, usable: Sequence[Estimate], to: float) -> Answer:
    """Beyond the largest model, by three curves; always named an extrapolation."""
    base = replace(
        base_answer(series, usable, "params_total"),
        key=f"{series.key}.at.175e9" if to == TARGET else f"{series.key}.at.{to:.0f}",
        quantity=f"{series.quantity} at {short_number(to)} parameters, {series.unit}, extrapolated",
        method="none",
    )
    found = extrapolate(
        [e.params_total for e in usable if e.params_total],
        [e.value for e in usable],
        to=to,
        confidence=series.confidence,
    )
    if isinstance(found, Refused):
        why = found.reason[0].lower() + found.reason[1:]
        said = f"Extrapolation to {short_number(to)} parameters is refused: {why}"
        return replace(base, reason=f"{said} {base.reason}")
    each = "; ".join(
        f"{c.form} {signed(c.predicted)} [{number(c.ci_low)}, {number(c.ci_high)}]"
        + ("" if c.identified else ", its shape not identified and left out")
        for c in found.curves
    )
    return replace(
        base,
        estimate=found.predicted,
        ci_low=found.low,
        ci_high=found.high,
        supported=True,
        method=f"Extrapolated to {short_number(to)} parameters, a factor of "
        f"{to / (base.size_range or (1, 1))[1]:,.0f} beyond the largest model, by the curve that fits "
        f"best, if it goes on: {found.best}, better than a line by an F test "
        f"({probability(found.p)}); prediction interval for one more model. All forms: {each}.",
    )


def family_answers(series: Series) -> list[Answer]:
    """Slopes within families and between them; none of one family, or of too few models for a slope."""
    usable = [e for e in series.estimates if e.params_total]
    names = {e.family for e in usable}
    if len(names) < SEVERAL or UNKNOWN_FAMILY in names or len(usable) < FEWEST_MODELS:
        return []
    points = [
        families.Point(
            family=e.family,
            x=math.log10(e.params_total),
            effect=e.value,
            variance=None if e.stderr is None else e.stderr**2,
        )
        for e in usable
        if e.params_total
    ]
    fits = (
        ("within", "an intercept a family", families.within(points, confidence=series.confidence)),
        ("between", "one mean a family", families.between(points, confidence=series.confidence)),
    )
    return [_family_answer(series, usable, *fit) for fit in fits]


def _family_answer(
    series: Series,
    usable: Sequence[Estimate],
    side: str,
    how: str,
    found: families.FamilySlope | Refused,
) -> Answer:
    base = replace(
        base_answer(series, usable, "params_total"),
        key=f"{series.key}.{side}_families.params_total",
        quantity=f"change of {series.quantity}, {side} model families, {series.unit} for ten times the "
        "total parameters",
        method="none",
    )
    if isinstance(found, Refused):
        return replace(base, reason=f"Not sufficient: {found.reason} {base.reason}")
    slope = found.slope
    behind = base_answer(series, [e for e in usable if e.family in found.families], "params_total")
    answer = replace(
        base,
        estimate=slope.estimate,
        ci_low=slope.ci_low,
        ci_high=slope.ci_high,
        n=behind.n,
        models=behind.models,
        size_range=behind.size_range,
        supported=True,
        method=f"meta-regression with {how}, Knapp-Hartung t interval ({slope.df:.0f} degrees of "
        f"freedom), {counted(len(found.families), 'family')}: {', '.join(found.families)}",
    )
    return beside(answer, found.known)


def sensitivity_answer(series: Series, refits: Sequence[Refit]) -> list[Answer]:
    """The primary slope beside its range over all refits; none with too few models for a slope."""
    whole = next((r for r in refits if r.change == "none"), None)
    usable = [e for e in series.estimates if e.params_total]
    if whole is None or whole.slope is None:
        return []
    others = [r for r in refits if r.change != "none"]
    fitted = [r for r in others if r.slope is not None]
    lost = [_named(r) for r in others if r.slope is None]
    if not fitted:
        return []
    low, high = (f(fitted, key=lambda r: r.slope or 0.0) for f in (min, max))
    gone = f"; not possible: {_listed(lost)}" if lost else ""
    answer = replace(
        base_answer(series, usable, "params_total"),
        key=f"{series.key}.sensitivity.params_total",
        quantity=f"change of {series.quantity}, {series.unit} for ten times the total parameters, "
        "and its range over refits",
        estimate=whole.slope,
        ci_low=whole.ci_low,
        ci_high=whole.ci_high,
        supported=True,
        method=f"the primary slope with its interval, again in {counted(len(fitted), 'refit')}, "
        f"{_kinds(fitted)}: from {signed(low.slope, 2)} ({_named(low)}) to {signed(high.slope, 2)} "
        f"({_named(high)}); {_turns(whole, fitted)}{gone}",
    )
    return [_beside_known(answer, whole)]


def _beside_known(answer: Answer, refit: Refit) -> Answer:
    low, high = refit.known_low, refit.known_high
    return beside(answer, None if low is None or high is None else (low, high))


def _kinds(refits: Sequence[Refit]) -> str:
    """What was changed in them: ``without one model or task, on non-embedding parameters``."""
    changes = dict.fromkeys(r.change for r in refits)
    parts = [c.removeprefix("without ") for c in changes if c.startswith("without ")]
    said = [f"each without one {_either(parts)}"] if parts else []
    said += [LEADS[c] for c in changes if c in LEADS]
    return ", or ".join(said)


def _either(words: Sequence[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _turns(whole: Refit, refits: Sequence[Refit]) -> str:
    """In which refits the interval stands otherwise to 0 than in the whole study."""
    stands = {0: "holds 0", 1: "is above 0", -1: "is below 0"}
    said = [
        f"the interval {stands[sign]} {_listed(found)}"
        for sign in (0, 1, -1)
        if sign != _sign(whole) and (found := [_named(r) for r in refits if _sign(r) == sign])
    ]
    return ", ".join(said) or f"the interval {stands[_sign(whole)]} each time"


def _sign(refit: Refit) -> int:
    """1 where the interval is above 0, -1 below, else 0."""
    lows = [v for v in (refit.ci_low, refit.known_low) if v is not None]
    highs = [v for v in (refit.ci_high, refit.known_high) if v is not None]
    return int(min(lows) > 0) - int(max(highs) < 0) if lows and highs else 0


def _named(refit: Refit) -> str:
    if refit.change in LEADS:
        return f"{LEADS[refit.change]}{f' ({refit.name})' * bool(refit.name)}"
    return f"{refit.change} {refit.name}".strip()


def _listed(names: Sequence[str]) -> str:
    first, *rest = names[:5]
    said = [first, *(name.removeprefix("without ") for name in rest)]
    return ", ".join(said) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _collapsed_answer(
    study: Study, measured: Measured, series: Series, runs: Sequence[Collapsed]
) -> Answer:
    """The primary slope without runs that ended at chance, to be read beside the one with them."""
    usable = [e for e in series.estimates if e.params_total]
    found = without_collapsed(study, series.estimates[0].gap, usable, measured.hopeless, runs)
    kept = [e for e in usable if e.model in found.models]
    base = replace(
        base_answer(series, kept, "params_total"),
        key=f"{series.key}.{WITHOUT_COLLAPSED}.params_total",
        quantity=f"change of {series.quantity}, {series.unit} for ten times the total parameters, "
        f"without {counted(len(runs), 'collapsed run')}",
    )
    if found.slope is None or found.n < FEWEST_MODELS:
        return replace(
            base, method="none",
            reason=f"Not sufficient: {counted(found.n, 'model')} without the collapsed runs. "
            f"{base.reason}",
        )  # fmt: skip
    answer = replace(
        base,
        estimate=found.slope,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        supported=True,
        method="the primary slope again, runs left out that ended at chance while other seeds of their "
        "cell, or an arm trained on the task in the same language, did not; the primary slope counts "
        "them",
    )
    return _beside_known(answer, found)


def seeds_answer(measured: Measured, series: Series) -> Answer:
    """The smallest gap of one model that its seeds would show, and the seeds for the gap seen."""
    base = replace(
        base_answer(series, series.estimates, "params_total"),
        key=f"{series.key}.seeds",
        quantity=f"smallest {series.quantity} that the seeds of one model would show, {series.unit}",
        method="none",
    )
    by_seed = gaps_by_seed(measured, series)
    spread = pooled_spread(by_seed)
    if isinstance(spread, Refused):
        return replace(base, reason=f"{spread.reason} {base.reason}")
    if spread.sd < NO_WIDTH:
        return replace(base, reason=f"Not sufficient: the seeds of each model are alike. {base.reason}")
    smallest = detectable_gap(spread.sd, spread.seeds, level=1 - series.confidence)
    if isinstance(smallest, Refused):
        return replace(base, reason=f"{smallest.reason} {base.reason}")
    several = [e for e, of_model in zip(series.estimates, by_seed, strict=True) if len(of_model) > 1]
    behind = base_answer(series, several, "params_total")
    low, high = spread_bounds(spread.df, series.confidence)
    seen = abs(float(np.mean([e.value for e in series.estimates])))
    needed = seeds_needed(spread.sd, seen, level=1 - series.confidence)
    advice = (
        needed.reason[0].lower() + needed.reason[1:].removesuffix(".")
        if isinstance(needed, Refused)
        else f"the mean gap seen, {number(seen)}, needs {counted(needed, 'seed')}"
    )
    return replace(
        base,
        estimate=smallest,
        ci_low=smallest * low,
        ci_high=smallest * high,
        n=behind.n,
        models=behind.models,
        size_range=behind.size_range,
        supported=True,
        method=f"t test over {spread.seeds} seeds with 80% power, standard deviation between seeds "
        f"{number(spread.sd, 2)} pooled over models ({spread.df} degrees of freedom; "
        f"interval by chi-square); {advice}; items and pretraining are not in it",
    )


def spread_bounds(df: int, confidence: float) -> tuple[float, float]:
    """Factors from an estimated standard deviation to its confidence limits."""
    from scipy.stats import chi2

    tail = (1 - confidence) / 2
    return math.sqrt(df / float(chi2.ppf(1 - tail, df))), math.sqrt(df / float(chi2.ppf(tail, df)))


def gaps_by_seed(measured: Measured, series: Series) -> list[list[float]]:
    """For each model the gap over the series' tasks in each seed that all of them have."""
    tasks = set(series.estimates[0].tasks)
    found: list[list[float]] = []
    for estimate in series.estimates:
        rows: dict[int, dict[str, list[float]]] = {}
        for r in measured.gaps:
            if (r.model, r.gap, r.scale, r.language) != (
                estimate.model, estimate.gap, estimate.scale, "avg",
            ):  # fmt: skip
                continue
            if r.seed is not None and r.task in tasks and r.metric == measured.primary.get(r.task):
                rows.setdefault(r.seed, {}).setdefault(r.task, []).append(r.value)
        whole = [seed for seed, by_task in rows.items() if set(by_task) == tasks]
        found.append(
            [float(np.mean([np.mean(v) for v in rows[seed].values()])) for seed in sorted(whole)]
        )
    return found
