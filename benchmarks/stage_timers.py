"""Timers around the parts of a stage, for ``study_overhead.py``: in DVC's process and in the command's.

The pre-fork server preloads ``stage_timers:start``, so that all its children have them. Each child
appends one JSON line to the file that :data:`FILE` names.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = "XLGAP_STAGE_TIMERS"

COMMAND, PURE, REST = "the command", "training and evaluation", "rest"

# what is timed: in DVC's process, then in the command's
PARTS = {
    "dvc.lock:Lock.lock": "wait for DVC's lock",
    "dvc.repo:Repo.__init__": "open the repository",
    "dvc.repo.stage:StageLoad.collect": "read dvc.yaml and dvc.lock",
    "dvc.stage:Stage.changed": "compare with dvc.lock",
    "dvc.stage:Stage.remove_outs": "remove old outs",
    "dvc.stage.cache:StageCache.restore": "run cache",
    "dvc.stage.cache:StageCache.save": "run cache",
    "dvc.stage:Stage.save_deps": "hash and cache",
    "dvc.stage:Stage.save_outs": "hash and cache",
    "dvc.stage:Stage.commit": "hash and cache",
    "dvc.stage.run:_run": COMMAND,
    "dvc.stage:PipelineStage.dump": "write dvc.lock",
    "xlgap.tracking.mlflow:open_run": "MLflow",
    "xlgap.tracking.summary:log_study": "MLflow",
    "xlgap.tracking.mlflow:MlflowTracker.params": "MLflow",
    "xlgap.tracking.mlflow:MlflowTracker.dataset": "MLflow",
    "xlgap.tracking.mlflow:MlflowTracker.artifact": "MLflow",
    "xlgap.tracking.mlflow:MlflowTracker.document": "MLflow",
    "xlgap.tracking.mlflow:MlflowTracker.close": "MLflow",
    "xlgap.stages.track:lineage": "git",
    "xlgap.stages.finetune:_predict": PURE,
}


@dataclass
class Timer:
    """Wall and CPU seconds of each part, less those of the parts inside it.

    CPU is that of this process and of the children that it has waited for.
    """

    spent: dict[str, list[float]] = field(default_factory=dict)
    inside: list[str] = field(default_factory=lambda: [REST])
    last: tuple[float, float] = (0.0, 0.0)

    def begin(self) -> None:
        """Forget what was before."""
        self.last = time.monotonic(), cpu_seconds()

    def book(self, name: str | None = None) -> None:
        """Book what has passed since the last booking, to the present part or to ``name``."""
        now = time.monotonic(), cpu_seconds()
        row = self.spent.setdefault(name or self.inside[-1], [0.0, 0.0])
        row[0] += now[0] - self.last[0]
        row[1] += now[1] - self.last[1]
        self.last = now

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time a block."""
        self.book()
        self.inside.append(name)
        try:
            yield
        finally:
            self.book()
            self.inside.pop()


_timer = Timer()


def cpu_seconds() -> float:
    """CPU of this process and of its ended children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def start() -> None:
    """Put the timers into this process, whose forks do the work."""
    from xlgap.prefork import child

    for place, name in PARTS.items():
        _replace(place, functools.partial(_timed, name=name))
    for method in ("on_start", "on_step"):
        _replace(f"xlgap.stages.observe:TrainingObserver.{method}", _timed_steps)
    child._run_entry = _recorded(child._run_entry)
    _append({"kind": "imports", "cpu": cpu_seconds()})


def _replace(place: str, wrap: Callable[[Any], Any]) -> None:
    module, _, words = place.partition(":")
    *path, last = words.split(".")
    owner: Any = functools.reduce(getattr, path, importlib.import_module(module))
    setattr(owner, last, wrap(getattr(owner, last)))


def _timed(function: Any, *, name: str) -> Any:
    @functools.wraps(function)
    def timed(*args: Any, **kwargs: Any) -> Any:
        with _timer.part(name):
            return function(*args, **kwargs)

    return timed


def _timed_steps(function: Any) -> Any:
    """The observer's hooks: a step is what lies between two of them, as in the journal."""

    @functools.wraps(function)
    def hook(*args: Any, **kwargs: Any) -> Any:
        _timer.book(PURE if function.__name__ == "on_step" else None)
        return function(*args, **kwargs)

    return hook


def _recorded(function: Any) -> Any:
    """A child's entry, which leaves its times behind."""

    def run_entry(request: Any) -> int:
        _timer.begin()
        began, before = time.time(), cpu_seconds()
        try:
            return int(function(request) or 0)
        finally:
            _timer.book()
            kind = "command" if "DVC_STAGE" in os.environ else "dvc"
            stage = os.environ.get("DVC_STAGE") or request.argv[0]
            row = {"kind": kind, "stage": stage, "began": began, "ended": time.time()}
            _append({**row, "fork": before, "spent": _timer.spent})

    return run_entry


def _append(row: Mapping[str, Any]) -> None:
    with Path(os.environ[FILE]).open("a", encoding="utf8") as out:
        out.write(json.dumps(row) + "\n")
