"""What the MLflow store lacks of a finished study, rebuilt from the study's outs.

A stage that DVC restores from its cache runs no command, and so tells MLflow nothing. The losses of
each step and the times are in no out: a run that was rebuilt is without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xlgap import layout
from xlgap.cell import Cell
from xlgap.formats import dir_digest, file_digest
from xlgap.stages import untold
from xlgap.stages.identity import run_digest, run_name, run_tags
from xlgap.stages.study import Study, predictions
from xlgap.tracking.base import CONTENT, RESTORED, SUPERSEDED, summary_digest
from xlgap.tracking.look import tracked
from xlgap.tracking.uri import store_uri


@dataclass(frozen=True)
class _Run:
    """A run that the store should hold, and what it lacks of it.

    Attributes:
        cell, seed, digest: which run.
        whole: it has params and scores.
        current: its scores are those of the outs, and no other run has taken its place.
    """

    cell: Cell
    seed: int
    digest: str
    whole: bool
    current: bool


def restore(study: Study) -> int:
    """Rebuild the runs of cells, models and the study that the store lacks; their number.

    A run that another one of its cell had superseded, and whose outs are the current ones again, is
    made the current one; figures that are not those of the outs are written again.

    Args:
        study: of the current directory; complete.

    Raises:
        ConfigError, XlgapError: the store does not take it.
    """
    uri = store_uri(study.root)
    untold.tell(uri)
    there = tracked(uri, study.experiment)
    runs = [run for run in _runs(study, there) if not (run.whole and run.current)]
    holds = f"{CONTENT}={dir_digest(layout.ANALYSIS)}"
    summary = {digest for digest in _summary(study) if holds not in there.get(digest, ())}
    if runs:
        _restore_cells(study, runs)
    if summary:
        from xlgap.analysis.result import read_analysis
        from xlgap.stages.analyse import track_study

        track_study(study, read_analysis(layout.ANALYSIS), tags={RESTORED: "true"})
    elif runs:
        from xlgap.tracking.store import write_back

        write_back(uri)
    return sum(not run.whole for run in runs) + len(summary)


def _runs(study: Study, there: dict[str, set[str]]) -> list[_Run]:
    """The run of each cell and seed; one is whole that has params, from finetune, and mean scores."""
    found = []
    scored = {name: file_digest(layout.scores(name)) for name in study.params.tasks}
    for cell in study.grid.cells:
        trained = study.trained(cell)
        wanted = {"train_digest", f"{cell.task.metrics[0]}_mean"}
        holds = f"{CONTENT}={scored[cell.task.name]}"
        for seed in study.params.study.seeds:
            digest = run_digest(study, cell, seed, trained=trained[seed]["digest"])
            names = there.get(digest, set())
            current = holds in names and SUPERSEDED not in names
            found.append(_Run(cell, seed, digest, whole=wanted <= names, current=current))
    return found


def _summary(study: Study) -> set[str]:
    """Digests of the study's own run and of its models' runs."""
    name, models = study.params.study.name, {cell.model for cell in study.grid.cells}
    return {summary_digest(name), *(summary_digest(name, model) for model in models)}


def _restore_cells(study: Study, runs: Sequence[_Run]) -> None:
    from xlgap.analysis.tables import read_scores
    from xlgap.stages.describe import describe, score_metrics
    from xlgap.stages.lineage import describe_files, lock_entries
    from xlgap.stages.track import open_tracker

    tasks = dict.fromkeys(run.cell.task.name for run in runs)
    scores = {task: read_scores(layout.scores(task)) for task in tasks}
    entries = lock_entries()
    for lacking in runs:
        cell, seed = lacking.cell, lacking.seed
        with open_tracker(
            study,
            name=run_name(cell, seed),
            digest=lacking.digest,
            kind="cell",
            tags=run_tags(cell),
            origin=None if lacking.whole else "restored",
        ) as run:
            facts = study.trained(cell)[seed]
            describe_files(run, study, cell, facts, entries)
            if not lacking.whole:
                describe(run, study, cell, facts, predictions=predictions(cell))
            mine = (cell.model, cell.arm.name, seed)
            found = [s for s in scores[cell.task.name] if (s.model, s.arm, s.seed) == mine]
            run.metrics(score_metrics(cell, found))
            run.tags({CONTENT: file_digest(layout.scores(cell.task.name))})
