"""Processor, memory, disks and accelerators."""

from __future__ import annotations

import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from xlgap.doctor.finding import Finding
from xlgap.machine.room import can_be_written, cores, existing, free_disk, free_memory, memory_limit
from xlgap.planning.hardware import GIB, preset_of
from xlgap.planning.tables import size
from xlgap.training.engine import Accelerators, accelerators

LEAST_MEMORY, LEAST_DISK, LEAST_TEMPORARY = 4 * GIB, 10 * GIB, GIB
"""What the default study takes with room to spare."""
QUERY = ("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")

_of_machine = partial(Finding, part="machine")


def machine_findings(directory: Path) -> Iterator[Finding]:
    """What this machine has.

    Args:
        directory: of the study, whose disk is looked at.
    """
    count = cores()
    yield _of_machine(
        name="processor",
        found=f"{count} cores for this process, {platform.machine()}",
        state="ok" if count > 1 else "note",
        advice="" if count > 1 else "a study takes twice as long as with two cores.",
    )
    yield _memory()
    yield _disk("disk of the study", directory, LEAST_DISK, "free some, or clone to a larger disk.")
    temporary = Path(tempfile.gettempdir())
    yield _disk("temporary files", temporary, LEAST_TEMPORARY, "set TMPDIR to a larger disk.")
    yield from _accelerators(accelerators())


def _memory() -> Finding:
    total, free = memory_limit(), free_memory()
    enough = free >= LEAST_MEMORY
    return _of_machine(
        name="memory",
        found=f"{size(free)} to be had of {size(total)}",
        state="ok" if enough else "note",
        advice="" if enough else "the default study takes 2 GiB a worker; close other programs.",
    )


def _disk(name: str, path: Path, least: int, advice: str) -> Finding:
    place = existing(path)
    free = free_disk(place)
    if not can_be_written(place):
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
