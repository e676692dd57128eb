"""How the engine trains on this machine: what ``params.yaml`` gives, and the planner's choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from xlgap.cell import Cell
from xlgap.config import Params
from xlgap.errors import TrainingError
from xlgap.machine.here import this_machine
from xlgap.planning.figures import model_figures
from xlgap.planning.hardware import Hardware
from xlgap.planning.loads import asked, phase_loads, pretrain_load
from xlgap.planning.memory import best_copies, checkpoint_bytes
from xlgap.planning.plan import StagePlan
from xlgap.planning.planner import plan_cell
from xlgap.planning.remedies import advice
from xlgap.planning.search import choose, least_devices, splits_as_asked
from xlgap.planning.split import NOT_SCORED_AGAIN, fits_alone, may_split, predicts_from_host
from xlgap.planning.ways import Choice, Load
from xlgap.planning.work import prepared_manifests
from xlgap.regimes.base import Phase
from xlgap.stages.recipe import Recipe
from xlgap.stages.study import Study
from xlgap.train_params import TrainParams
from xlgap.training.engine import agreed_on, world_size
from xlgap.training.zero import Place, ZeroPlan


def phase_plan(
    phase: Phase, params: Params, model: str, numbers: Recipe, *, machine: Hardware | None = None
) -> tuple[ZeroPlan, int]:
    """The engine's plan of a phase, and the sub-words of a micro-batch.

    Args:
        phase: of a training.
        params: of the study.
        model: its name.
        numbers: of its recipe.
        machine: to train on; this one when ``None``.

    Raises:
        TrainingError: nothing fits this machine; or there is something to choose, and the model is not
            known well enough.
    """
    loads = tuple(phase_loads(phase, params, model_figures(model, params)))
    optimizer = {"learning_rate": numbers.learning_rate, "weight_decay": numbers.weight_decay}
    split = is_split(params, model, machine=machine)
    there = machine or this_machine(world_size(), params.train.nvme_path)
    return _plan(loads, params, model, optimizer, there, split=split)


def is_split(params: Params, model: str, *, machine: Hardware | None = None) -> bool:
    """Whether no process holds the whole network of a model, in training or beside it.

    All ranks ask together.

    Args:
        params: of the study.
        model: its name.
        machine: to train on; this one when ``None``.
    """
    train, devices = params.train, world_size() if machine is None else machine.devices
    if not may_split(devices, asked=train.split, zero_stage=train.zero_stage):
        return False
    if train.split == "on":
        return True
    given = asked(params, model)
    shape = model_figures(model, params).shape
    if shape is None:
        return False
    found = splits_as_asked(shape, machine or this_machine(devices, train.nvme_path), given)
    return found if machine is not None else agreed_on(found)


def require_room(params: Params, model: str, *, machine: Hardware | None = None) -> None:
    """Check that one process can score a model's earlier tasks again.

    Raises:
        TrainingError: it cannot hold the network.
    """
    shape, train = model_figures(model, params).shape, params.train
    if shape is not None and not fits_alone(
        shape,
        machine or this_machine(1, train.nvme_path),
        asked=train.split,
        zero_stage=train.zero_stage,
        adapted=params.models[model].lora is not None,
    ):
        raise TrainingError(f"retention of model '{model}' {NOT_SCORED_AGAIN}.")


def predicting_plan(params: Params, model: str) -> ZeroPlan:
    """How a network that is split is held while it predicts: in fp32, on the device or the host."""
    shape, train = model_figures(model, params).shape, params.train
    place = train.offload_parameters
    on_host = place == "cpu"
    if shape is not None:
        on_host = agreed_on(
            predicts_from_host(shape, this_machine(world_size(), train.nvme_path), place)
        )
    return ZeroPlan(stage=3, offload_parameters=on_host, split=True, learning_rate=0.0)


def pretrain_plan(params: Params, model: str, **optimizer: float) -> tuple[ZeroPlan, int]:
    """That of pretraining of a model of the ladder; raises as :func:`phase_plan`.

    Args:
        params: of the study.
        model: its name.
        optimizer: numbers of AdamW, as :class:`ZeroPlan` has them.
    """
    load = pretrain_load(params, model_figures(model, params).whole)
    there = this_machine(world_size(), params.train.nvme_path)
    return _plan((load,), params, model, optimizer, there, adapted=False)


def cell_plan(study: Study, cell: Cell) -> StagePlan:
    """What is planned of a cell on this machine, before anything of it is known."""
    known = prepared_manifests(Path(), study.params)
    machine = this_machine(world_size(), study.params.train.nvme_path)
    return plan_cell(study.params, cell, hardware=machine, manifests=known)


def predictions(
    plan: StagePlan, facts: Mapping[str, Any], zero: ZeroPlan, *, on_dev: bool
) -> dict[str, float]:
    """Metrics that stand beside measured ones of the same run: bytes, and hours of one seed.

    Args:
        plan: of the cell.
        facts: of the run.
        zero: how it was trained.
        on_dev: whether its checkpoint is chosen by dev score.
    """
    copies = best_copies(on_dev=on_dev, zero_stage=zero.stage, devices=world_size(), split=zero.split)
    trained = facts["size"]["trainable"]
    kept = checkpoint_bytes(trained, zero.precision, zero.stage, best_copies=copies)
    found: dict[str, float] = {"checkpoint_predicted_bytes": kept}
    if plan.hours is not None:
        found["hours_predicted"] = plan.hours / plan.seeds
    if plan.memory is not None:
        found["memory_predicted_bytes"] = plan.memory.total
        found["offloaded_predicted_bytes"] = plan.memory.host
    return found


def engine_params(zero: ZeroPlan, token_budget: int) -> dict[str, Any]:
    """What the engine was told, as parameters of a run."""
    return {
        "engine_zero_stage": zero.stage,
        "engine_offload_optimizer": zero.offload_optimizer,
        "engine_offload_parameters": zero.offload_parameters,
        "engine_activation_checkpointing": zero.activation_checkpointing,
        "engine_split": zero.split,
        "engine_micro_batch_tokens": token_budget,
    }


def _plan(
    loads: tuple[Load, ...],
    params: Params,
    model: str,
    optimizer: Mapping[str, Any],
    machine: Hardware,
    *,
    adapted: bool = True,
    split: bool = False,
) -> tuple[ZeroPlan, int]:
    train, shape = params.train, model_figures(model, params).shape
    if not train.chosen:
        told = replace(_given(train, optimizer), split=split)
        if shape is not None:
            told = replace(told, largest_tensor=shape.largest)
        return told, train.micro_batch_tokens
    given = asked(params, model, adapted=adapted)
    if shape is None:
        raise TrainingError(
            f"key 'train.zero_stage': 'auto' needs the figures of model '{model}', which neither the "
            "catalogue nor a directory has; give a stage, offloads and activation_checkpointing."
        )
    here = shape, loads, machine, given
    choice = agreed_on(choose(*here))  # memory of ranks may differ
    if not choice.fits:
        would = agreed_on(advice(*here, choice=choice, fewest=least_devices(*here)))
        raise TrainingError(
            f"model '{model}' does not fit this machine: the least that it takes is {choice.lacking}; "
            f"{would}."
        )
    plan = zero_of(choice, train, largest_tensor=shape.largest, **optimizer)
    return plan, choice.micro_tokens


def zero_of(choice: Choice, train: TrainParams, **numbers: Any) -> ZeroPlan:
    """The engine's plan of a choice.

    Args:
        choice: of the planner.
        train: what else the study gives.
        numbers: others of :class:`ZeroPlan`.
    """
    return ZeroPlan(
        stage=choice.zero_stage,
        precision=train.precision,
        offload_optimizer=_place(choice.offload_optimizer),
        offload_parameters=_place(choice.offload_parameters),
        nvme_path=train.nvme_path,
        activation_checkpointing=choice.activation_checkpointing,
        split=choice.split,
        **numbers,
    )


def _given(train: TrainParams, optimizer: Mapping[str, Any]) -> ZeroPlan:
    """The engine's plan where nothing is left to choose."""
    assert train.zero_stage != "auto"
    return ZeroPlan(
        stage=train.zero_stage,
        precision=train.precision,
        offload_optimizer=_place(train.offload_optimizer),
        offload_parameters=_place(train.offload_parameters),
        nvme_path=train.nvme_path,
        activation_checkpointing=train.activation_checkpointing == "on",
        **optimizer,
    )


def _place(offload: str) -> Place:
    return "nvme" if offload == "nvme" else offload == "cpu"
