"""From a task and the study's parameters to the numbers that it is trained and predicted with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from xlgap import layout
from xlgap.cell import max_length
from xlgap.config import Params, ScratchModel
from xlgap.data.sources import has_dev
from xlgap.evaluation.predict import Predictor
from xlgap.formats import digest, file_digest
from xlgap.models.encode import Window
from xlgap.models.tokenizer import Tokenizer
from xlgap.regimes.base import Phase
from xlgap.stages.study import Study
from xlgap.tasks import get_task
from xlgap.tasks.base import Rank, Task
from xlgap.training.engine import device, world_size
from xlgap.training.zero import ZeroPlan


@dataclass(frozen=True)
class Recipe:
    """The numbers that a task is trained with: its own, unless ``params.yaml`` says otherwise."""

    learning_rate: float
    epochs: float
    batch_rows: int
    max_length: int
    stride: int
    warmup_steps: int
    weight_decay: float
    select: str
    dropout: float | None


def recipe(task: Task, params: Params, model: str) -> Recipe:
    """The task's recipe with the study's numbers in their place, for one model.

    Raises:
        KeyError: the study has no such model.
    """
    own = asdict(task.recipe)
    given = params.task(task.name)
    own["dropout"] = given.dropout
    for key in ("learning_rate", "epochs", "batch_rows", "max_length"):
        value = getattr(given, key)
        own[key] = own[key] if value is None else value
    own["learning_rate"] *= params.train.learning_rate_scale
    spec = params.models[model]
    if isinstance(spec, ScratchModel):
        own["learning_rate"] *= spec.finetune_scale
    return Recipe(**own)


def window(task: Task, params: Params) -> Window:
    """Limits of one sequence of the task."""
    length = max_length(task, params)
    return Window(max_length=length, stride=min(task.recipe.stride, length // 3))


def predictor(task: Task, params: Params, tokenizer: Tokenizer, layers: int) -> Predictor:
    """How the task is predicted in this study, with a model of ``layers`` blocks."""
    evaluation = params.evaluation
    return Predictor(
        tokenizer=tokenizer,
        window=window(task, params),
        token_budget=evaluation.batch_tokens,
        layer=max(1, math.ceil(evaluation.retrieval_layer * layers)),
        pooling=evaluation.pooling,
        centred=evaluation.centred,
    )


def train_digest(study: Study, model: str, start: str, phases: Sequence[Phase], seed: int) -> str:
    """Digest of everything that the weights after ``phases`` depend on."""
    if not phases:
        return start
    params = study.params
    described = [
        {
            "tasks": [
                {
                    "name": name,
                    "version": params.task(name).version,
                    "recipe": asdict(recipe(get_task(name), params, model)),
                    "train": file_digest(layout.rows(name, "train", phase.language)),
                    "dev": file_digest(layout.rows(name, "dev", phase.select_language))
                    if has_dev(get_task(name), params.study.source)
                    else None,
                }
                for name in phase.tasks
            ],
            "language": phase.language,
            **({"keeps_head": True} if phase.keeps_head else {}),
            **_spread(phase, params),
        }
        for phase in phases
    ]
    train = {k: getattr(params.train, k) for k in ("version", "precision", "evaluations")}
    return digest({"start": start, "phases": described, "seed": seed, "train": train})


def _spread(phase: Phase, params: Params) -> dict[str, Any]:
    """How a phase is spread over micro-batches, where its loss is over what is in one: ranking."""
    if not any(isinstance(get_task(name).kind, Rank) for name in phase.tasks):
        return {}
    return {"micro_batch_tokens": params.train.micro_batch_tokens, "world_size": world_size()}


def zero_plan(params: Params, numbers: Recipe) -> ZeroPlan:
    """The engine's plan of a phase."""
    train = params.train
    return ZeroPlan(
        stage=train.zero_stage,
        precision=train.precision,
        offload_optimizer=train.offload_optimizer,
        offload_parameters=train.offload_parameters,
        device=device(),
        learning_rate=numbers.learning_rate,
        weight_decay=numbers.weight_decay,
    )
