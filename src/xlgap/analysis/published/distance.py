"""Question 2 from published scores: zero-shot loss by language and distance, one estimate a model.

The error of such a slope is over languages, CR2 by genus. It stands in the tables and figures, and
weighs no model against size: the languages are the same for all models, so that most of it moves all of
them alike and none away from the others; three to five degrees of freedom say little of what is left;
and a model that loses more has the larger error, so that weights would move the line. Weighted by it,
the intervals of four models held the slope in 93% of simulated studies (docs/log.md).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from xlgap.analysis.answers.distance import MORE_ROBUST, NO_COVARIATES
from xlgap.analysis.answers.series import FAMILIES, Series
from xlgap.analysis.counted import counted
from xlgap.analysis.distance import contrasts as distance
from xlgap.analysis.distance.covariates import script_covariate
from xlgap.analysis.distance.fit import PRETRAINING, SCRIPT
from xlgap.analysis.distance.partial import GAP
from xlgap.analysis.distance.rows import DistanceRow, rows_of, table_losses
from xlgap.analysis.published import gap as published_gap
from xlgap.analysis.published.gap import LanguageTable
from xlgap.analysis.rows import Estimate, LanguageSlope, of_slope
from xlgap.published.distances import MEASURES, distances_of
from xlgap.published.pretraining import pretraining_text
from xlgap.records import Score

CONFOUNDED = f"{FAMILIES}; the languages are the same for all models."
ONE_SOURCE = "A model counts once, from the publication that covers most models of its family."
EQUAL = (
    "equal weights, because the errors of single models are over the same languages, which move all "
    "models alike"
)
ANSWERED = ("xnli", "xquad")
"""Tasks with enough models for an answer."""


def published_tables(scores: Iterable[Score]) -> Iterator[LanguageTable]:
    """The zero-shot table of every model on every parallel task, from one publication each."""
    found = list(scores)
    printed = published_gap.printings(found)
    coverage = published_gap.coverage_of(found)
    for task, metric in published_gap.TRANSFER_TASKS:
        tables = published_gap.zero_shot_tables(printed, coverage, task=task, metric=metric)
        yield from tables.values()


def published_slopes(scores: Iterable[Score]) -> list[LanguageSlope]:
    """Zero-shot loss over syntactic distance of every model with a full table of a parallel task."""
    near = distances_of(MEASURES[0].name)
    slopes = (distance.published_slope(table, near) for table in published_tables(scores))
    return [slope for slope in slopes if slope is not None]


def published_distances(scores: Iterable[Score], *, confidence: float = 0.95) -> list[DistanceRow]:
    """The same over every measure of distance, and over the primary one with covariates.

    Fertility is none of the covariates: the tables print no sub-words.
    """
    found: list[DistanceRow] = []
    for table in published_tables(scores):
        losses = table_losses(table)
        covariates = {
            PRETRAINING: pretraining_text(losses.score.family).amounts,
            SCRIPT: script_covariate(),
        }
        found += rows_of(losses, extra={}, covariates=covariates, confidence=confidence)
    return found


def distance_series(slopes: Sequence[LanguageSlope], distances: Sequence[DistanceRow]) -> list[Series]:
    """The slope over distance, one estimate a model: with covariates, then without; XNLI first."""
    found: list[Series] = []
    for task in ANSWERED:
        held = [row for row in distances if row.task == task and row.covariates and row.params_total]
        if held:
            found.append(_held_series(task, held))
        alone = [of_slope(s) for s in slopes if s.task == task and s.params_total]
        if alone:
            found.append(
                Series(
                    question=2,
                    key=f"2.distance.{task}",
                    quantity=f"loss of zero-shot {task} score for 0.1 more of syntactic distance",
                    unit="points",
                    estimates=tuple(sorted(alone, key=_by_size)),
                    figure="published_distance.svg",
                    notes=(MORE_ROBUST, NO_COVARIATES, CONFOUNDED, ONE_SOURCE),
                    equal=EQUAL,
                )
            )
    return found


def _held_series(task: str, rows: Sequence[DistanceRow]) -> Series:
    """Only models with the covariates that most have are compared."""
    sets: dict[str, list[DistanceRow]] = defaultdict(list)
    for row in rows:
        sets[row.covariates].append(row)
    covariates, kept = max(sets.items(), key=lambda item: (len(item[1]), item[0]))
    others = sorted(row.model for row in rows if row.covariates != covariates)
    stand_in = sorted(
        {
            row.family
            for row in kept
            if PRETRAINING in covariates and pretraining_text(row.family).stand_in
        }
    )
    notes = [
        MORE_ROBUST,
        f"Held still over {counted(kept[0].n_languages, 'language')} of "
        f"{counted(kept[0].genera, 'genus', 'genera')}: "
        f"{covariates}; fertility is not, as the tables print no sub-words.",
    ]
    if stand_in:
        notes.append(f"CC-100 stands in for the pretraining text of {', '.join(stand_in)}.")
    if others:
        notes.append(f"Left out, as the same covariates are not known: {', '.join(others)}.")
    return Series(
        question=2,
        key=f"2.{GAP}.{task}",
        quantity=f"loss of zero-shot {task} score for 0.1 more of syntactic distance, "
        f"{covariates.replace(', ', ' and ')} held still",
        unit="points",
        estimates=tuple(sorted(map(of_distance_row, kept), key=_by_size)),
        figure="published_distance_partial.svg",
        notes=(*notes, CONFOUNDED, ONE_SOURCE),
        equal=EQUAL,
    )


def of_distance_row(row: DistanceRow, *, confidence: float = 0.95) -> Estimate:
    """A slope with covariates as the one estimate of its model, with its interval over languages."""
    from scipy.stats import t as student

    assert row.slope is not None
    half = None
    if row.stderr is not None and row.df is not None:
        half = float(student.ppf((1 + confidence) / 2, row.df)) * row.stderr
    return Estimate(
        source=row.source,
        model=row.model,
        family=row.family,
        params_total=row.params_total,
        params_nonembedding=row.params_nonembedding,
        gap=GAP,
        task=row.task,
        scale="raw",
        value=row.slope,
        ci_low=None if half is None else row.slope - half,
        ci_high=None if half is None else row.slope + half,
        note=row.note,
        tasks=(row.task,),
    )


def _by_size(estimate: Estimate) -> tuple[int, str]:
    return (estimate.params_total or 0, estimate.model)
