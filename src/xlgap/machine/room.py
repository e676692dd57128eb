"""Cores, memory and disks of this machine, as far as this process may use them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
LIMITS = (
    ("", "memory.max", "memory.current"),
    ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)
"""Where a container, or a job, says how much memory it may use and does: cgroups of version 2 and 1."""


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_limit() -> int:
    """Bytes of memory that may be used at most: of the machine, or of the container."""
    return min([psutil.virtual_memory().total, *(limit for limit, _ in _cgroups())])


def free_memory() -> int:
    """Bytes that may still be used: of the machine, or of the container, whichever is less."""
    left = [max(limit - used, 0) for limit, used in _cgroups()]
    return min([psutil.virtual_memory().available, *left])


def _cgroups() -> Iterator[tuple[int, int]]:
    """Limit and use of the groups that this process is in and that have a limit."""
    for folder, *names in LIMITS:
        for place in _places(CGROUP / folder, "memory" if folder else ""):
            try:
                limit, used = ((place / name).read_text().strip() for name in names)
            except OSError:
                continue
            if limit.isdigit() and used.isdigit():
                yield int(limit), int(used)


def _places(root: Path, controller: str) -> Iterator[Path]:
    """The directory of this process's group below ``root``, and those above it, ``root`` the last."""
    own = ""
    try:
        lines = OWN.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            own = path.strip("/")
    place = root / own
    if ".." not in place.parts:  # a group outside of what a container sees
        while place != root:
            yield place
            place = place.parent
    yield root


def existing(path: Path) -> Path:
    """The path, or the nearest directory above it that exists."""
    path = path.resolve()
    return next(p for p in (path, *path.parents) if p.exists())


def free_disk(path: Path) -> int:
    """Bytes free where ``path`` is, or will be made."""
    return shutil.disk_usage(existing(path)).free


def can_be_written(folder: Path) -> bool:
    """Whether files can be written to a folder, or to what it will be made in: it is tried."""
    place = existing(folder)
    if not place.is_dir() or not os.access(place, os.W_OK):
        return False
    try:
        with tempfile.TemporaryDirectory(prefix=".xlgap-", dir=place):
            return True
    except OSError:
        return False
