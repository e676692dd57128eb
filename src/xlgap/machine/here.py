"""This machine as the planner knows machines, for stages, ``doctor`` and ``plan --hardware this``."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

from xlgap.launch.asked import sharing
from xlgap.machine.room import free_disk, memory_limit
from xlgap.planning.hardware import Hardware, get_hardware, preset_of
from xlgap.training.engine import device_memory, device_name, node_size


def this_machine(
    processes: int, nvme_path: str, *, of_node: int | None = None, workers: int | None = None
) -> Hardware:
    """The machine as it is, for ``processes`` that train together.

    Memory is what the machine, or the container, has at most, and disks what is free on the file system
    of ``nvme_path``; both are shared evenly by the stages that run side by side, which take the same
    devices. A GPU that no preset knows is taken for an A100 with the memory that it has: the search
    compares ways on one machine.

    Args:
        processes: of all nodes.
        nvme_path: where states are offloaded to on disk.
        of_node: of them on this node; ``None``: what the launcher says.
        workers: stages that share the machine; ``None``: what ``XLGAP_WORKERS`` says.

    Raises:
        ConfigError: ``XLGAP_WORKERS`` is no whole number from 1.
    """
    here = min(processes, node_size() if of_node is None else of_node)
    return _machine(processes, nvme_path, here, sharing(os.environ) if workers is None else workers)


@cache
def _machine(processes: int, nvme_path: str, of_node: int, workers: int) -> Hardware:
    memory, disk = memory_limit() // workers, free_disk(Path(nvme_path)) // workers
    name = device_name()
    if name is None:
        known, of_device = get_hardware("cpu"), memory // of_node
    else:
        unknown = replace(get_hardware("a100-80gb"), name="gpu", device=re.escape(name))
        known = preset_of(name) or unknown
        of_device = device_memory() // workers
    return replace(
        known,
        devices=processes,
        node_devices=of_node,
        memory_bytes=of_device,
        host_bytes=memory,
        nvme_bytes=disk,
    )
