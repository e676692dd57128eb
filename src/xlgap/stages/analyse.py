"""Stages: scores to gaps and answers, and the report of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from xlgap import layout
from xlgap.analysis import gap as gaps_of
from xlgap.analysis import result
from xlgap.analysis.bootstrap import TaskItems
from xlgap.analysis.gap import GapRow
from xlgap.analysis.report import write_report
from xlgap.analysis.result import Analysis
from xlgap.analysis.study import Study as MeasuredStudy
from xlgap.analysis.study import TaskInfo
from xlgap.analysis.tables import left_out, load, write_rows
from xlgap.cell import arms
from xlgap.errors import ResultError
from xlgap.evaluation.metrics import get_metric
from xlgap.formats import read_text, write_json, write_text
from xlgap.published import load_scores
from xlgap.records import Source
from xlgap.stages.study import Study

RESULT = layout.ANALYSIS / "analysis.json"
_ADAPTER = TypeAdapter(Analysis)


def analyse(study: Study) -> None:
    """``xlgap analyse``: ``results/analysis``, metrics and plots for DVC.

    Raises:
        ResultError: the grid is not complete.
    """
    found = _analysis(study, partial=False)
    write_text(RESULT, _ADAPTER.dump_json(found, indent=1).decode() + "\n")
    write_json(layout.METRICS, headline_metrics(found))
    _write_plots(found)


def report(study: Study, *, partial: bool = False) -> None:
    """``xlgap report``: ``report/index.html``, ``answers.json``, tables and figures; to MLflow, too.

    With ``partial`` it is made from the complete cells alone, in ``report/partial``.

    Raises:
        ResultError: ``analyse`` has not run.
    """
    if partial:
        _score_complete_cells(study)
        found = _analysis(study, partial=True)
        print(f"partial report: {write_report(layout.PARTIAL, found).resolve()}")
        return
    if not RESULT.is_file():
        raise ResultError(f"{RESULT}: no analysis yet; run 'dvc repro analyse'.")
    found = _ADAPTER.validate_json(read_text(RESULT))
    write_report(layout.REPORT, found)
    _track(study, found)


def _analysis(study: Study, *, partial: bool) -> Analysis:
    return result.analyse(_measured(study, partial=partial), load_scores())


def _measured(study: Study, *, partial: bool) -> MeasuredStudy:
    params = study.params
    results = load(Path(), params, allow_missing=partial)
    targets = {cell.task.name: cell.task for cell in study.grid.cells}
    return MeasuredStudy(
        name=params.study.name,
        source=params.study.source,
        arms={arm.name: arm.spec for arm in arms(params)},
        tasks={
            name: TaskInfo(metric=task.metrics[0], parallel=task.parallel, proxy_train=task.proxy_train)
            for name, task in targets.items()
        },
        scores=results.scores,
        items={
            name: TaskItems(
                frame=frame,
                metric=targets[name].metrics[0],
                value=get_metric(targets[name].metrics[0], targets[name]).value,
                parallel=targets[name].parallel,
            )
            for name, frame in results.items.items()
        },
        confidence=params.analysis.confidence,
        resamples=params.analysis.resamples,
        seed=params.analysis.seed,
        left_out=left_out(study.grid),
        missing=results.missing,
    )


def _score_complete_cells(study: Study) -> None:
    """Score what has predictions; tasks without any are left out."""
    from xlgap.stages.score import has_predictions, score

    for task in dict.fromkeys(cell.task.name for cell in study.grid.cells):
        if any(has_predictions(cell) for cell in study.grid.of_task(task)):
            score(study, task, partial=True)


def headline_metrics(found: Analysis) -> dict[str, Any]:
    """The numbers that ``dvc metrics`` and the study's MLflow run show: estimates by model and gap."""
    values: dict[str, Any] = {}
    for estimate in found.estimates:
        if estimate.scale == "raw" and estimate.task == "mean":
            values.setdefault(estimate.model, {})[f"gap_{estimate.gap}"] = estimate.value
    for answer in found.answers:
        if answer.source == "measured" and answer.estimate is not None:
            values.setdefault("answers", {})[f"q{answer.question} {answer.quantity}"] = answer.estimate
    return values


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


def _track(study: Study, found: Analysis) -> None:
    """The study's summary run, and one run a model for the chart of gaps against size."""
    from xlgap.stages.track import lineage
    from xlgap.tracking.mlflow import log_study
    from xlgap.tracking.uri import default_uri

    models: dict[str, dict[str, Any]] = {
        model.name: {
            "model": model.name,
            "params_total": model.params_total,
            "params_nonembedding": model.params_nonembedding,
        }
        for model in found.models
    }
    for estimate in found.estimates:
        if estimate.scale == "raw":
            suffix = "" if estimate.task == "mean" else f"_{estimate.task}"
            models[estimate.model][f"gap_{estimate.gap}{suffix}"] = estimate.value
    answers = {
        f"q{a.question}_{_metric_name(a.quantity)}": a.estimate
        for a in found.answers
        if a.source == "measured"
    }
    log_study(
        uri=default_uri(study.root),
        experiment=study.experiment,
        study=study.params.study.name,
        summary_metrics=answers,
        per_model=list(models.values()),
        artifacts_dir=layout.REPORT,
        tags=lineage(study),
    )


def _metric_name(quantity: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in quantity)[:200]


def select_gaps(
    *, source: Source, gap: str | None, model: str | None, task: str | None
) -> list[dict[str, Any]]:
    """The rows that ``xlgap gaps`` prints.

    Raises:
        UnknownNameError, ResultError: nothing of that name; no results yet.
    """
    rows: list[GapRow] = []
    if source == "published":
        rows = list(gaps_of.gap_rows(load_scores()))
    else:
        study = Study.here()
        measured = _measured(study, partial=True)
        rows = list(gaps_of.measured_rows(measured.scores, measured.arms))
    chosen = gaps_of.select(rows, source=source, gap=gap, model_glob=model, task=task)
    return gaps_of.to_json(chosen)
