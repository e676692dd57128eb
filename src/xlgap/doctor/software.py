"""Python, the packages that the project pins, and the programs that some parts call."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from functools import partial
from importlib import metadata

from packaging.requirements import Requirement

from xlgap.doctor.finding import Finding
from xlgap.training.disk_offload import COMPILERS

PYTHON = (3, 11)
PROGRAMS: dict[str, tuple[tuple[str, ...], str]] = {
    "git": (("git",), "DVC keeps the project's history in it: install git."),
    "C++ compiler": (
        COMPILERS,
        "DeepSpeed compiles with it what offload to disk needs: install g++.",
    ),
    "CUDA compiler": (("nvcc",), "DeepSpeed builds fused operators with it; nothing here needs them."),
    "Docker": (("docker",), "only the containers need it."),
    "Slurm": (("sbatch",), "only cluster jobs need it."),
}
"""Programs by what they are: their names, and what is missing without them."""
NEEDED = frozenset({"git"})

_of_software = partial(Finding, part="software")


def software_findings() -> Iterator[Finding]:
    """Versions and programs."""
    version = sys.version_info[:2]
    right = version == PYTHON
    yield _of_software(
        name="Python",
        found=".".join(map(str, sys.version_info[:3])),
        state="ok" if right else "lacking",
        advice="" if right else f"use Python {'.'.join(map(str, PYTHON))}.",
    )
    yield from _packages()
    for name, (commands, advice) in PROGRAMS.items():
        there = next((path for c in commands if (path := shutil.which(c))), None)
        yield _of_software(
            name=name,
            found=there or "none",
            state="ok" if there or name not in NEEDED else "lacking",
            advice="" if there else advice,
        )


def _packages() -> Iterator[Finding]:
    """The packages that the project pins to one version, against what is installed."""
    for text in metadata.requires("xlgap") or ():
        wanted = Requirement(text)
        pinned = any(part.operator == "==" for part in wanted.specifier)
        if not pinned or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            version = ""
        right = bool(version) and wanted.specifier.contains(version, prereleases=True)
        yield _of_software(
            name=wanted.name,
            found=version or "not installed",
            state="ok" if right else "lacking",
            advice="" if right else f"the project pins {wanted.specifier}: run 'make install'.",
        )
