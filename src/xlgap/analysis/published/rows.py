"""Question 2 from every published printing at once: rows clustered by source and by model.

The primary slopes take one estimate a model, from one publication. Here all full tables of all
publications enter, those that disagree included, a row a language. Rows of one publication share its
code and data, rows of one model the model: the interval is clustered by both
(:func:`~xlgap.analysis.stats.cluster_robust.slope_over_both`). Beside it both are resampled as wholes,
at once (:mod:`~xlgap.analysis.stats.row_bootstrap`): a spread that is at least the true one, and no
interval, since it held the truth in 99% of simulated studies (docs/log.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from xlgap.analysis.bootstrap import generator, interval
from xlgap.analysis.counted import counted
from xlgap.analysis.published.gap import Printed, full_tables, printings
from xlgap.analysis.rows import Answer
from xlgap.analysis.scaling import FEWEST_MODELS
from xlgap.analysis.stats.cluster_robust import slope_over_both
from xlgap.analysis.stats.row_bootstrap import bootstrap_rows, slope_columns, slope_of
from xlgap.analysis.stats.verdict import Refused
from xlgap.analysis.words import signed
from xlgap.records import Score

RESAMPLES = 10_000
FEWEST_SOURCES = 3
MOST_LOST = 0.01
"""Share of the resamples that may draw models of a single size, which have no slope."""

Tables = Mapping[tuple[str, str], Mapping[str, Printed]]
TASKS = (("xnli", "accuracy"), ("xquad", "f1"), ("mlqa", "f1"), ("pawsx", "accuracy"))


def transfer_figure(task: str) -> str:
    """File name of the figure of published transfer gaps on one task against size."""
    return f"published_transfer_{task}.svg"


def row_answers(
    scores: Sequence[Score], *, confidence: float, resamples: int = RESAMPLES
) -> list[Answer]:
    """The slope of zero-shot loss on size over all rows of a task, for tasks with enough sources."""
    printed = printings([s for s in scores if s.arm == "zero_shot_english"])
    tables = {task: full_tables(printed, task=task, metric=metric) for task, metric in TASKS}
    found = [_answer(of_task, task, confidence, resamples) for task, of_task in tables.items()]
    return [a for a in found if a is not None]


def _answer(tables: Tables, task: str, confidence: float, resamples: int) -> Answer | None:
    rows = [
        (math.log10(size), table["en"].value - printed.value, publication, model)
        for (model, publication), table in sorted(tables.items())
        if (size := table["en"].score.params_total)
        for language, printed in table.items()
        if language != "en"
    ]
    sources, models = sorted({r[2] for r in rows}), sorted({r[3] for r in rows})
    sizes = sorted({r[0] for r in rows})
    if len(models) < FEWEST_MODELS or len(sizes) < 3 or len(sources) < FEWEST_SOURCES:
        return None
    columns = slope_columns(np.array([r[0] for r in rows]), np.array([r[1] for r in rows]))
    drawn = bootstrap_rows(
        columns,
        [[r[2] for r in rows], [r[3] for r in rows]],
        slope_of,
        rng=generator(0, "published rows", task),
        resamples=resamples,
    )
    defined = drawn[np.isfinite(drawn)]
    low, high = interval(defined, confidence)
    found = slope_over_both(
        [r[0] for r in rows],
        [r[1] for r in rows],
        [r[3] for r in rows],
        [r[2] for r in rows],
        confidence=confidence,
    )
    lost = len(drawn) - len(defined)
    enough = lost <= MOST_LOST * len(drawn)
    few = f"Not sufficient: {lost} of {len(drawn)} resamples have no two sizes. "
    if isinstance(found, Refused):
        enough, few = False, f"Not sufficient: {found.reason} "
    known = None if isinstance(found, Refused) else found
    by = "no interval"
    if known is not None:
        by = f"t interval, CR2 clustered by model and by source ({known.df:.1f} degrees of freedom)"
    return Answer(
        question=2,
        key=f"2.rows.{task}.bootstrap.params_total",
        quantity=f"change of zero-shot loss on {task} (English minus each other language), points for "
        "ten times the total parameters, over all printings",
        source="published",
        models=tuple(models),
        size_range=(round(10 ** sizes[0]), round(10 ** sizes[-1])),
        estimate=float(slope_of(columns.sum(axis=0))),
        ci_low=None if known is None else known.ci_low,
        ci_high=None if known is None else known.ci_high,
        n=len(models),
        method=f"least squares over {counted(len(rows), 'row')}; {by}; {len(defined)} resamples of the "
        f"{counted(len(sources), 'source')} and of the {counted(len(models), 'model')} at once, as "
        f"whole clusters, reach from {signed(low, 2)} to {signed(high, 2)}: too wide by design",
        supported=enough,
        reason=("" if enough else few) + "Conditional on these models and sources, of which there are "
        "few; the slopes with one estimate a model are the primary ones. The models are of several "
        "families, which differ in data and design.",
        figure=transfer_figure(task),
    )
