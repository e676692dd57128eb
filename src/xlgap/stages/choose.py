"""Stage: of the arms that a best-of arm chooses from, the one that is best on English dev.

A best-of cell is no training: it has the predictions of the chosen cell, and says which that is and by
which dev scores. The score of a cell is that of the checkpoint that was kept, on the dev rows that the
last phase evaluates on: English ones of the target task, or of its proxy. Test rows are not read.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from xlgap import layout
from xlgap.cell import Cell, require_complete
from xlgap.errors import ResultError, unknown
from xlgap.formats import atomic_dir, read_json, write_json
from xlgap.stages.describe import describe
from xlgap.stages.identity import run_digest, run_name, run_tags
from xlgap.stages.study import Study, predictions
from xlgap.stages.track import open_tracker

CELL = {
    "seeds": [{"seed": int, "digest": str, "phases": [{"dev": [list], "best_step": int}]}],
    "trained_on": str,
}
"""What must stand in the ``cell.json`` of a choice."""


def choose(study: Study, task: str) -> None:
    """``xlgap choose TASK``: predictions and ``cell.json`` of the task's best-of cells, of each model.

    Raises:
        UnknownNameError: no best-of cell of the grid is of that task.
        ResultError: a choice has no predictions, or no dev score.
    """
    cells = [cell for cell in study.grid.of_task(task) if cell.chosen]
    if not cells:
        known = dict.fromkeys(cell.task.name for cell in study.grid.cells if cell.chosen)
        raise unknown("task with a best-of cell", task, known)
    choices = {cell.key: study.grid.choices(cell) for cell in cells}
    of_all = {choice.key: choice for found in choices.values() for choice in found}
    require_complete(
        [key for key, choice in of_all.items() if not (predictions(choice) / "cell.json").is_file()]
    )
    with atomic_dir(layout.CHOSEN / task) as folder:
        for cell in cells:
            out = folder / predictions(cell).name
            facts = _chosen(study, choices[cell.key], cell)
            shutil.copytree(predictions(study.grid.cell(facts["chosen_cell"])), out)
            write_json(out / "cell.json", facts)
            _track(study, cell, facts, out)


def _chosen(study: Study, choices: tuple[Cell, ...], cell: Cell) -> dict[str, Any]:
    """The ``cell.json`` of a best-of cell: that of the best choice, and by which figures it is."""
    facts = {c.arm.name: read_json(predictions(c) / "cell.json", CELL) for c in choices}
    dev = {c.arm.name: dev_scores(facts[c.arm.name], where=c.key) for c in choices}
    best = max(dev, key=lambda name: fmean(dev[name].values()))  # the first of equal ones
    last = facts[best]["seeds"][0]["phases"][-1]
    return {
        **facts[best],
        "arm": cell.arm.name,
        "regime": cell.arm.spec.regime,
        "chosen": best,
        "chosen_cell": next(c.key for c in choices if c.arm.name == best),
        "chosen_on": f"{last.get('select_task') or last['tasks'][0]}/dev/{last['select_language']}",
        "dev": {
            name: {
                "mean": fmean(found.values()),
                "seeds": {str(seed): score for seed, score in found.items()},
            }
            for name, found in dev.items()
        },
        "seeds": [{**seed, "chosen": best} for seed in facts[best]["seeds"]],
    }


def dev_scores(facts: Mapping[str, Any], *, where: str) -> dict[int, float]:
    """By seed, the dev score of the checkpoint that a cell kept.

    Args:
        facts: the ``cell.json`` of the cell.
        where: its key.

    Raises:
        ResultError: its last phase was not evaluated on dev rows.
    """
    found = {}
    for seed in facts["seeds"]:
        last = seed["phases"][-1]
        score = dict(map(tuple, last["dev"])).get(last["best_step"])
        if score is None:
            raise ResultError(
                f"{where}, seed {seed['seed']}: no dev score of the checkpoint that was kept, by which "
                f"a best-of arm chooses; run 'dvc repro -f finetune@{where}', or remove the arm."
            )
        found[int(seed["seed"])] = float(score)
    return found


def _track(study: Study, cell: Cell, facts: Mapping[str, Any], folder: Path) -> None:
    """A run a seed, as of a cell that is trained."""
    for seed in facts["seeds"]:
        number = seed["seed"]
        key = run_digest(study, cell, number, trained=seed["digest"])
        name = run_name(cell, number)
        with open_tracker(study, name=name, digest=key, kind="cell", tags=run_tags(cell)) as run:
            describe(run, study, cell, seed, predictions=folder)
