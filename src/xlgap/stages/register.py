"""The best model of each regime and task, by dev scores, for MLflow's registry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from xlgap import layout
from xlgap.analysis.tables import read_scores
from xlgap.cell import Cell
from xlgap.errors import ResultError
from xlgap.formats import read_json
from xlgap.records import Score
from xlgap.stages.choose import dev_scores
from xlgap.stages.describe import score_metrics
from xlgap.stages.identity import run_digest
from xlgap.stages.study import Study, predictions
from xlgap.tracking.registry import NO_WEIGHTS, Candidate


@dataclass(frozen=True)
class _Choice:
    """A cell with the dev score by which it competes; the mean over its seeds."""

    cell: Cell
    facts: dict[str, Any]
    dev: dict[int, float]

    @property
    def score(self) -> float:
        return fmean(self.dev.values())


def candidates(study: Study, *, weights: bool) -> list[Candidate]:
    """For each regime and task the best model; of its seeds the one that is best on dev.

    Cells compete with those that were evaluated on the same dev rows: English ones of the target task
    or its proxy, and of a regime that trains on another language the rows of that language. Best-of
    cells are copies, and cells without fine-tuning have no dev score: neither competes. Test rows are
    not read for the choice; their scores become tags.

    Args:
        study: of the current directory, complete.
        weights: whether to keep weights in the registry.

    Raises:
        ResultError: nothing was trained, or a cell is not done.
    """
    groups: dict[tuple[str, str, str], list[_Choice]] = defaultdict(list)
    for cell in study.grid.cells:
        if cell.chosen or not cell.phases:
            continue
        study.trained(cell)
        facts = read_json(predictions(cell) / "cell.json")
        last = facts["seeds"][0]["phases"][-1]
        if not last.get("dev"):
            continue
        group = (cell.arm.spec.regime, cell.task.name, str(last["select_language"]))
        groups[group].append(_Choice(cell, facts, dev_scores(facts, where=cell.key)))
    if not groups:
        raise ResultError("no cell of the study has a dev score, by which a best model is chosen.")
    scores = {task: read_scores(layout.scores(task)) for task in {group[1] for group in groups}}
    return [
        _candidate(study, group, found, scores[group[1]], weights=weights)
        for group, found in sorted(groups.items())
    ]


def _candidate(
    study: Study,
    group: tuple[str, str, str],
    found: Sequence[_Choice],
    scores: Sequence[Score],
    *,
    weights: bool,
) -> Candidate:
    regime, task, language = group
    best = max(found, key=lambda choice: choice.score)  # the first of equal ones
    cell, seed = best.cell, max(best.dev, key=lambda seed: best.dev[seed])
    facts = study.trained(cell)[seed]
    folder: Path | None = layout.weights(facts["digest"])
    if not weights or folder is None or not folder.is_dir():
        folder = None
    mine = [s for s in scores if (s.model, s.arm, s.seed) == (cell.model, cell.arm.name, seed)]
    on = f"{facts['phases'][-1].get('select_task') or facts['phases'][-1]['tasks'][0]}/dev/{language}"
    name = f"xlgap.{study.params.study.name}.{regime}.{task}"
    return Candidate(
        name=name if language == "en" else f"{name}.{language}",
        experiment=study.experiment,
        digest=run_digest(study, cell, seed, trained=facts["digest"]),
        weights=folder,
        about=f"The best model of regime {regime} on {task}, chosen by {on}.",
        tags={
            "model": cell.model,
            "arm": cell.arm.name,
            "regime": regime,
            "task": task,
            "seed": str(seed),
            "chosen_on": on,
            "chosen_among": " ".join(sorted(choice.cell.key for choice in found)),
            "dev": f"{best.dev[seed]:.4f}",
            "dev_mean_of_seeds": f"{best.score:.4f}",
            "params_total": str(facts["encoder"]["total"]),
            "params_nonembedding": str(facts["encoder"]["nonembedding"]),
            "train_digest": facts["digest"],
            "weights": NO_WEIGHTS if folder is None else "weights",
            **{f"test.{key}": f"{value:.4f}" for key, value in score_metrics(cell, mine).items()},
        },
    )
