"""Processor, memory, disks and accelerators."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil

from xlgap.doctor.finding import Finding
from xlgap.planning.hardware import GIB, preset_of
from xlgap.planning.tables import size
from xlgap.training.engine import Accelerators, accelerators

CGROUP = Path("/sys/fs/cgroup")
LIMITS = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)
"""Where a container says how much memory it may use and does: cgroups of version 2 and 1."""
LEAST_MEMORY, LEAST_DISK, LEAST_TEMPORARY = 4 * GIB, 10 * GIB, GIB
"""What the default study takes with room to spare."""
QUERY = ("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")

_of_machine = partial(Finding, part="machine")


def machine_findings(directory: Path) -> Iterator[Finding]:
    """What this machine has.

    Args:
        directory: of the study, whose disk is looked at.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield _of_machine(
        name="processor",
        found=f"{cores} cores for this process, {platform.machine()}",
        state="ok" if cores > 1 else "note",
        advice="" if cores > 1 else "a study takes twice as long as with two cores.",
    )
    yield _memory()
    yield _disk("disk of the study", directory, LEAST_DISK, "free some, or clone to a larger disk.")
    temporary = Path(tempfile.gettempdir())
    yield _disk("temporary files", temporary, LEAST_TEMPORARY, "set TMPDIR to a larger disk.")
    yield from _accelerators(accelerators())


def free_memory() -> int:
    """Bytes that may still be used: of the machine, or of the container, whichever is less."""
    free = psutil.virtual_memory().available
    for names in LIMITS:
        try:
            limit, used = ((CGROUP / name).read_text().strip() for name in names)
        except OSError:
            continue
        if limit.isdigit() and used.isdigit():
            free = min(free, max(int(limit) - int(used), 0))
    return free


def _memory() -> Finding:
    total, free = psutil.virtual_memory().total, free_memory()
    enough = free >= LEAST_MEMORY
    return _of_machine(
        name="memory",
        found=f"{size(free)} to be had of {size(total)}",
        state="ok" if enough else "note",
        advice="" if enough else "the default study takes 2 GiB a worker; close other programs.",
    )


def existing(path: Path) -> Path:
    """The path, or the nearest directory above it that exists."""
    path = path.resolve()
    return next(p for p in (path, *path.parents) if p.exists())


def _disk(name: str, path: Path, least: int, advice: str) -> Finding:
    place = existing(path)
    free = shutil.disk_usage(place).free
    if not os.access(place, os.W_OK):
        return _of_machine(
            name=name, found=f"{place} cannot be written to", state="lacking", advice=advice
        )
    enough = free >= least
    return _of_machine(
        name=name,
        found=f"{size(free)} free at {place}",
        state="ok" if enough else "note",
        advice="" if enough else advice,
    )


def _accelerators(there: Accelerators) -> Iterator[Finding]:
    name = "accelerators"
    driver = _driver()
    if there.devices:
        for device, total in there.devices:
            preset = preset_of(device)
            known = f"preset {preset.name}" if preset else "no preset of planning/hardware"
            yield _of_machine(name=name, found=f"{device}, {size(total)}, {known}")
        return
    if driver:
        built = there.built_for or "the CPU alone"
        yield _of_machine(
            name=name,
            found=f"{driver}; torch, built for {built}, sees none",
            state="note",
            advice="install the build of torch for it: rm -rf .venv && make install TORCH=auto.",
        )
        return
    yield _of_machine(name=name, found="none: trainings run on the CPU")


def _driver() -> str:
    """Names of the accelerators that the driver has, and its version; empty without one."""
    if shutil.which(QUERY[0]) is None:
        return ""
    try:
        done = subprocess.run(QUERY, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return "nvidia-smi does not answer"
    return "; ".join(line.replace(", ", ", driver ") for line in done.stdout.strip().splitlines())
