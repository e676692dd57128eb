"""What the engine meets in a step of each task of a phase, and what a study leaves it to choose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from xlgap.cell import max_length
from xlgap.config import Params
from xlgap.planning.figures import ModelFigures
from xlgap.planning.lengths import sequences_of
from xlgap.planning.setting import HeadKind
from xlgap.planning.ways import Asked, Load
from xlgap.planning.work import task_length, train_flops
from xlgap.regimes.base import Phase
from xlgap.tasks import get_task
from xlgap.tasks.base import Choose, Kind, Mine, Rank, Retrieve, Span, Tag


def asked(params: Params, model: str, *, adapted: bool = True) -> Asked:
    """What ``params.yaml`` gives for a model, and what it leaves to the search.

    Args:
        params: of the study.
        model: its name.
        adapted: whether its adapters are trained, if it has any; pretraining has none, and is not
            split.
    """
    train = params.train
    lora = params.models[model].lora if adapted else None
    checkpointing = train.activation_checkpointing
    return Asked(
        precision=train.precision,
        zero_stage=train.zero_stage,
        offload_optimizer=train.offload_optimizer,
        offload_parameters=train.offload_parameters,
        activation_checkpointing="auto" if checkpointing == "auto" else checkpointing == "on",
        micro_tokens=train.micro_batch_tokens,
        halve=train.chosen,
        lora=None if lora is None else lora.rank,
        modules=None if lora is None else lora.modules,
        base_bits=None if lora is None else lora.bits,
        split=train.split if adapted else "off",
        predicting_tokens=params.evaluation.batch_tokens,
        predicting_states=any(
            isinstance(get_task(name).kind, Retrieve | Mine) for name in params.tasks
        ),
    )


def phase_loads(phase: Phase, params: Params, figures: ModelFigures) -> Iterator[Load]:
    """Of each of its tasks, and of the text that is mixed in."""
    source = params.study.source
    have = [n for n in phase.tasks if phase.selects and get_task(phase.dev_of(n)).has_dev(source)]
    by_dev = [name for name in have if get_task(name).recipe.select == "dev"]
    for name in phase.tasks:
        yield task_load(name, params, figures, shots=phase.shots, keep_best=bool(by_dev))
    if phase.mlm_rate is not None:
        rows = params.task(phase.tasks[0]).batch_rows or get_task(phase.tasks[0]).recipe.batch_rows
        yield replace(_text_load(params, figures, rows=rows), keep_best=bool(by_dev))


def task_load(
    name: str,
    params: Params,
    figures: ModelFigures,
    *,
    shots: int | None = None,
    keep_best: bool = False,
) -> Load:
    """A step of one task by its recipe; ``keep_best``: the phase chooses weights by dev score."""
    task, entry = get_task(name), params.task(name)
    rows = entry.batch_rows or task.recipe.batch_rows
    rows = rows if shots is None else min(rows, shots)
    length, sequences = task_length(name, params), sequences_of(name, "train")
    return Load(
        task=name,
        head=head_of(task.kind),
        outputs=outputs_of(task.kind),
        rows=rows,
        sequences=sequences,
        length=length,
        longest=max_length(task, params),
        dropout=entry.dropout,
        keep_best=keep_best,
        fixed=isinstance(task.kind, Rank),
        flops=train_flops(figures, tokens=rows * sequences * length, length=length),
    )


def pretrain_load(params: Params, figures: ModelFigures) -> Load:
    """A step of masked-language-model pretraining."""
    length = params.pretrain.sequence_length
    return _text_load(params, figures, rows=max(1, params.pretrain.batch_tokens // length))


def _text_load(params: Params, figures: ModelFigures, *, rows: int) -> Load:
    length = params.pretrain.sequence_length
    return Load(
        task="mlm",
        head="mlm",
        outputs=0,
        rows=rows,
        sequences=1,
        length=length,
        longest=length,
        supervised=params.pretrain.mask_fraction,
        flops=train_flops(figures, tokens=rows * length, length=length),
    )


def head_of(kind: Kind) -> HeadKind:
    """Which head a kind of task has; retrieval and mining, which train none, count as ranking."""
    match kind:
        case Tag():
            return "tag"
        case Span():
            return "span"
        case Choose():
            return "choose"
        case Rank() | Retrieve():
            return "rank"
        case _:
            return "classify"


def outputs_of(kind: Kind) -> int:
    """Classes or tags of a kind's head."""
    return len(getattr(kind, "tags", ())) or len(getattr(kind, "labels", ())) or 2
