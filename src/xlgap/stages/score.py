"""Stage: predictions and gold rows to scores, per-item statistics, and the metrics of each run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from xlgap import layout
from xlgap.analysis.tables import write_scores
from xlgap.cell import Cell, require_complete
from xlgap.config import HubModel
from xlgap.errors import unknown
from xlgap.evaluation.chance import chance, majority, per_word
from xlgap.evaluation.jackknife import standard_error
from xlgap.evaluation.metrics import Floats, get_metric
from xlgap.formats import atomic_path, file_digest, read_jsonl
from xlgap.models.catalogue import find_checkpoint
from xlgap.records import Score
from xlgap.stages.describe import score_metrics
from xlgap.stages.identity import run_digest, run_name
from xlgap.stages.learned import nothing_learned
from xlgap.stages.lineage import describe_files, lock_entries
from xlgap.stages.study import Study, predictions
from xlgap.stages.track import open_tracker
from xlgap.tasks.base import Tag
from xlgap.tracking.base import CONTENT

MAX_COLUMNS = 3  # sufficient statistics of the widest metric


def score(study: Study, task: str, *, without: Collection[str] = ()) -> None:
    """``xlgap score TASK``: ``results/scores/TASK.csv`` and ``results/items/TASK.parquet``.

    Iterates the grid, never a folder.

    Args:
        study: the study.
        task: a target task.
        without: keys of cells to leave out, for a partial report; nothing is tracked then.

    Raises:
        UnknownNameError: the grid has no cell of that task.
        ResultError: a cell of the grid has no predictions.
    """
    cells = [cell for cell in study.grid.of_task(task) if cell.key not in without]
    if not cells:
        raise unknown("target task", task, study.params.tasks)
    require_complete([cell.key for cell in cells if not (predictions(cell) / "cell.json").is_file()])
    scores: list[Score] = []
    items: list[pd.DataFrame] = []
    runs: list[tuple[Cell, dict[str, Any], list[Score]]] = []
    for cell in cells:
        facts = study.trained(cell)
        for seed in study.params.study.seeds:
            found, frames = _one_seed(study, cell, seed, facts[seed])
            scores += found
            items += frames
            runs.append((cell, facts[seed], found))
    write_scores(layout.scores(task), scores)
    if not without:
        entries = lock_entries()
        for run in runs:
            _track(study, *run, entries)
    with atomic_path(layout.items(task)) as temporary:
        pd.concat(items, ignore_index=True).to_parquet(temporary, index=False)


def _one_seed(
    study: Study, cell: Cell, seed: int, facts: dict[str, Any]
) -> tuple[list[Score], list[pd.DataFrame]]:
    """Scores in every language and metric, and the statistics of every item."""
    scores, frames, size = [], [], facts["encoder"]
    nothing = nothing_learned([facts.get("warm", {}), *facts["phases"]])
    for language in cell.eval_languages(study.params):
        gold = study.rows(cell.task.name, "test", language)
        given = read_jsonl(predictions(cell) / f"seed{seed}" / f"{language}.jsonl")
        train = _tagged_words(cell, language)
        for name in cell.task.metrics:
            metric = get_metric(name, cell.task)
            stats = metric.stats(cell.task, gold, given, language)
            often = majority(metric, cell.task, gold)
            of_words = per_word(metric, cell.task, gold, train)
            error = standard_error(metric, stats, [row["group"] for row in gold])
            scores.append(
                Score(
                    source="measured",
                    model=cell.model,
                    family=family(study, cell.model),
                    params_total=size["total"],
                    params_nonembedding=size["nonembedding"],
                    arm=cell.arm.name,
                    regime=cell.arm.spec.regime,
                    train_language=cell.arm.train_language,
                    task=cell.task.name,
                    language=language,
                    seed=seed,
                    metric=name,
                    value=_rounded(float(metric.value(stats.sum(axis=0)))),
                    chance=_rounded(chance(metric, cell.task, gold, given, language)),
                    majority=None if often is None else _rounded(often),
                    per_word=None if of_words is None else _rounded(of_words),
                    stderr=None if error is None else _rounded(error),
                    n_items=metric.items(stats),
                    learned_nothing=" ".join(dict.fromkeys(of.task for of in nothing)),
                )
            )
            frames.append(_items(cell, language, seed, name, gold, stats))
    return scores, frames


def _tagged_words(cell: Cell, language: str) -> list[dict[str, Any]]:
    """A tagging task's training rows in ``language``; none where no arm trains on them."""
    path = layout.rows(cell.task.name, "train", language)
    return read_jsonl(path) if isinstance(cell.task.kind, Tag) and path.is_file() else []


def _rounded(value: float) -> float:
    """Ten digits: the last bits of a sum differ between machines, and outs must not."""
    return round(value, 8)


def family(study: Study, model: str) -> str:
    """The model family: the catalogue's, or the ladder's."""
    spec = study.params.models[model]
    if not isinstance(spec, HubModel):
        return "ladder" if spec.pretrained else "ladder, untrained"
    known = find_checkpoint(spec.hub)
    return known.family if known else spec.hub


def _items(
    cell: Cell,
    language: str,
    seed: int,
    metric: str,
    gold: list[dict[str, Any]],
    stats: Floats,
) -> pd.DataFrame:
    columns = {
        f"s{k}": stats[:, k] if k < stats.shape[1] else np.zeros(len(stats)) for k in range(MAX_COLUMNS)
    }
    return pd.DataFrame(
        {
            "model": cell.model,
            "arm": cell.arm.name,
            "language": language,
            "seed": seed,
            "metric": metric,
            "item": [row["id"] for row in gold],
            "group": [str(row["group"]) for row in gold],
            **columns,
        }
    )


def _track(
    study: Study, cell: Cell, facts: dict[str, Any], scores: list[Score], entries: Mapping[str, Any]
) -> None:
    """Add scores, and what DVC knows of its files, to the run that trained the cell.

    Args:
        study: of the cell.
        cell: what was scored.
        facts: the seed's entry of ``cell.json``.
        scores: of this seed.
        entries: those of ``dvc.lock``; the cell's own is there, since its predictions are.
    """
    seed = facts["seed"]
    key = run_digest(study, cell, seed, trained=facts["digest"])
    name = run_name(cell, seed)
    with open_tracker(study, name=name, digest=key, kind="cell", origin=None) as run:
        run.metrics(score_metrics(cell, scores))
        run.tags({CONTENT: file_digest(layout.scores(cell.task.name))})
        describe_files(run, study, cell, facts, entries)
