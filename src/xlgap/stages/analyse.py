"""Stages: scores to gaps and answers, and the report of them."""

from __future__ import annotations

import math
import shutil
import sys
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from xlgap import layout
from xlgap.analysis import gap as gaps_of
from xlgap.analysis import result
from xlgap.analysis.assemble import assemble
from xlgap.analysis.claims.evidence import Evidence
from xlgap.analysis.claims.verdicts import ClaimVerdict, by_key, verdicts
from xlgap.analysis.diagnostic import METRIC, ErrorRate, error_rates
from xlgap.analysis.excused import SHAPE, Excused, excused
from xlgap.analysis.licences import data_sets
from xlgap.analysis.result import Analysis
from xlgap.analysis.rows import GAP_WORDS, GapRow
from xlgap.analysis.study import Study as MeasuredStudy
from xlgap.analysis.tables import load, write_rows
from xlgap.errors import ConfigError, ResultError, XlgapError, unknown
from xlgap.evaluation.ledger import corrected
from xlgap.evaluation.metrics import get_metric
from xlgap.formats import dir_digest, read_json, write_json
from xlgap.graph import stage_names
from xlgap.published import load_scores
from xlgap.records import Source
from xlgap.report.write import write_partial_report, write_report
from xlgap.retained import retained_cells
from xlgap.stages.overall import edition_scores, tested_here
from xlgap.stages.score import score
from xlgap.stages.study import Study, stage_of
from xlgap.stages.subwords import pretraining_amounts, subword_rows
from xlgap.tasks import get_task


def analyse(study: Study) -> None:
    """``xlgap analyse``: ``results/analysis``, and the metrics and plots that DVC compares.

    Raises:
        ResultError: the grid is not complete.
    """
    measured = _measured(study, partial=False)
    found = _analysed(study, measured)
    result.write_analysis(layout.ANALYSIS, found)
    write_json(layout.METRICS, {"scores": mean_scores(measured), **result.metrics(found)})
    _write_plots(found)


def report(study: Study) -> None:
    """``xlgap report``: ``report/index.html``, ``answers.json``, tables and figures; to MLflow, too.

    Raises:
        ResultError: ``analyse`` has not run.
    """
    from xlgap.stages.lineage import lineage

    found = result.read_analysis(layout.ANALYSIS)
    write_report(layout.REPORT, found)
    try:
        track_study(study, found, tags=lineage(study))
    except ConfigError:
        raise
    except XlgapError as error:  # the report is there; 'xlgap run' tells the store at its end
        print(f"the study's summary is not in the MLflow store: {error}", file=sys.stderr)


def partial_report(study: Study, without: Collection[str]) -> None:
    """``xlgap report --partial STAGE...``: the report of the complete cells, in ``report/partial``.

    A full report that is there, of an earlier run, goes.

    Args:
        study: the study.
        without: stages that failed or could not run; what lies in their outs is of an earlier run.

    Raises:
        UnknownNameError: the graph has no such stage.
    """
    known = stage_names(Path())
    for name in without:
        if ":" not in name and name not in known:  # one with a colon stands in another dvc.yaml
            raise unknown("stage", name, known)
    for task in dict.fromkeys(cell.task.name for cell in study.grid.cells):
        cells = study.grid.of_task(task)
        lacking = {cell.key for cell in cells if stage_of(cell) in without}
        failed = f"score@{task}" in without and not lacking
        if failed or len(lacking) == len(cells):
            layout.scores(task).unlink(missing_ok=True)
            layout.items(task).unlink(missing_ok=True)
        elif lacking:
            score(study, task, without=lacking)
    for cell in (asked.cell for asked in retained_cells(study.params, study.grid)):
        if {f"retention@{cell.key}", f"finetune@{cell.key}"} & set(without):
            folder = layout.retention(cell.task.name, cell.model, cell.arm.name)
            shutil.rmtree(folder, ignore_errors=True)
    found = _analysed(study, _measured(study, partial=True))
    page = write_partial_report(layout.REPORT, layout.PARTIAL, found)
    print(f"partial report: {page.resolve()}")


def _measured(study: Study, *, partial: bool) -> MeasuredStudy:
    results = load(Path(), study.params, allow_missing=partial)
    targets = {cell.task.name: cell.task for cell in study.grid.cells}
    asked = retained_cells(study.params, study.grid)
    targets |= {name: get_task(name) for found in asked for name in found.tasks}
    values = {name: get_metric(task.metrics[0], task).value for name, task in targets.items()}
    mended = {name: corrected(task)[0] for name, task in targets.items()}
    mended = {name: metric for name, metric in mended.items() if metric != targets[name].metrics[0]}
    return assemble(study.params, results, values, mended)


def _with_languages(study: Study, measured: MeasuredStudy) -> MeasuredStudy:
    """The study with what goes along with distance: sub-words and pretraining text by language."""
    pretraining, stand_in = pretraining_amounts(study)
    subwords, uncounted = subword_rows(study)
    return replace(
        measured,
        pretraining=pretraining,
        subwords=tuple(subwords),
        language_notes=(*stand_in, *uncounted),
    )


def _analysed(study: Study, measured: MeasuredStudy) -> Analysis:
    found = result.analyse(_with_languages(study, measured), load_scores())
    prepared = (name for name in study.params.all_tasks if layout.prepared(name).is_dir())
    return replace(
        found,
        editions=edition_scores(measured.scores, tested=tested_here()),
        errors=result.rounded(_errors(measured)),
        data=data_sets(map(study.manifest, prepared)),
        excused=_excused(),
    )


