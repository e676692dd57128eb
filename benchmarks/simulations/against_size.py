"""A series of one estimate a model as an answer has it: level, slope, and what the known errors say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from simulations.grid import MODELS
from simulations.numbers import SIZES
from simulations.outcome import EXACT, FLOOR, Outcome, answered, true_slope
from xlgap.analysis.answers.level import level_answer
from xlgap.analysis.answers.series import (
    SIZES as FIELDS,
)
from xlgap.analysis.answers.series import (
    Series,
    conditional_answer,
    fit_line,
    series_of,
    slope_answer,
)
from xlgap.analysis.bootstrap import draws
from xlgap.analysis.contrasts import Contrast
from xlgap.analysis.headline import headline
from xlgap.analysis.measure import estimate_of
from xlgap.analysis.rows import Answer, Scale
from xlgap.analysis.study import Study

Wanted = tuple[str, Scale]
"""A gap and the scale that it is told on."""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Of one quantity: of these checkpoints [models], and of all models of these sizes.

    ``nothing`` is the level where nothing is planted.
    """

    here: np.ndarray
    level: float
    slope: float
    nothing: float = 0.0


def measured_series(
    study: Study, every: Iterable[Contrast], wanted: Iterable[Wanted], *, question: int
) -> dict[Wanted, Series]:
    """The series of these contrasts over tasks, as the analysis makes them."""
    asked = list(wanted)
    over, _ = headline(list(every), study, frozenset())
    over = [c for c in over if c.task == "mean" and c.gap in {gap for gap, _ in asked}]
    needed = {key for c in over for key, _ in c.terms}
    drawn = draws(study.items, needed=needed, resamples=study.resamples, seed=study.seed)
    found: dict[Wanted, Series] = {}
    for scale in dict.fromkeys(scale for _, scale in asked):
        scaled = drawn.on(scale, study.table)
        made = [(c, *estimate_of(c, study, scaled, scale)) for c in over if (c.gap, scale) in asked]
        estimates = [e for _, e, _ in made if e is not None]
        of_model = {(c.gap, c.task, scale, c.model): d for c, _, d in made if d is not None}
        for gap in dict.fromkeys(c.gap for c, _, _ in made):
            found[gap, scale] = series_of(
                estimates, of_model, gap=gap, scale=scale, question=question, quantity=gap,
                confidence=study.confidence,
            )  # fmt: skip
            assert tuple(e.model for e in found[gap, scale].estimates) == MODELS
    return found


def outcomes(name: str, series: Series, truth: Truth) -> dict[str, Outcome]:
    """What the answers of one series say: level, slope, its bootstrap, known errors."""
    level, line = level_answer(series), slope_answer(series, *FIELDS[0])
    fit = fit_line(series.estimates, "params_total")
    assert fit is not None
    here = true_slope(truth.here, SIZES, fit.weights)
    return {
        f"{name}, mean over models": answered(level, truth.level, nothing=truth.nothing),
        f"{name}, slope on size": answered(line, truth.slope),
        f"{name}, conditional bootstrap slope": answered(
            conditional_answer(series), here, nothing=here
        ),
        **beside(f"{name}, mean", level, float(truth.here.mean()), nothing=truth.nothing),
        **beside(f"{name}, slope", line, here),
    }


def beside(name: str, answer: Answer, here: float, *, nothing: float = 0.0) -> Mapping[str, Outcome]:
    """The interval of the known errors, where an answer has it, and whether a trend is told.

    That interval is of these checkpoints, and is there only where it is wider than the one over models.
    A trend is told where both leave out ``nothing``: less often than either does.
    """
    low, high = answer.widest or (None, None)
    told = low is not None and high is not None and not low <= nothing <= high
    return {
        f"{name}: known errors alone": Outcome(
            kind=FLOOR, low=answer.known_low, high=answer.known_high, truth=here, nothing=here
        ),
        f"{name}: told": Outcome(kind=EXACT, p=0.0 if told else 1.0),
    }
