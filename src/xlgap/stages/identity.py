"""Which MLflow run a cell and seed has.

Imports no torch: ``xlgap run`` asks at its end which of these runs the store holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xlgap.cell import Cell, max_length
from xlgap.formats import digest
from xlgap.stages.study import Study
from xlgap.tasks.base import Mine, Rank, Retrieve


def run_name(cell: Cell, seed: int) -> str:
    """What the UI shows; the same for all states of one cell and seed."""
    return f"{cell.key} seed {seed}"


def run_tags(cell: Cell) -> dict[str, str]:
    """What a cell's runs are found by."""
    return {"xlgap.model": cell.model, "xlgap.arm": cell.arm.name, "xlgap.task": cell.task.name}


def run_digest(study: Study, cell: Cell, seed: int, *, trained: str) -> str:
    """Digest that names the cell's run of one seed: its train digest and what it is evaluated on.

    Raises:
        ResultError: the task was not prepared.
    """
    task, splits = cell.task.name, study.manifest(cell.task.name)["splits"]
    tests, languages = splits["test"], cell.eval_languages(study.params)
    named = study.params.evaluation.sweep_languages if isinstance(cell.task.kind, Retrieve) else ()
    swept = [code for code in named if code in cell.task.eval_languages]
    tuned = languages if isinstance(cell.task.kind, Mine) else ()
    return digest(
        {
            "train": trained,
            "cell": cell.key,
            "seed": seed,
            "study": study.experiment,
            "version": study.params.task(task).version,
            "test": {code: tests[code]["sha256"] for code in (*languages, *swept)},
            "evaluation": evaluated(study, cell),
            **_pool(splits, cell),
            **({"dev": {code: splits["dev"][code]["sha256"] for code in tuned}} if tuned else {}),
        }
    )


def _pool(splits: Mapping[str, Any], cell: Cell) -> dict[str, Any]:
    if not isinstance(cell.task.kind, Rank):
        return {}
    return {"candidates": {c: f["sha256"] for c, f in splits["candidates"].items()}}


def evaluated(study: Study, cell: Cell) -> dict[str, Any]:
    """The settings that a cell's predictions depend on beside weights and rows, as params of its run.

    How sentences are batched is not among them: it changes predictions by rounding alone.
    """
    task, params = cell.task, study.params
    found: dict[str, Any] = {"evaluation.max_length": max_length(task, params)}
    if isinstance(task.kind, Retrieve | Mine):
        names = ("retrieval_layer", "pooling", "centred")
        found |= {f"evaluation.{name}": getattr(params.evaluation, name) for name in names}
        block = params.models[cell.model].retrieval_layer
        if block is not None:  # in place of the share
            del found["evaluation.retrieval_layer"]
            found["evaluation.retrieval_block"] = block
    if isinstance(task.kind, Retrieve) and params.evaluation.sweep_languages:
        found["evaluation.sweep_languages"] = " ".join(params.evaluation.sweep_languages)
    return found
