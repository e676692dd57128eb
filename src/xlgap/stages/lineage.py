"""What produced a run: commit, machine, versions, flow run, image; and what DVC knows of its files."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import socket
import subprocess
import time
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from xlgap import __version__, layout
from xlgap.cell import Cell
from xlgap.errors import ConfigError
from xlgap.mapping import read_mapping
from xlgap.stages.study import Study, stage_of
from xlgap.tracking.base import Tracker

FLOW_RUNS = ("PREFECT_FLOW_RUN_ID", "XLGAP_FLOW_RUN_ID")
IMAGE = "XLGAP_IMAGE"
"""The image that a process runs in, by name and digest or revision; images set it."""
CODE = ("src", "dvc.yaml")
"""What computes: where it differs from the commit, the commit does not say what produced a run."""
LIBRARIES = ("torch", "transformers", "deepspeed", "tokenizers", "numpy")
LOCK = Path("dvc.lock")
DOCUMENT = "lineage.json"
STAGE = "xlgap.stage"
PREDICTIONS_HASH = "xlgap.dvc_md5"
ATTEMPTS, AGAIN_SECONDS = 10, 0.2


def lineage(study: Study) -> dict[str, str]:
    """Tags: version, commit, whether the code differed from it, directory, machine, flow run, image."""
    found = {
        "xlgap.version": __version__,
        "xlgap.host": socket.gethostname(),
        "xlgap.directory": Path.cwd().resolve().relative_to(study.root).as_posix(),
        "xlgap.software": software(),
        "xlgap.cpu": processor(),
    }
    try:
        found["xlgap.git_sha"] = git(study.root, "rev-parse", "HEAD")
        there = [name for name in CODE if (study.root / name).exists()]
        found["xlgap.git_dirty"] = str(bool(git(study.root, "status", "--porcelain", *there))).lower()
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository
        found |= _commit_of_image(os.environ.get(IMAGE, ""))
    for variable in FLOW_RUNS:
        if os.environ.get(variable):
            found["xlgap.prefect_flow_run"] = os.environ[variable]
    if os.environ.get(IMAGE):
        found["xlgap.image"] = os.environ[IMAGE]
    return found


def _commit_of_image(image: str) -> dict[str, str]:
    """The tags of the commit that an image was built from, which lays its sources into the study.

    >>> _commit_of_image("xlgap-cpu:1.0@" + 40 * "a" + "-dirty")["xlgap.git_dirty"]
    'true'
    """
    revision = image.rpartition("@")[2]
    commit = revision.removesuffix("-dirty")
    if not re.fullmatch("[0-9a-f]{40}", commit):
        return {}
    return {"xlgap.git_sha": commit, "xlgap.git_dirty": str(commit != revision).lower()}


def git(root: Path, *words: str) -> str:
    """What a command of git prints.

    Raises:
        OSError: git is not installed.
        subprocess.CalledProcessError: it failed.
    """
    command = ["git", "-C", str(root), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@cache
def software() -> str:
    """Versions that move the last bits of a training: ``python 3.11.2, torch 2.13.0, ...``."""
    found = [f"python {platform.python_version()}"]
    return ", ".join(found + [f"{name} {version(name).partition('+')[0]}" for name in LIBRARIES])


@cache
def processor() -> str:
    """Machine and vector instructions of the CPU, by which sums are ordered."""
    from xlgap.training.engine import cpu_capability

    return f"{platform.machine()} {cpu_capability()}"


def lock_entries(path: Path = LOCK) -> dict[str, Any]:
    """What DVC has written of each stage; empty where nothing ran.

    Raises:
        ConfigError: the file is damaged.
    """
    for _ in range(ATTEMPTS):
        with contextlib.suppress(ConfigError):  # another stage writes it at this moment
            return _entries(path)
        time.sleep(AGAIN_SECONDS)
    return _entries(path)


def _entries(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    entries: dict[str, Any] = read_mapping(path).get("stages") or {}
    return entries


def describe_files(
    run: Tracker, study: Study, cell: Cell, facts: Mapping[str, Any], entries: Mapping[str, Any]
) -> None:
    """Tell the run of a cell which bytes it read and wrote, as far as DVC has them.

    Tags are the stage and DVC's hash of its predictions; the rest is the document ``lineage.json``.

    Args:
        run: of the cell and of the seed of ``facts``.
        study: of the cell.
        cell: what was trained, or chosen.
        facts: the seed's entry of ``cell.json``.
        entries: those of ``dvc.lock``.
    """
    trained = cell
    if cell.chosen:
        trained = study.grid.cell(f"{cell.model}-{facts['chosen']}-{cell.task.name}")
    stage = stage_of(trained)
    if stage not in entries:
        return
    directory = Path.cwd().resolve().relative_to(study.root).as_posix()
    run.document(dvc_document(stage, entries, directory=directory), name=DOCUMENT)
    hashes = [str(out["md5"]) for out in entries[stage].get("outs", []) if "md5" in out]
    run.tags({STAGE: stage, PREDICTIONS_HASH: " ".join(hashes)})


def dvc_document(stage: str, entries: Mapping[str, Any], *, directory: str) -> dict[str, Any]:
    """What is needed to run a stage again elsewhere: parameters, and hashes of files.

    ``entry`` is what DVC wrote of the stage, ``makers`` what it wrote of all stages above it.

    Args:
        stage: as DVC names it.
        entries: those of ``dvc.lock``.
        directory: of the study, from the checkout's root.
    """
    makers: dict[str, Any] = {}
    waiting = _reads(entries.get(stage, {}))
    while waiting:
        path = waiting.pop()
        for name, entry in entries.items():
            wrote = [out["path"] for out in entry.get("outs", [])]
            if name not in makers and any(_within(path, out) for out in wrote):
                makers[name] = entry
                waiting |= _reads(entry)
    return {
        "directory": directory,
        "stage": stage,
        "entry": entries.get(stage, {}),
        "makers": makers,
        "params": read_mapping(layout.PARAMS),
    }


def _reads(entry: Mapping[str, Any]) -> set[str]:
    """Paths that a stage depends on: files, folders, and files with parameters."""
    return {dep["path"] for dep in entry.get("deps", [])} | set(entry.get("params", ()))


def _within(dep: str, out: str) -> bool:
    """Whether a path that a stage reads lies in what another one writes, or holds it."""
    return dep == out or dep.startswith(f"{out}/") or out.startswith(f"{dep}/")
