"""All slopes over distance of a study, as contrasts: plain, between arms, and with covariates."""

from __future__ import annotations

from xlgap.analysis.contrasts import Contrast
from xlgap.analysis.distance import contrasts as distance
from xlgap.analysis.distance.covariates import covariates_of
from xlgap.analysis.distance.partial import Partial, partial_contrasts
from xlgap.analysis.study import Study
from xlgap.published.distances import MEASURES, distances_of


def over_distance(study: Study) -> tuple[list[Contrast], list[Contrast], Partial]:
    """Slopes over the primary distance, their differences between arms, slopes with covariates."""
    near = distances_of(MEASURES[0].name)
    slopes = distance.distance_contrasts(study.table, study.arms, near)
    held = partial_contrasts(
        study.table,
        study.arms,
        near,
        lambda model, task: covariates_of(study, model, task),
        tasks=[name for name, task in study.tasks.items() if task.parallel],
    )
    steeper = distance.robustness_contrasts(slopes, study.arms, distance.slope_over(near))
    return slopes, steeper, held
