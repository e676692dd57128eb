"""How large a quantity is over the models of a study, as an answer."""

from __future__ import annotations

import math
from dataclasses import replace

from xlgap.analysis.answers.series import Series, base_answer
from xlgap.analysis.known import Interval, beside, by_draws, by_errors
from xlgap.analysis.rows import Answer
from xlgap.analysis.stats.mean_over import mean_over
from xlgap.analysis.stats.verdict import Refused


def level_answer(series: Series) -> Answer:
    """How large the quantity of a series is, as its mean over models."""
    values = [e.value for e in series.estimates]
    base = replace(
        base_answer(series, series.estimates, "params_total"),
        key=f"{series.key}.level",
        quantity=f"{series.quantity}, {series.unit}",
        method="none",
    )
    if not values:
        return base
    equal = "mean over models, each with the same weight"
    x = [math.log10(e.params_total) for e in series.estimates if e.params_total]
    found = mean_over(values, draws=series.draws, x=x, confidence=series.confidence)
    if isinstance(found, Refused):
        return replace(
            base,
            estimate=sum(values) / len(values),
            method=equal,
            reason=f"Not sufficient: {found.reason} {base.reason}",
        )
    items = (
        "items that models share are left out, for want of their draws"
        if found.shared is None
        else "the covariance of models scored on the same items added"
    )
    scatter = f"scatter about the {found.about} on log10 parameters" if found.about else "spread"
    answer = replace(
        base,
        estimate=found.mean,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        supported=True,
        method=f"{equal}; t interval from their {scatter} ({found.df:.1f} degrees of freedom), {items}",
    )
    return beside(answer, _known(series, found.mean))


def _known(series: Series, mean: float) -> Interval | None:
    """Interval of the mean from the known errors of the models alone."""
    weights = [1 / len(series.estimates)] * len(series.estimates)
    drawn = by_draws(weights, series.draws, confidence=series.confidence)
    errors = [e.stderr for e in series.estimates if e.stderr is not None]
    if drawn is not None or len(errors) < len(weights) or not any(errors):
        return drawn
    return by_errors(mean, weights, [e * e for e in errors], confidence=series.confidence)
