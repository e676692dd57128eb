"""What stands behind a slope, as answers: how sure it is, what moves it, and where it would lead.

For the primary gap of questions 1 and 3: how large it is over the models, the range of sizes that was
measured and what lies beyond it, within families, with parts of the study left out
(:mod:`.refitted`), and the seeds that it would take. Estimators stand in
:mod:`xlgap.analysis.stats`; ``benchmarks/coverage.py`` says how often their intervals hold the truth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xlgap.analysis.answers.level import level_answer
from xlgap.analysis.answers.refitted import refitted_answers
from xlgap.analysis.answers.series import Series, base_answer, curve_of
from xlgap.analysis.counted import counted
from xlgap.analysis.known import NO_WIDTH, beside, by_errors
from xlgap.analysis.measure import Measured
from xlgap.analysis.rows import UNKNOWN_FAMILY, Answer, Estimate
from xlgap.analysis.scaling import FEWEST_MODELS, distinct_sizes
from xlgap.analysis.stats import families, meta
from xlgap.analysis.stats.curves import extrapolate
from xlgap.analysis.stats.seeds import detectable_gap, pooled_spread, seeds_needed
from xlgap.analysis.stats.verdict import Refused
from xlgap.analysis.words import number, plain, probability, short_number, signed

TARGET = 175e9
"""Parameters that question 3 asks about."""

WITHIN = "meta-regression with an intercept a family, Knapp-Hartung t interval"
BETWEEN = "least squares over one mean a family, CR2 t interval with each family as a cluster"
"""How slopes within and between families are made."""

SEVERAL = 2
"""Families from which on slopes within and between them are told apart."""


def trend_answers(measured: Measured, series: Series) -> list[Answer]:
    """All of them for one measured series; none where nothing was measured: its slope says why."""
    if not series.estimates:
        return []
    found = [level_answer(series)]
    if series.question == 3:
        found += beyond_answers(series)
    found += family_answers(series)
    found += refitted_answers(measured.refits, series, levels=True)
    found.append(seeds_answer(measured, series))
    return found


def beyond_answers(series: Series, *, to: float = TARGET) -> list[Answer]:
    """The largest measured size and a size beyond, as two answers of one sentence each."""
    usable = [e for e in series.estimates if e.params_total]
    end = replace(
        base_answer(series, usable, "params_total"),
        key=f"{series.key}.at.measured",
        quantity=f"{series.quantity} at the largest measured size, {series.unit}",
        method="none",
    )
    low, high = end.size_range or (0, 0)
    measured = _within_sizes(series, usable, end, to=high, where="at the largest size")
    if not low <= to <= high:
        return [measured, _extrapolated(series, usable, to)]
    there = replace(
        end,
        key=_key(series, to),
        quantity=f"{series.quantity} at {short_number(to)} parameters, {series.unit}",
    )
    where = f"at {short_number(to)}, which is no extrapolation,"
    return [measured, _within_sizes(series, usable, there, to=to, where=where)]


def _key(series: Series, to: float) -> str:
    return f"{series.key}.at.175e9" if to == TARGET else f"{series.key}.at.{to:.0f}"


def _within_sizes(
    series: Series, usable: Sequence[Estimate], base: Answer, *, to: float, where: str
) -> Answer:
    """The gap at a measured size: of the line, or of the curve that fits better than the line."""
    x = [math.log10(e.params_total) for e in usable if e.params_total]
    sizes = distinct_sizes(x)
    if len(usable) < FEWEST_MODELS or sizes < 3:
        why = (
            f"Not sufficient: {counted(len(usable), 'model')} of {counted(sizes, 'size')}; a "
            f"line needs at least {FEWEST_MODELS} of 3 sizes. "
        )
        return replace(base, reason=why + base.reason)
    curve = curve_of(usable, "params_total")
    at, variances = math.log10(to), _variances(usable)
    if curve is None:
        design = np.stack([np.ones(len(x)), x], axis=1)
        fitted = meta.fit(np.array([e.value for e in usable]), variances, design)
        found = fitted.combination([1.0, at], confidence=series.confidence)
        value, low, high = found.estimate, found.ci_low, found.ci_high
        known = fitted.known([1.0, at], confidence=series.confidence)
        drawn = "the line whose slope is the primary one"
    else:
        points = np.array([at])
        value = float(curve.heights(points)[0])
        half = float(curve.half(points, confidence=series.confidence)[0])
        low, high = value - half, value + half
        weights = curve.weights(points)[0]
        known = (
            None
            if variances is None or not np.any(variances > 0)
            else by_errors(value, weights, variances, confidence=series.confidence)
        )
        drawn = (
            f"the curve ({curve.form}, better than a line by an F test, "
            f"{probability(curve.better_p or 0.0)})"
        )
    smallest, largest = map(short_number, base.size_range or (0, 0))
    answer = replace(
        base,
        estimate=value,
        ci_low=low,
        ci_high=high,
        supported=True,
        method=f"Measured from {smallest} to {largest} parameters: {where} {drawn} stands at "
        f"{signed(value)} [{number(low)}, {number(high)}] {series.unit}.",
    )
    return beside(answer, known)


def _variances(points: Sequence[Estimate]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
    errors = [p.stderr for p in points]
    return None if None in errors else np.array([e * e for e in errors if e is not None])


def _extrapolated(series: Series, usable: Sequence[Estimate], to: float) -> Answer:
    """Beyond the largest model, by three curves; always named an extrapolation."""
    base = replace(
        base_answer(series, usable, "params_total"),
        key=_key(series, to),
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
        f"{plain(to / (base.size_range or (1, 1))[1])} beyond the largest model, by the curve that "
        f"fits best, if it goes on: {found.best}, better than a line by an F test "
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
        ("within", WITHIN, families.within(points, confidence=series.confidence)),
        ("between", BETWEEN, families.between(points, confidence=series.confidence)),
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
        method=f"{how} ({slope.df:.3g} degrees of freedom), "
        f"{counted(len(found.families), 'family')}: {', '.join(found.families)}",
    )
    return beside(answer, found.known)


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
