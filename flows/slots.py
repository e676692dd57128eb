"""Slots: tags of task runs that a Prefect server hands out a limited number of at a time.

How many there are is the server's to know (``python flows/provision.py``), for all flows and machines
together; ``--limit`` and ``--workers`` bound one run. A task that has died gives its slots back a
minute later, when nobody has renewed its lease.
"""

from __future__ import annotations

import os
from pathlib import Path

from plan import TRACKED, TRAINING, Stage

GPU, CPU, TRACKING = "gpu", "cpu", "tracking"
DEVICE = Path("/dev/nvidia0")


def slots_of(stage: Stage) -> list[str]:
    """The slots that a stage takes on this machine."""
    device = GPU if stage.family in TRAINING and has_gpu() else CPU
    return [device, TRACKING] if stage.family in TRACKED else [device]


def has_gpu() -> bool:
    """Whether stages that train find a GPU here; told without CUDA, which no flow loads."""
    return os.environ.get("CUDA_VISIBLE_DEVICES") != "" and DEVICE.exists()
