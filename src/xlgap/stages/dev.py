"""What is computed on dev rows while a phase trains, and whether it chooses the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Literal

from xlgap.data.sources import has_dev
from xlgap.errors import TrainingError
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.predict import Predictor, predict
from xlgap.evaluation.share import Share
from xlgap.models.network import Network
from xlgap.models.tokenizer import Tokenizer
from xlgap.regimes.base import Phase
from xlgap.stages.recipe import phase_recipe, predictor
from xlgap.stages.study import Study
from xlgap.tasks.base import Row, Task


def dev_scores(
    study: Study, model: str, tokenizer: Tokenizer, phase: Phase, share: Share
) -> tuple[Callable[[Network], float] | None, Literal["dev", "last"]]:
    """What is computed on dev rows during a phase, and whether it chooses the checkpoint.

    Of a mixture it is the mean over the tasks whose recipes choose by dev rows; over all that have dev
    rows where none does: then it is computed once, at the end. Text has no part in it.
    """
    params = study.params
    by_dev = {
        name: phase_recipe(phase, study.task(name), params, model).select == "dev"
        for name in phase.tasks
        if phase.selects and has_dev(study.task(phase.dev_of(name)), params.study.source)
    }
    chosen = [name for name, chooses in by_dev.items() if chooses] or list(by_dev)
    scorers = []
    for name in chosen:
        task = study.task(phase.dev_of(name))
        dev = study.rows(task.name, "dev", phase.select_language)
        how = predictor(task, params, tokenizer, 1, share=share)
        scorers.append((name, dev_scorer(task, dev, phase.select_language, how)))

    def score(network: Network) -> float:
        return fmean(of_task(network.reading(name)) for name, of_task in scorers)

    return (score if scorers else None), ("dev" if any(by_dev.values()) else "last")


def dev_scorer(
    task: Task, dev: Sequence[Row], language: str, how: Predictor
) -> Callable[[Network], float]:
    """The task's primary metric on its dev rows, as a function of the network."""
    if not dev:
        raise TrainingError(f"task '{task.name}' has no dev row in '{language}' to select by.")
    metric = get_metric(task.metrics[0], task)

    def score(network: Network) -> float:
        return metric.score(task, dev, predict(network, task.kind, dev, how), language)

    return score