def _excused() -> tuple[Excused, ...]:
    """What the leakage gate let pass; nothing where it has not come to a verdict."""
    return excused(read_json(layout.LEAKAGE, SHAPE)) if layout.LEAKAGE.is_file() else ()


def _errors(measured: MeasuredStudy) -> tuple[ErrorRate, ...]:
    """Of the tests of the study's diagnostic suites."""
    suites = [task for task in map(get_task, measured.items) if task.role == "diagnostic"]
    return tuple(
        rate
        for task in suites
        for rate in error_rates(
            task.name, measured.items[task.name].frame, get_metric(METRIC, task).value
        )
    )


def mean_scores(study: MeasuredStudy) -> dict[str, dict[str, dict[str, float]]]:
    """The primary metric of each model, arm and task: the mean over languages and seeds."""
    values: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for row in study.scores:
        if row.metric == study.primary[row.task]:
            values[row.model, row.arm, row.task].append(row.value)
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for (model, arm, task), of_cell in values.items():
        found[model][arm][task] = round(math.fsum(of_cell) / len(of_cell), 6)
    return found


def _write_plots(found: Analysis) -> None:
    """One row a model and gap: what ``dvc plots`` draws."""
    columns = ("model", "gap", "task", "params_nonembedding", "log10_params_nonembedding", "value")
    rows = [
        {
            "model": e.model,
            "gap": e.gap,
            "task": e.task,
            "params_nonembedding": e.params_nonembedding,
            "log10_params_nonembedding": round(math.log10(e.params_nonembedding), 6),
            "value": e.value,
        }
        for e in found.estimates
        if e.scale == "raw" and e.params_nonembedding
    ]
    write_rows(layout.PLOTS / "gaps.csv", rows, columns)


def track_study(study: Study, found: Analysis, *, tags: Mapping[str, str]) -> None:
    """The study's summary run, and one run a model for the chart of gaps; all with ``tags``."""
    from xlgap.tracking.summary import log_study
    from xlgap.tracking.uri import store_uri

    models: dict[str, dict[str, Any]] = {
        model.name: {
            "model": model.name,
            "params_total": model.params_total,
            "params_nonembedding": model.params_nonembedding,
        }
        for model in found.models
    }
    order = {gap: number for number, gap in enumerate(GAP_WORDS)}  # G_inter is the view's first chart
    for estimate in sorted(found.estimates, key=lambda e: (e.task != "mean", order[e.gap], e.task)):
        if estimate.scale == "raw":
            suffix = "" if estimate.task == "mean" else f"_{estimate.task}"
            models[estimate.model][f"gap_{estimate.gap}{suffix}"] = estimate.value
    answers = {f"answer.{a.key}": a.estimate for a in found.answers if a.source == "measured"}
    log_study(
        uri=store_uri(study.root),
        experiment=study.experiment,
        study=study.params.study.name,
        summary_metrics=answers,
        per_model=list(models.values()),
        artifacts_dir=layout.REPORT,
        tags=tags,
        content=dir_digest(layout.ANALYSIS),
        means=sorted({f"{cell.task.metrics[0]}_mean" for cell in study.grid.cells}),
    )


def select_gaps(
    *, source: Source, gap: str | None, model: str | None, task: str | None
) -> list[dict[str, Any]]:
    """The rows that ``xlgap gaps`` prints.

    Raises:
        UnknownNameError, ResultError: nothing of that name; no results yet.
    """
    gaps_of.check_gap(gap)
    rows: list[GapRow] = []
    if source == "published":
        rows = list(gaps_of.gap_rows(load_scores()))
    else:
        study = Study.here()
        measured = _measured(study, partial=True)
        rows = list(gaps_of.measured_rows(measured.scores, measured.arms))
        if rows and measured.missing:
            told = f"{len(measured.missing)} of {len(study.grid.cells)} cells have no scores yet"
            print(f"{told}: gaps that need them are missing here.", file=sys.stderr)
    if not rows:
        raise ResultError("no measured gap yet: run the study first, or ask for '--source published'.")
    chosen = gaps_of.select(rows, source=source, gap=gap, model_glob=model, task=task)
    if not chosen:
        asked = {"--gap": gap, "--model": model, "--task": task}
        given = ", ".join(f"{option} {value}" for option, value in asked.items() if value is not None)
        there = gaps_of.select(rows, source=source, gap=gap, model_glob=None, task=task)
        raise ResultError(f"no {source} gap matches {given}; {_models_with(gap, there, model)}")
    return gaps_of.to_json(chosen)


def _models_with(gap: str | None, rows: Sequence[GapRow], pattern: str | None) -> str:
    """Which models there are: those that match but for case, else the first of them."""
    which = f"--gap {gap}" if gap else "one"
    models = sorted({row.model for row in rows})
    if not models:
        return f"no model has {which}."
    close = [m for m in models if pattern and fnmatchcase(m.casefold(), pattern.casefold())]
    if close:
        return f"case counts, did you mean {' or '.join(close)}?"
    return f"the first twelve models with {which}: {', '.join(models[:12])}."


def claims_here() -> tuple[tuple[ClaimVerdict, ...], str]:
    """What ``xlgap claims`` prints: the verdicts of the study here, and a line on what they lack.

    Without an analysis, those that published scores can judge; the others are not testable.

    Raises:
        ResultError: another version wrote the analysis.
    """
    if (layout.ANALYSIS / result.FILE).is_file():
        return result.read_analysis(layout.ANALYSIS).claims, ""
    told = "no analysis here: only published scores can judge; run the study for the others."
    answers = by_key(result.published_findings(load_scores()))
    return result.rounded(verdicts(Evidence(answers=answers))), told
