"""From a task and the study's parameters to the numbers that it is trained and predicted with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from xlgap import layout
from xlgap.cell import max_length
from xlgap.config import Params, finetune_factor
from xlgap.data.sources import has_dev
from xlgap.errors import ConfigError
from xlgap.evaluation.predict import Predictor
from xlgap.evaluation.share import ALONE, Share
from xlgap.formats import digest, dir_digest, file_digest
from xlgap.models.encode import Window
from xlgap.models.network import MASKED_HEAD
from xlgap.models.tokenizer import Tokenizer
from xlgap.regimes.base import SHOT_EPOCHS, Phase
from xlgap.stages.study import Study, training_path
from xlgap.tasks import get_task
from xlgap.tasks.base import Rank, Task
from xlgap.training.engine import world_size


@dataclass(frozen=True)
class Recipe:
    """The numbers that a task is trained with: its own, unless ``params.yaml`` says otherwise.

    ``whole``: whether the number of steps is that of the task's own recipe, which its warm-up is for:
    the study gives it no rows, epochs or batches.
    """

    learning_rate: float
    epochs: float
    batch_rows: int
    max_length: int
    stride: int
    warmup_steps: int
    weight_decay: float
    micro_rows: int | None
    select: str
    dropout: float | None
    whole: bool

    def warmup_of(self, steps: int) -> int:
        """Steps until the peak rate, of a training of ``steps``: a tenth at most where it is cut."""
        return self.warmup_steps if self.whole else min(self.warmup_steps, steps // 10)


def recipe(task: Task, params: Params, model: str) -> Recipe:
    """The task's recipe with the study's numbers in their place, for one model.

    Raises:
        KeyError: the study has no such model.
    """
    own = asdict(task.recipe)
    given = params.task(task.name)
    own["dropout"] = given.dropout
    own["whole"] = (given.train_rows, given.epochs, given.batch_rows) == (None, None, None)
    for key in ("learning_rate", "epochs", "batch_rows", "max_length", "micro_rows"):
        value = getattr(given, key)
        own[key] = own[key] if value is None else value
    own["learning_rate"] *= params.train.learning_rate_scale
    own["learning_rate"] *= finetune_factor(params.models[model], task.name)
    return Recipe(**own)


def phase_recipe(phase: Phase, task: Task, params: Params, model: str) -> Recipe:
    """The numbers that ``task`` is trained with in ``phase``; few shots have some of their own."""
    numbers = recipe(task, params, model)
    if phase.shots is None:
        return numbers
    rows = min(numbers.batch_rows, phase.shots)
    return replace(numbers, epochs=SHOT_EPOCHS, batch_rows=rows, select="last", whole=False)


def window(task: Task, params: Params) -> Window:
    """Limits of one sequence of the task; in a short one the stride is a third of it at most.

    A third is what the official 128 are of 384, so that windows overlap at any length: beside a
    question, which takes half of one at most, there is room for more than a third.
    """
    length = max_length(task, params)
    return Window(max_length=length, stride=min(task.recipe.stride, length // 3))


def retrieval_block(params: Params, model: str, layers: int) -> int:
    """The block, from 1, that is pooled for retrieval: the model's own, or the study's share of all.

    Args:
        params: of the study.
        model: name of the model.
        layers: its blocks.

    Raises:
        ConfigError: the model's own is beyond its last block.
    """
    block = params.models[model].retrieval_layer
    if block is None:
        return max(1, math.ceil(params.evaluation.retrieval_layer * layers))
    if block > layers:
        raise ConfigError(
            f"key 'models.{model}.retrieval_layer': must not pass the model's blocks, {layers}; "
            f"got {block}."
        )
    return block


def predictor(
    task: Task, params: Params, tokenizer: Tokenizer, block: int, *, share: Share = ALONE
) -> Predictor:
    """How the task is predicted in this study; retrieval, with what :func:`retrieval_block` says."""
    evaluation = params.evaluation
    return Predictor(
        tokenizer=tokenizer,
        window=window(task, params),
        token_budget=evaluation.batch_tokens,
        layer=block,
        pooling=evaluation.pooling,
        centred=evaluation.centred,
        share=share,
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
                    "recipe": _told(phase_recipe(phase, get_task(name), params, model)),
                    "train": file_digest(training_path(name, phase)),
                    "dev": file_digest(layout.rows(phase.dev_of(name), "dev", phase.select_language))
                    if phase.selects and has_dev(get_task(phase.dev_of(name)), params.study.source)
                    else None,
                    **study.open_tags(name),
                }
                for name in phase.tasks
            ],
            "language": phase.language,
            **({"keeps_head": True} if phase.keeps_head else {}),
            **({} if phase.shots is None else {"shots": phase.shots}),
            **_selected(phase, params),
            **_mixed(phase, params, model),
            **_spread(phase, params, model),
        }
        for phase in phases
    ]
    train = {k: getattr(params.train, k) for k in ("version", "precision", "evaluations")}
    lora = params.models[model].lora
    adapted = {} if lora is None else {"lora": lora.told}
    return digest({"start": start, "phases": described, "seed": seed, "train": train, **adapted})


def _told(numbers: Recipe) -> dict[str, Any]:
    """The numbers that weights depend on in every task; for the others see :func:`_spread`."""
    found = asdict(numbers)
    del found["micro_rows"]
    if not (numbers.whole and numbers.warmup_steps):  # without a warm-up it changes nothing
        del found["whole"]
    return found


def _selected(phase: Phase, params: Params) -> dict[str, Any]:
    """How the dev rows are read that choose a phase's checkpoint, where they are another task's."""
    if phase.select_task is None:
        return {}
    task = get_task(phase.select_task)
    entry = {"name": task.name, "version": params.task(task.name).version}
    return {"selected_on": {**entry, "max_length": max_length(task, params)}}


def _mixed(phase: Phase, params: Params, model: str) -> dict[str, Any]:
    """What a phase mixes, and how much training it is where recipes do not say it."""
    found = {
        name: asdict(value)
        for name in ("sampling", "budget")
        if (value := getattr(phase, name)) is not None
    }
    if phase.mlm_rate is None:
        return found
    text = {
        "rate": phase.mlm_rate,
        "corpus": dir_digest(layout.CORPUS),
        "languages": params.languages.pretraining,
        "sequence_length": params.pretrain.sequence_length,
        "mask_fraction": params.pretrain.mask_fraction,
    }
    if (head := layout.pretrained(model) / MASKED_HEAD).is_file():
        text["head"] = file_digest(head)
    return {**found, "mlm": text}


def _spread(phase: Phase, params: Params, model: str) -> dict[str, Any]:
    """How a phase is spread over micro-batches, where its loss is over what is in one: ranking."""
    ranking = [name for name in phase.tasks if isinstance(get_task(name).kind, Rank)]
    if not ranking:
        return {}
    rows = {name: recipe(get_task(name), params, model).micro_rows for name in ranking}
    return {
        "micro_batch_tokens": params.train.micro_batch_tokens,
        "world_size": world_size(),
        **({"micro_rows": rows} if any(rows.values()) else {}),
    }
