"""What MLflow shows of a whole study: its summary run, a run a model, and the views of both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xlgap.tracking.base import CONTENT, DIGEST, KIND, STUDY, summary_digest
from xlgap.tracking.mlflow import CURRENT, open_run
from xlgap.tracking.store import experiment_id, open_client, write_back
from xlgap.tracking.view import (
    CELLS,
    REGIMES,
    cells_state,
    regimes_state,
    view_path,
    view_state,
    view_tag,
    viewed_studies,
)

SIZES = ("params_total", "params_nonembedding")


def log_study(
    *,
    uri: str,
    experiment: str,
    study: str,
    summary_metrics: Mapping[str, float | None],
    per_model: Sequence[Mapping[str, Any]],
    artifacts_dir: Path | None = None,
    tags: Mapping[str, str] | None = None,
    content: str = "",
    means: Sequence[str] = (),
) -> str:
    """Write a study's summary run, a run a model, and the views of gaps, of cells and of regimes.

    Called again for the same study it brings the same runs up to date; runs of models that are no
    longer in ``per_model`` are deleted. The models' runs are not nested: the UI's charts leave out
    runs that are folded away. :func:`study_pages` tells where the charts are; the views of cells
    have those that no later run has superseded.

    Args:
        uri: the tracking URI.
        experiment: the experiment's name.
        study: the study's name, which makes its runs the same runs.
        summary_metrics: figures of the whole study; None is missing and stays away.
        per_model: for each model ``model``, ``params_total``, ``params_nonembedding`` and figures
            such as ``gap_inter``. The log10 of the two sizes is added.
        artifacts_dir: files to keep with the summary run, such as the report.
        tags: more tags for all of these runs.
        content: digest of what the figures were read from, for the tag ``xlgap.content``.
        means: the mean scores of cells, as their runs call them.

    Returns:
        The id of the summary run.
    """
    common = {**(tags or {}), STUDY: study, CONTENT: content}
    _drop_obsolete(uri, experiment, summary_digest(study), _present(summary_metrics))
    summary = open_run(
        uri=uri,
        experiment=experiment,
        name=f"study {study}",
        digest=summary_digest(study),
        tags={**common, KIND: "study"},
    )
    summary.metrics(_present(summary_metrics))
    if artifacts_dir is not None:
        summary.artifact(artifacts_dir)
    summary.close()
    kept = [_log_model(dict(row), uri, experiment, common) for row in per_model]
    with open_client(uri) as client:
        where = experiment_id(client, uri, experiment)
        mine = f"tags.`{STUDY}` = '{study}' and tags.`{KIND}` = 'model'"
        for run in client.search_runs([where], mine):
            if run.info.run_id not in kept:
                client.delete_run(run.info.run_id)
        sizes = {"model", *SIZES}
        figures = dict.fromkeys(k for row in per_model for k, v in row.items() if v is not None)
        shown = [figure for figure in figures if figure not in sizes]
        client.set_experiment_tag(where, view_tag(study), view_state(mine, shown))
        current = f"tags.`{KIND}` = 'cell' and {CURRENT}"
        client.set_experiment_tag(where, view_tag(study + CELLS), cells_state(current, means))
        client.set_experiment_tag(where, view_tag(study + REGIMES), regimes_state(current, means))
    write_back(uri)
    return summary.run_id


def study_pages(uri: str) -> dict[str, str]:
    """Studies with what to append to the address of the MLflow UI to see their gaps against size."""
    with open_client(uri) as client:
        found = client.search_experiments()
    return {study: view_path(e.experiment_id, study) for e in found for study in viewed_studies(e.tags)}


def _log_model(row: dict[str, Any], uri: str, experiment: str, common: Mapping[str, str]) -> str:
    model = str(row.pop("model"))
    figures = _present(row)
    for size in SIZES:
        if figures.get(size, 0) > 0:
            figures[f"log10_{size}"] = math.log10(figures[size])
    digest = summary_digest(common[STUDY], model)
    _drop_obsolete(uri, experiment, digest, figures)
    run = open_run(
        uri=uri,
        experiment=experiment,
        name=model,
        digest=digest,
        tags={**common, KIND: "model", "model": model},
    )
    run.metrics(figures)
    run.params({"model": model})
    run.close()
    return run.run_id


def _drop_obsolete(uri: str, experiment: str, digest: str, figures: Mapping[str, float]) -> None:
    """Delete a run that has a figure which is no longer there: MLflow cannot take it off the run."""
    with open_client(uri) as client:
        where = experiment_id(client, uri, experiment)
        for run in client.search_runs([where], f"tags.`{DIGEST}` = '{digest}'"):
            if run.data.metrics.keys() - figures.keys():
                client.delete_run(run.info.run_id)


def _present(values: Mapping[str, float | None]) -> dict[str, float]:
    """Missing figures stay away; they are never 0."""
    return {k: float(v) for k, v in values.items() if v is not None and not math.isnan(v)}
