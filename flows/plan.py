"""What there is to run: DVC's own graph of a study, its stale stages, and their order.

DVC is asked for the graph, for what changed and for the recorded outputs; nothing about the study is
known here a second time but rough guesses of how long its stages take.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

import lockfile
from xlgap.errors import ConfigError

SECONDS_FILE = Path("journal", "stages.json")

# First guesses in seconds, until a stage has run once; they order stages and feed the ETA.
GUESSED_SECONDS = {
    "corpus": 10.0,
    "pretrain": 120.0,
    "warmstart": 20.0,
    "finetune": 15.0,
    "retention": 8.0,
    "analyse": 20.0,
}
OTHER_SECONDS = 3.0
TRAINING = frozenset({"translate", "pretrain", "warmstart", "finetune", "retention"})
"""Families whose stages may use a GPU."""
TRACKED = frozenset({"validate", "pretrain", "warmstart", "finetune", "choose", "score", "analyse"})
"""Families whose stages write to the MLflow store."""


@dataclass(frozen=True)
class Stage:
    """A stage as DVC addresses it from the study's directory.

    Attributes:
        name: what ``dvc repro`` takes, such as ``finetune@tiny-direct_en-lab_ner``.
        parents: the stages whose outputs it reads.
        changed: whether DVC finds it changed by itself, whatever its parents will write.
        seconds: how long it took last time, or a guess.
        again: whether it runs even where DVC finds nothing changed.
    """

    name: str
    parents: frozenset[str]
    changed: bool
    seconds: float
    again: bool = False

    @property
    def family(self) -> str:
        """The stage's name without its key: ``finetune``."""
        return self.name.rpartition(":")[2].partition("@")[0]

    @property
    def tag(self) -> str:
        """The resource that it needs: ``train`` or ``light``."""
        return "train" if self.family in TRAINING else "light"


@dataclass(frozen=True)
class Plan:
    """The stages of a study by name."""

    stages: Mapping[str, Stage]

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Parents before children."""
        return tuple(
            TopologicalSorter({s.name: s.parents for s in self.stages.values()}).static_order()
        )

    @cached_property
    def children(self) -> Mapping[str, frozenset[str]]:
        """The stages that read a stage's outputs."""
        found: dict[str, set[str]] = {name: set() for name in self.stages}
        for stage in self.stages.values():
            for parent in stage.parents:
                found[parent].add(stage.name)
        return {name: frozenset(names) for name, names in found.items()}

    @cached_property
    def stale(self) -> frozenset[str]:
        """Stages that changed and everything downstream of them, which may have to run."""
        found: set[str] = set()
        for name in self.order:
            if self.stages[name].changed or self.stages[name].parents & found:
                found.add(name)
        return frozenset(found)

    @cached_property
    def remaining(self) -> Mapping[str, float]:
        """Seconds from a stage's start to the end of the longest path that starts with it."""
        found: dict[str, float] = {}
        for name in reversed(self.order):
            after = max((found[child] for child in self.children[name]), default=0.0)
            found[name] = self.stages[name].seconds + after
        return found

    def above(self, name: str) -> frozenset[str]:
        """All stages that a stage reads from, directly or not."""
        found: set[str] = set()
        front = [name]
        while front:
            new = self.stages[front.pop()].parents - found
            found |= new
            front.extend(new)
        return frozenset(found)

    def chosen(
        self, wanted: frozenset[str] | None, *, again: frozenset[str] = frozenset(), above: bool = True
    ) -> Plan:
        """The part of the plan that a run is asked for.

        Args:
            wanted: families of stages; None: all.
            again: families whose stages run even where DVC finds nothing changed.
            above: with the stages that those of ``wanted`` read from, directly or not.
        """
        kept = {s.name for s in self.stages.values() if wanted is None or s.family in wanted}
        if above:
            for name in reversed(self.order):
                if name in kept:
                    kept |= self.stages[name].parents
        return Plan(
            {
                name: replace(
                    stage,
                    parents=stage.parents & kept,
                    changed=stage.changed or stage.family in again,
                    again=stage.family in again,
                )
                for name, stage in self.stages.items()
                if name in kept
            }
        )


def read_plan(directory: Path) -> Plan:
    """The stages of the study in ``directory`` and what they need, from DVC.

    A stage belongs to the study whose directory is the nearest one above it with a ``params.yaml``;
    stages elsewhere in the repository that it reads from are in the plan, too.

    Raises:
        ConfigError: a file of DVC's is damaged, of this study or another; no git repository is there.
    """
    from dvc.scm import SCMError

    try:
        return _plan(directory.resolve())
    except SCMError as error:
        raise ConfigError(
            f"{directory}: DVC works in a git repository only, and this is none; clone the project, "
            "or run 'git init' in its directory."
        ) from error


