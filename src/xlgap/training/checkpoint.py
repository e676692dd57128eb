"""Resumable checkpoints of one phase in ``scratch/<digest>/``.

A checkpoint counts once DeepSpeed has written its ``latest`` file, which it does last; one that a kill
cut short is never read. Checkpoints live under the digest of everything that the weights depend on and
under the engine's configuration, whose states differ: one of another configuration is never resumed.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch import Tensor

from xlgap.training.engine import rank
from xlgap.training.zero import ZeroPlan


@dataclass
class PhaseState:
    """What a phase knows beside the engine's own state.

    Attributes:
        step: optimizer steps done.
        dev: ``[step, score]`` of each evaluation.
        best: weights of the best evaluation, ``None`` before the first.
        best_step: the step they are from.
        losses: training loss of every step.
    """

    step: int = 0
    dev: list[tuple[int, float]] = field(default_factory=list)
    best: dict[str, Tensor] | None = None
    best_step: int = 0
    losses: list[float] = field(default_factory=list)


def place(scratch: Path, plan: ZeroPlan, world: int) -> Path:
    """The folder of the checkpoints of ``world`` ranks under ``plan``.

    >>> plan = ZeroPlan(stage=2, offload_optimizer=True, learning_rate=1e-3)
    >>> place(Path("scratch"), plan, 4).as_posix()
    'scratch/zero2-optimizer-ranks4'
    """
    moved = [
        name
        for name, there in (
            ("optimizer", plan.offload_optimizer),
            ("parameters", plan.offload_parameters),
        )
        if there
    ]
    return scratch / "-".join((f"zero{plan.stage}", *moved, f"ranks{world}"))


def save(engine: Any, state: PhaseState, folder: Path) -> None:
    """Write a checkpoint, then remove older ones."""
    tag = f"step{state.step}"
    client = {"phase": dict(vars(state))}
    engine.save_checkpoint(str(folder), tag=tag, client_state=client, save_latest=True)
    if rank() == 0:
        for old in folder.glob("step*"):
            if old.name != tag:
                shutil.rmtree(old)
    dist.barrier()


def resume(engine: Any, folder: Path) -> PhaseState | None:
    """Load the last complete checkpoint, or return ``None`` when there is none."""
    if not (folder / "latest").is_file():
        return None
    path, client = engine.load_checkpoint(str(folder))
    return None if path is None else PhaseState(**client["phase"])
