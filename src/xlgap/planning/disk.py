"""Bytes on disk while a stage trains: its checkpoints, and the weights that lie beside them."""

from __future__ import annotations

from typing import NamedTuple

from xlgap.planning.memory import best_copies, checkpoint_bytes, weight_bytes
from xlgap.planning.ways import Choice
from xlgap.train_params import TrainParams

REFERRED = 4
"""Files of best weights at a time, of a network that is split: those that two checkpoints go on
from, those before them (:mod:`xlgap.training.keeping`), and one that is being written."""


class StageDisk(NamedTuple):
    """Bytes that go again when a stage is done.

    Attributes:
        checkpoint: of one, all processes together; ``None`` where it is not known.
        scratch: the most that is there at one time, weights that are not kept later among it.
    """

    checkpoint: int | None
    scratch: int | None


def stage_disk(
    trained: int,
    choice: Choice,
    train: TrainParams,
    *,
    devices: int,
    on_dev: bool,
    phases: int,
    unkept: int,
) -> StageDisk:
    """Those of one seed, and weights of all seeds where they are not kept.

    There are two checkpoints while one is written: the older goes when the other is complete; a phase
    leaves one until the last phase is done. A network that is split has its best or last weights in
    files beside them, which go with them. Weights that are not kept stay until all seeds are done.

    Args:
        trained: parameters that training moves.
        choice: how they are trained.
        train: what the study says.
        devices: processes.
        on_dev: whether weights are chosen by their dev score, or may be.
        phases: that are trained one after another.
        unkept: seeds whose weights stay until the stage is done and go then.
    """
    stage, split = choice.zero_stage, choice.split
    copies = best_copies(on_dev=on_dev, zero_stage=stage, devices=devices, split=split)
    one = checkpoint_bytes(trained, train.precision, stage, best_copies=copies)
    files = (min(train.evaluations, REFERRED) if on_dev else 1) if split else 0
    return StageDisk(one, (phases + 1) * one + (phases * files + unkept) * weight_bytes(trained))
