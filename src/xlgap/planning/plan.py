"""What a plan is: stages that train or predict, their cost, the totals.

A figure that cannot be known yet is ``None`` and is counted as unknown in the totals.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from xlgap.cell import LeftOut
from xlgap.planning.hardware import Hardware
from xlgap.planning.parts import MemoryParts
from xlgap.planning.ways import Choice
from xlgap.planning.work import Work

StageKind = Literal["pretrain", "warmstart", "finetune", "retention"]


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """One stage of the graph that trains or predicts with a model.

    Attributes:
        stage: its DVC name.
        kind: which of the training stages.
        model, arm, task: ``None`` where the stage belongs to no single arm or task.
        params_total, params_nonembedding: of the model.
        phases: ``task[language]`` in order.
        seeds: runs.
        training: of one seed; zero where shared.
        evaluation: of one seed: dev rows, for selection or once, test rows of every language.
        shares: stage whose training this one reuses; it then only predicts.
        memory: bytes of one process by part.
        choice: how it is trained: what ``params.yaml`` gives, and what is cheapest of the rest.
        load: the task whose steps take most, for which that is chosen.
        fits: whether it fits the hardware; ``None`` where unknown.
        devices_needed: the least of them on which it does, a power of 2.
        advice: what would make it fit, empty where it does.
        flops, hours, kwh, disk_bytes: of all seeds; ``disk_bytes`` are weights that are kept.
        checkpoint_bytes: of one checkpoint, all processes together; 0 where nothing is trained.
        scratch_bytes: the most that the stage has on disk while it runs and that goes again.
        note: why a figure is missing or differs.
    """

    stage: str
    kind: StageKind
    model: str
    arm: str | None
    task: str | None
    params_total: int | None
    params_nonembedding: int | None
    phases: tuple[str, ...]
    seeds: int
    training: Work
    evaluation: Work
    shares: str | None
    memory: MemoryParts | None
    choice: Choice | None
    load: str | None
    fits: bool | None
    devices_needed: int | None
    flops: float | None
    hours: float | None
    kwh: float | None
    disk_bytes: int | None
    checkpoint_bytes: int | None
    scratch_bytes: int | None
    advice: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Sums over the stages whose figures are known.

    Attributes:
        cells, stages, runs: cells of the grid; stages that train or predict; seeds of all of them.
        flops, hours, kwh, disk_bytes: sums of the known figures.
        wall_hours: ``hours`` shared evenly by the workers, which is the least that it can take.
        scratch_bytes: the most that stages hold while they run, one a worker: checkpoints, weights not
            kept later.
        unknown: stages without hours, which the sums therefore lack.
    """

    cells: int
    stages: int
    runs: int
    flops: float
    hours: float
    wall_hours: float
    kwh: float
    disk_bytes: int
    scratch_bytes: int
    unknown: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a study will compute.

    Attributes:
        study: its name.
        hardware: of one stage.
        workers: stages that run side by side.
        stages: those that train or predict.
        left_out: pairs of arm and task that are not defined.
        preliminary: (arm, task, tasks in order) of the pairs whose recipe has an intermediate stage.
        overlaps: (arm, task, part) of intermediate tasks whose data are in another one's of the arm.
        unscored: by task, the study's languages that it has no test data in.
        totals: sums.
        calibration: by model, measured over planned seconds of its stages that are done.
        assumptions: sentences.
    """

    study: str
    hardware: Hardware
    workers: int
    stages: tuple[StagePlan, ...]
    left_out: tuple[LeftOut, ...]
    preliminary: tuple[tuple[str, str, str], ...]
    overlaps: tuple[tuple[str, str, str], ...]
    unscored: tuple[tuple[str, tuple[str, ...]], ...]
    totals: Totals
    calibration: dict[str, float]
    assumptions: tuple[str, ...]


def totals(stages: Iterable[StagePlan], *, cells: int, workers: int, scratch_bytes: int) -> Totals:
    """The sums over ``stages``."""
    stages = tuple(stages)
    hours = sum(s.hours for s in stages if s.hours is not None)
    return Totals(
        cells=cells,
        stages=len(stages),
        runs=sum(s.seeds for s in stages),
        flops=sum(s.flops for s in stages if s.flops is not None),
        hours=hours,
        wall_hours=hours / workers,
        kwh=sum(s.kwh for s in stages if s.kwh is not None),
        disk_bytes=sum(s.disk_bytes for s in stages if s.disk_bytes is not None),
        scratch_bytes=scratch_bytes,
        unknown=sum(s.hours is None for s in stages),
    )


def to_json(plan: Plan) -> dict[str, Any]:
    """The plan as plain values; of memory also its totals."""
    found = asdict(plan)
    for stage, told in zip(plan.stages, found["stages"], strict=True):
        if stage.memory is not None and stage.choice is not None:
            total = {"total": stage.memory.total, "increment": stage.memory.increment}
            told["memory"] |= total
            del told["choice"]["memory"]
    return found
