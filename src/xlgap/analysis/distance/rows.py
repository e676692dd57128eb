"""Zero-shot loss over every measure of distance, one row a model, task, arm and measure.

The headline takes one measure, the imputed syntactic distance; this table has all, so that a reader
sees what another one would have said. Slopes are over languages: their errors are CR2 by genus,
conditional on nothing else. How they relate to each other is no test: the measures go along with one
another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xlgap.analysis.contrasts import fixed_languages
from xlgap.analysis.distance.covariates import ALL_MEASURES, covariates_of, tokenizer_distances
from xlgap.analysis.distance.fit import Covariates, Design, partial, plain
from xlgap.analysis.published.gap import LanguageTable
from xlgap.analysis.stats.verdict import Refused
from xlgap.analysis.study import Study
from xlgap.analysis.words import number
from xlgap.published.distances import MEASURES, Measure, distances_of
from xlgap.records import Score, Source


@dataclass(frozen=True, kw_only=True)
class DistanceRow:
    """The loss of one model on one task over one measure of distance.

    Attributes:
        source, model, family, params_total, params_nonembedding: as in :class:`~xlgap.records.Score`.
        task, arm, regime, metric: whose scores.
        measure: name of the distance.
        covariates: what was held still, joined by commas; empty for the slope over distance alone.
        slope: points lost for ``step`` more of the distance; ``None`` where it is not fitted.
        stderr, df: CR2 by genus, with Satterthwaite's degrees of freedom; ``None`` where refused.
        pearson, spearman: of loss and distance, without covariates; ``None`` beside covariates.
        n_languages, genera: in the fit.
        step: of the distance, in its unit.
        note: why something is missing; publication.
    """

    source: Source
    model: str
    family: str
    params_total: int | None
    params_nonembedding: int | None
    task: str
    arm: str
    regime: str
    metric: str
    measure: str
    covariates: str
    slope: float | None
    stderr: float | None
    df: float | None
    pearson: float | None
    spearman: float | None
    n_languages: int
    genera: int
    step: float
    note: str = ""


def headline_distance(row: DistanceRow) -> bool:
    """Whether the report's page shows a row: those behind an answer, and without imputed values."""
    if row.slope is None or not row.params_total or not row.measure.startswith("syntax"):
        return False
    return row.regime == "direct_en" if row.source == "measured" else row.task == "xnli"


@dataclass(frozen=True, kw_only=True)
class Losses:
    """The losses of one model on one task under one arm: English minus each language."""

    score: Score
    by_language: Mapping[str, float]
    note: str = ""


def measured_rows(study: Study) -> list[DistanceRow]:
    """All zero-shot arms of a study, on its languages that all models have; without one, no row."""
    found: list[DistanceRow] = []
    common = fixed_languages(study.table, study.arms)
    cells: dict[tuple[str, str, str], dict[str, list[Score]]] = defaultdict(dict)
    for k, runs in study.table.items():
        zero_shot = study.arms[k.arm].language is None and k.model not in study.controls
        if zero_shot and k.language in common[k.arm, k.task] | {"en"}:
            cells[k.model, k.arm, k.task][k.language] = list(runs.values())
    for (model, _, task), of_cell in sorted(cells.items()):
        means = {c: sum(s.value for s in seeds) / len(seeds) for c, seeds in of_cell.items()}
        english = means.pop("en", 0.0)
        losses = Losses(
            score=next(iter(of_cell.values()))[0],
            by_language={c: english - value for c, value in means.items()},
            note="" if "en" in of_cell else "no English test set: minus the score in place of the loss",
        )
        parallel = study.tasks[task].parallel
        found += rows_of(
            losses,
            extra=tokenizer_distances(study, model, task),
            covariates=covariates_of(study, model, task) if parallel else None,
            confidence=study.confidence,
        )
    return found


def table_losses(table: LanguageTable) -> Losses:
    """The losses in one published table."""
    english = table.by_language["en"]
    return Losses(
        score=english.score,
        by_language={c: english.value - p.value for c, p in table.by_language.items() if c != "en"},
        note=table.publication,
    )


def rows_of(
    losses: Losses,
    *,
    extra: Mapping[str, Mapping[str, float]],
    covariates: Covariates | None,
    confidence: float = 0.95,
) -> Iterator[DistanceRow]:
    """One row a measure that some language has, and one of the primary measure with covariates."""
    for measure in ALL_MEASURES:
        distances = extra.get(measure.name, {}) or _carried(measure)
        if distances:
            yield _row(losses, measure, plain(losses.by_language, distances), distances, confidence)
    if covariates is not None:
        yield held_row(losses, covariates, confidence=confidence)


def held_row(losses: Losses, covariates: Covariates, *, confidence: float = 0.95) -> DistanceRow:
    """The row of the primary measure with covariates held still."""
    primary = MEASURES[0]
    made = partial(losses.by_language, distances_of(primary.name), covariates)
    return _row(losses, primary, made, None, confidence)


def _carried(measure: Measure) -> Mapping[str, float]:
    return distances_of(measure.name) if measure in MEASURES else {}


def _row(
    losses: Losses,
    measure: Measure,
    made: Design | Refused,
    distances: Mapping[str, float] | None,
    confidence: float,
) -> DistanceRow:
    s = losses.score
    notes = [losses.note]
    slope = stderr = df = pearson = spearman = None
    covariates: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    if isinstance(made, Refused):
        notes.append(made.reason)
    else:
        languages, covariates = made.languages, made.covariates
        loss = np.array([losses.by_language[c] for c in languages])
        slope = float(made.weights() @ loss) * measure.step
        fit = made.fit(losses.by_language, confidence=confidence)
        notes += made.left_out
        if isinstance(fit, Refused):
            notes.append(fit.reason)
        else:
            stderr, df = fit.stderr * measure.step, fit.df
        if covariates:
            notes.append(f"variance inflation of distance {number(made.inflation)}")
        elif distances is not None:
            pearson, spearman = _correlations(np.array([distances[c] for c in languages]), loss)
    if distances is None and not covariates:
        notes.append("with covariates")
    return DistanceRow(
        source=s.source,
        model=s.model,
        family=s.family,
        params_total=s.params_total,
        params_nonembedding=s.params_nonembedding,
        task=s.task,
        arm=s.arm,
        regime=s.regime,
        metric=s.metric,
        measure=measure.name,
        covariates=", ".join(covariates),
        slope=slope,
        stderr=stderr,
        df=df,
        pearson=pearson,
        spearman=spearman,
        n_languages=len(languages),
        genera=_genera(languages),
        step=measure.step,
        note="; ".join(n.rstrip(".") for n in notes if n),
    )


def _genera(codes: Iterable[str]) -> int:
    from xlgap.languages import get_language

    return len({get_language(code).genus for code in codes})


def _correlations(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float | None, float | None]:
    """Pearson's and Spearman's coefficients; ``None`` where the losses are all the same."""
    from scipy.stats import rankdata

    if np.ptp(y) == 0:
        return None, None
    ranks = rankdata(x), rankdata(y)
    return float(np.corrcoef(x, y)[0, 1]), float(np.corrcoef(*ranks)[0, 1])