def _plan(directory: Path) -> Plan:
    from dvc.repo import Repo

    lockfile.install()
    seconds = _Seconds(directory)
    with contextlib.chdir(directory), Repo(".", _wait_for_lock=True) as repo:
        repo.stage_collection_error_handler = partial(_unreadable, directory)
        graph = repo.index.graph
        wanted = {stage for stage in graph if _study_of(Path(stage.path)) == directory}
        for stage in list(wanted):
            wanted.update(_above(graph, stage))
        with repo.lock:
            stages = [
                Stage(
                    name=stage.addressing,
                    parents=frozenset(parent.addressing for parent in graph.successors(stage)),
                    changed=_changed(stage),
                    seconds=seconds.of(stage.addressing),
                )
                for stage in wanted
            ]
    return Plan({stage.name: stage for stage in sorted(stages, key=lambda stage: stage.name)})


def _unreadable(study: Path, file: str, error: Exception) -> None:
    """The error for a ``file`` that DVC cannot read, of any study: DVC reads those of all of them."""
    folder = Path(file).resolve().parent
    way = "bring that file back from git"
    if folder == study:
        way += ", or remove dvc.lock: what DVC's cache holds is not computed again"
    elif not (folder / ".dvc").is_dir():
        way = f"run 'make graph STUDY=studies/{folder.name}.yaml', or remove that study's directory"
    raise ConfigError(f"{folder}: {' '.join(str(error).split())}; {way}.") from error


def _changed(stage: Any) -> bool:
    """Whether DVC would run the stage.

    So taken while another command works on its files, and where a file of parameters is damaged: the
    stage that makes it runs before.
    """
    from dvc.dependency.param import BadParamFileError
    from dvc.lock import LockError

    try:
        return bool(stage.changed())
    except (LockError, BadParamFileError):
        return True


def _study_of(file: Path) -> Path:
    for folder in file.resolve().parents:
        if (folder / "params.yaml").is_file() or (folder / ".dvc").is_dir():
            return folder
    return file.resolve().parent


def _above(graph: Any, stage: Any) -> set[Any]:
    """All stages that ``stage`` depends on; edges of DVC's graph point to dependencies."""
    found, front = set(), [stage]
    while front:
        for parent in graph.successors(front.pop()):
            if parent not in found:
                found.add(parent)
                front.append(parent)
    return found


def recorded_outputs(directory: Path, names: Iterable[str]) -> dict[str, Any]:
    """What DVC recorded of the outputs of stages: equal values are equal bytes.

    Read under DVC's lock, since every stage that ends writes its lock file anew.
    """
    from dvc.repo import Repo

    lockfile.install()
    files: dict[str, Any] = {}
    found: dict[str, Any] = {}
    with Repo(str(directory), _wait_for_lock=True) as repo, repo.lock:
        for name in names:
            file, _, short = name.rpartition(":")
            if file not in files:
                files[file] = _lock_entries((directory / (file or "dvc.yaml")).with_suffix(".lock"))
            outs = files[file].get(short, {}).get("outs", [])
            found[name] = [(out["path"], out.get("md5")) for out in outs]
    return found


def _lock_entries(path: Path) -> Any:
    if not path.is_file():
        return {}
    return yaml.load(path.read_text(encoding="utf8"), yaml.CSafeLoader).get("stages") or {}


class _Seconds:
    """How long stages take: measured in earlier runs, else guessed by family and model size."""

    def __init__(self, directory: Path) -> None:
        self._measured = read_seconds(directory)
        self._sizes = _model_sizes(directory / "params.yaml")

    def of(self, name: str) -> float:
        if name in self._measured:
            return self._measured[name]
        family, _, key = name.rpartition(":")[2].partition("@")
        guess = GUESSED_SECONDS.get(family, OTHER_SECONDS)
        return guess * self._sizes.get(key.partition("-")[0], 1.0) if family in TRAINING else guess


def _model_sizes(params: Path) -> dict[str, float]:
    """Each model's work relative to the largest one, from its layers and width where it has them."""
    if not params.is_file():
        return {}
    models = (yaml.load(params.read_text(encoding="utf8"), yaml.CSafeLoader) or {}).get("models") or {}
    work = {
        name: float(m["layers"] * m["width"] ** 2)
        for name, m in models.items()
        if isinstance(m, dict) and {"layers", "width"} <= m.keys()
    }
    largest = max(work.values(), default=1.0)
    return {name: max(0.1, value / largest) for name, value in work.items()}


def read_seconds(directory: Path) -> dict[str, float]:
    """Seconds that each stage took when it ran last; none where the file is missing or damaged."""
    try:
        found = json.loads((directory / SECONDS_FILE).read_bytes())
        return {name: float(seconds) for name, seconds in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write_seconds(directory: Path, seconds: Mapping[str, float]) -> None:
    """Keep how long the stages of a run took, beside those of earlier runs."""
    path = directory / SECONDS_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    merged = {**read_seconds(directory), **{name: round(value, 2) for name, value in seconds.items()}}
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(merged, indent=1, sort_keys=True) + "\n", encoding="utf8")
    partial.replace(path)
