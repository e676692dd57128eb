"""One estimate a model against size: slopes, correlation, the bootstrap's slope, as answers.

Any quantity that a study or published scores give once a model goes through here the same way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis.bootstrap import interval
from xlgap.analysis.counted import counted
from xlgap.analysis.known import NO_WIDTH, Interval, beside, by_draws
from xlgap.analysis.rows import UNKNOWN_FAMILY, Answer, Estimate, Scale
from xlgap.analysis.scaling import (
    FEWEST_MODELS,
    Regression,
    bootstrap_slopes,
    correlation,
    distinct_sizes,
    meta_regression,
)
from xlgap.analysis.stats.curves import Curve, preferred
from xlgap.analysis.words import BENT, number, plain, probability, short_number

SIZES = (("params_total", "total"), ("params_nonembedding", "non-embedding"))
UNITS: dict[Scale, str] = {
    "raw": "points",
    "chance_corrected": "chance-corrected points",
    "log_odds": "log-odds",
    "error_reduction": "log error reduction (above 0: fewer errors)",
}

EXACT_R = 1e-9
"""A correlation nearer than this to 1 or -1 has no interval."""

FAMILIES = (
    "The models are of several families, which differ in data and design, so the slope is not an "
    "effect of size alone"
)
"""What is said of a slope over models of several families, without a full stop."""

SHARES = {"transfer_ceiling": "percent"}
"""Units of gaps that are no differences of scores."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One estimate a model of one quantity, in order of size: what a slope is fitted to.

    ``equal`` says why models without errors have equal weights, ``absent`` why there is no estimate.
    """

    question: int
    key: str
    quantity: str
    unit: str
    estimates: tuple[Estimate, ...]
    figure: str
    proxy: bool = False
    draws: tuple[Floats, ...] = ()
    notes: tuple[str, ...] = ()
    confidence: float = 0.95
    equal: str = "equal weights because standard errors are not known"
    absent: str = "Not measured: no model has this quantity."


def series_of(
    estimates: Sequence[Estimate],
    draws: Mapping[tuple[str, str, Scale, str], Floats],
    *,
    gap: str,
    scale: Scale,
    question: int,
    quantity: str,
    confidence: float,
) -> Series:
    """The series of one measured gap over all tasks, in order of size.

    Args:
        estimates: of a study, all gaps.
        draws: bootstrap draws behind them, by (gap, task, scale, model).
        gap: which to take.
        scale: on which.
        question: that it answers.
        quantity: what it is, in words.
        confidence: of the intervals.
    """
    points = sorted(
        (e for e in estimates if (e.gap, e.task, e.scale) == (gap, "mean", scale)),
        key=lambda e: (e.params_total or 0, e.model),
    )
    drawn = [draws.get((gap, "mean", scale, e.model)) for e in points]
    notes = [points[0].note[0].upper() + points[0].note[1:] + "."] if points else []
    if points and points[0].amount:
        notes.append(f"With {points[0].amount}.")
    return Series(
        question=question,
        key=f"{question}.{gap}" + ("" if scale == "raw" else f".{scale}"),
        quantity=quantity,
        unit=SHARES.get(gap, UNITS[scale]),
        estimates=tuple(points),
        figure=f"{gap}.svg",
        draws=tuple(d for d in drawn if d is not None) if all(d is not None for d in drawn) else (),
        notes=tuple(notes),
        confidence=confidence,
    )


def series_answers(series: Series, *, brief: bool = False, conditional: bool = True) -> list[Answer]:
    """Slope against both sizes, correlation, and bootstrap slope of one series.

    ``brief`` keeps the slopes only; without ``conditional`` the bootstrap slope is left out.
    """
    if not series.estimates:
        return [slope_answer(series, *SIZES[0])]
    slopes = [slope_answer(series, field, word) for field, word in SIZES]
    if brief or len(series.estimates) < 3:
        return slopes
    more = [correlation_answer(series, field, word) for field, word in SIZES]
    if series.draws and conditional:
        more.append(conditional_answer(series))
    return [*slopes, *more]


def slope_answer(series: Series, size_field: str, size_word: str) -> Answer:
    """The primary slope: meta-regression of one estimate a model on log10 parameters."""
    usable = [e for e in series.estimates if getattr(e, size_field)]
    base = replace(
        base_answer(series, usable, size_field),
        key=f"{series.key}.slope.{size_field}",
        quantity=f"change of {series.quantity}, {series.unit} for ten times the {size_word} parameters",
    )
    fit = fit_line(usable, size_field, confidence=series.confidence)
    if not series.estimates:
        return replace(base, method="none")
    if fit is None:
        return replace(base, reason=_too_few(usable, size_field) + base.reason, method="none")
    weights = (
        f"random-effects meta-regression (REML, tau2 = {plain(fit.tau2)}, Knapp-Hartung t "
        f"interval, {fit.df} degrees of freedom), one estimate a model with its variance over items "
        "and seeds"
        if fit.weighted
        else f"least squares with t interval ({fit.df} degrees of freedom), one estimate a model, "
        f"{series.equal}"
    )
    enough = fit.n >= FEWEST_MODELS
    more = [_bent(usable, size_field), base.reason, _short_range(base), _of_families(usable)]
    base = replace(base, reason=" ".join(filter(None, more)))
    answer = replace(
        base,
        estimate=fit.slope,
        ci_low=fit.ci_low,
        ci_high=fit.ci_high,
        method=weights,
        supported=enough,
        reason=base.reason if enough else _too_few(usable, size_field) + base.reason,
    )
    return beside(answer, known_slope(series, usable, fit)) if enough else answer


def known_slope(series: Series, usable: Sequence[Estimate], fit: Regression) -> Interval | None:
    """Interval of a slope from known errors alone: by draws of all its models, else by their errors."""
    draws = series.draws if len(usable) == len(series.estimates) else ()
    drawn = by_draws(fit.linear, draws, confidence=series.confidence)
    if drawn is not None or fit.known_low is None or fit.known_high is None:
        return drawn
    return fit.known_low, fit.known_high


def fit_line(
    estimates: Sequence[Estimate], size_field: str, *, confidence: float = 0.95
) -> Regression | None:
    """The line through one estimate a model, or ``None`` where there are too few sizes."""
    usable = [e for e in estimates if getattr(e, size_field)]
    x = [math.log10(getattr(e, size_field)) for e in usable]
    if len(usable) < 3 or distinct_sizes(x) < 3:
        return None
    errors = [e.stderr for e in usable]
    variances = None if None in errors else [e * e for e in errors if e is not None]
    return meta_regression([e.value for e in usable], variances, x, confidence=confidence)


def curve_of(estimates: Sequence[Estimate], size_field: str) -> Curve | None:
    """The curve that fits one estimate a model better than the line, if there is one."""
    usable = [e for e in estimates if getattr(e, size_field)]
    return preferred([float(getattr(e, size_field)) for e in usable], [e.value for e in usable])


def _bent(usable: Sequence[Estimate], size_field: str) -> str:
    """A sentence where the change with size does not follow a line."""
    curve = curve_of(usable, size_field)
    if curve is None:
        return ""
    return (
        f"{BENT}a {curve.form} fits better (F test, {probability(curve.better_p or 0.0)}), so that the "
        "slope is only the mean change over these sizes, and its interval, from scatter about a line "
        "that does not fit, does not say that there is none."
    )


def correlation_answer(series: Series, size_field: str, size_word: str) -> Answer:
    """Correlation with log10 parameters."""
    usable = [e for e in series.estimates if getattr(e, size_field)]
    base = replace(
        base_answer(series, usable, size_field),
        key=f"{series.key}.correlation.{size_field}",
        quantity=f"correlation of {series.quantity} with log10 {size_word} parameters",
        method="Pearson",
    )
    x = [math.log10(getattr(e, size_field)) for e in usable]
    y = [e.value for e in usable]
    if len(usable) < 3 or distinct_sizes(x) < 3:
        return replace(base, reason=_too_few(usable, size_field) + base.reason)
    if np.ptp(y) < NO_WIDTH:
        said = f"Not defined: all {len(usable)} models have the same value. "
        return replace(base, reason=said + base.reason)
    found = correlation(x, y, confidence=series.confidence)
    if 1 - abs(found.r) < EXACT_R:
        found = replace(found, ci_low=None, ci_high=None)  # Fisher's z is infinite
    enough = len(usable) >= FEWEST_MODELS
    pearson, spearman, kendall = (
        "" if p is None else f" (exact permutation {probability(p)})"
        for p in (found.r_p, found.rho_p, found.tau_p)
    )
    return replace(
        base,
        estimate=found.r,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        method=f"Pearson with Fisher's z interval{pearson}; Spearman {number(found.rho, 2)}{spearman}; "
        f"Kendall {number(found.tau, 2)}{kendall}",
        supported=enough,
        p=found.r_p,
        reason=base.reason if enough else _too_few(usable, size_field) + base.reason,
    )


def conditional_answer(series: Series) -> Answer:
    """Bootstrap slope over items and seeds, conditional on the checkpoints."""
    usable = [e for e in series.estimates if e.params_total]
    x = [math.log10(e.params_total) for e in usable if e.params_total]
    base = replace(
        base_answer(series, usable, "params_total"),
        key=f"{series.key}.bootstrap.params_total",
        quantity=f"change of {series.quantity}, {series.unit} for ten times the total parameters, "
        "conditional on these checkpoints",
    )
    fit = fit_line(usable, "params_total", confidence=series.confidence)
    few = len(usable) < FEWEST_MODELS or len(series.draws) < len(usable)
    if fit is None or few or len(usable) < len(series.estimates):
        return replace(base, method="none", reason=_too_few(usable, "params_total") + base.reason)
    slopes = bootstrap_slopes(series.draws, x, fit.weights)
    slopes = slopes[np.isfinite(slopes)]  # a ratio has no value in a resample at chance
    low, high = interval(slopes, series.confidence)
    return replace(
        base,
        estimate=fit.slope,
        ci_low=low,
        ci_high=high,
        method=f"hierarchical bootstrap, {len(slopes)} resamples of item clusters (paired over models, "
        f"arms and parallel languages){_seeds(usable)}, models weighted as in the meta-regression; "
        "conditional on these checkpoints: it says nothing of other models of the same sizes",
        supported=True,
    )


def _seeds(usable: Sequence[Estimate]) -> str:
    """What is said of seeds: a model with one has none to resample."""
    several = [(e.seeds or 0) > 1 for e in usable]
    if all(several):
        return " and of seeds"
    return " and, where a model has several, of seeds" if any(several) else ""


def base_answer(series: Series, usable: Sequence[Estimate], size_field: str) -> Answer:
    """What every answer from a series has: its models and sizes, its notes, no estimate yet."""
    sizes = [getattr(e, size_field) for e in usable]
    return Answer(
        question=series.question,
        quantity=series.quantity,
        source=series.estimates[0].source if series.estimates else "measured",
        models=tuple(e.model for e in usable),
        size_range=(min(sizes), max(sizes)) if sizes else None,
        n=len(usable),
        proxy=series.proxy,
        reason=" ".join([*([] if series.estimates else [series.absent]), *series.notes]),
        figure=series.figure if usable else None,
    )


def _short_range(answer: Answer) -> str:
    """A sentence where the sizes span less than the factor of ten that a slope is given for."""
    low, high = answer.size_range or (1, 10)
    if high >= 10 * low:
        return ""
    return (
        f"The sizes span a factor of {high / low:.1f} ({short_number(low)} to {short_number(high)}): "
        "the change for ten times is extrapolated."
    )


def _of_families(usable: Sequence[Estimate]) -> str:
    """A sentence where measured models are of several families; published series have their own."""
    families = {e.family for e in usable}
    measured = all(e.source == "measured" for e in usable)
    several = len(families) > 1 and UNKNOWN_FAMILY not in families
    return f"{FAMILIES}." if measured and several else ""


def _too_few(usable: Sequence[Estimate], size_field: str) -> str:
    sizes = distinct_sizes(math.log10(getattr(e, size_field)) for e in usable)
    if not usable:
        return f"Not sufficient: the {dict(SIZES)[size_field]} parameters of no model are known. "
    return (
        f"Not sufficient: {counted(len(usable), 'model')} of {counted(sizes, 'size')}; a trend with "
        f"size needs at least {FEWEST_MODELS} models of 3 sizes. "
    )
