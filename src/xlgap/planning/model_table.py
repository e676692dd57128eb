"""A plan model by model: how each is trained, and what memory that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from xlgap.planning.plan import Plan, StagePlan
from xlgap.planning.ways import Choice

T = TypeVar("T", int, float)
WAYS = (
    "model", "params", "LoRA", "trains on", "ZeRO", "offload", "ckpt", "micro", "acc.", "needs",
    "hours", "kWh", "disk", "checkpoint",
)  # fmt: skip
PARTS = (
    "model", "when it", "weights", "grads", "optim.", "activ.", "logits", "buffers", "saved", "frag.",
    "base", "overlap", "a device", "host", "nvme",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """One model of the study: its stage that takes most memory, and sums over its stages.

    Attributes:
        stage: of the model, which takes most.
        choice: how that is trained.
        hours, kwh, disk_bytes: of all its stages; ``None`` where one is not known.
    """

    stage: StagePlan
    choice: Choice
    hours: float | None
    kwh: float | None
    disk_bytes: int | None


def model_rows(plan: Plan) -> list[ModelRow]:
    """A row a model that trains, in order of the study."""
    by_model: dict[str, list[StagePlan]] = {}
    for stage in plan.stages:
        by_model.setdefault(stage.model, []).append(stage)
    rows = []
    for stages in by_model.values():
        training = [(stage, stage.choice) for stage in stages if stage.choice is not None]
        if not training:
            continue
        stage, choice = max(training, key=lambda of: (not of[1].fits, of[1].memory.total))
        rows.append(
            ModelRow(
                stage=stage,
                choice=choice,
                hours=_sum([stage.hours for stage in stages]),
                kwh=_sum([stage.kwh for stage in stages]),
                disk_bytes=_sum([stage.disk_bytes for stage in stages]),
            )
        )
    return rows


def _sum(values: Sequence[T | None]) -> T | None:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(values) else None


def adapters(choice: Choice) -> str:
    """The rank of adapters, and the bits of the base below them, where these are few.

    ``16``, ``16, 4 bit``, and ``-`` where all weights are trained.
    """
    bits = f", {choice.base_bits} bit" if choice.base_bits else ""
    return "-" if choice.lora is None else f"{choice.lora}{bits}"


def moment(choice: Choice) -> str:
    """When a process holds most: when it ``trains``, or loads the network and ``predicts``."""
    return "trains" if choice.peak == "training" else "predicts"


def offloaded(choice: Choice) -> str:
    """What lies where, in few letters.

    ``opt:cpu par:nvme``, and ``-`` where nothing is offloaded.
    """
    parts = (("opt", choice.offload_optimizer), ("par", choice.offload_parameters))
    return " ".join(f"{name}:{where}" for name, where in parts if where != "none") or "-"
