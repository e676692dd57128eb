"""What a tracker is; the ones that need no server.

Core code is handed a tracker and never looks for one. :class:`NullTracker` forgets,
:class:`RecordingTracker` remembers for tests; MLflow's is in :mod:`xlgap.tracking.mlflow`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

DIGEST = "xlgap.digest"
SUPERSEDED = "xlgap.superseded"
CONTENT = "xlgap.content"
"""Tag: a digest of the file that the run's scores, or its figures, were read from."""
OPENED = "xlgap.opened"
"""Tag: when a stage last opened the run, in ms since 1970; of one name the last opened is current."""
KIND = "xlgap.kind"
STUDY = "xlgap.study"
RESTORED = "xlgap.restored"
ORIGIN = frozenset(
    {RESTORED}
    | {f"xlgap.{name}" for name in ("version", "host", "git_sha", "git_dirty", "directory")}
    | {f"xlgap.{name}" for name in ("prefect_flow_run", "image", "software", "cpu", "threads")}
)
"""Tags that say what produced a run."""


def summary_digest(study: str, model: str | None = None) -> str:
    """The tag ``xlgap.digest`` of a study's summary run, or of the run of one of its models."""
    return f"study/{study}" if model is None else f"study/{study}/{model}"


class Tracker(Protocol):
    """Where a run's figures go. One tracker is one run.

    ``run_id`` is the tracking server's name for it, ``None`` where there is no server.
    """

    @property
    def run_id(self) -> str | None:
        """The run's id."""

    def params(self, values: Mapping[str, Any]) -> None:
        """Settings that do not change during the run."""

    def metrics(self, values: Mapping[str, float], *, step: int | None = None) -> None:
        """Figures, at a step of training where ``step`` is given."""

    def tags(self, values: Mapping[str, str]) -> None:
        """Words to find the run by."""

    def dataset(self, *, name: str, digest: str, context: str, rows: int) -> None:
        """Data that the run read."""

    def artifact(self, path: Path, *, folder: str | None = None) -> None:
        """A file or directory to keep with the run."""

    def document(self, values: Mapping[str, Any], *, name: str) -> None:
        """A mapping to keep with the run as a JSON file."""

    def write(self) -> None:
        """Write what is buffered now; what the store does not take stays buffered."""

    def close(self, *, failed: bool = False) -> None:
        """End the run; what was buffered is written."""


class NullTracker:
    """Forgets everything."""

    run_id = None

    def params(self, values: Mapping[str, Any]) -> None:
        """Forget."""

    def metrics(self, values: Mapping[str, float], *, step: int | None = None) -> None:
        """Forget."""

    def tags(self, values: Mapping[str, str]) -> None:
        """Forget."""

    def dataset(self, *, name: str, digest: str, context: str, rows: int) -> None:
        """Forget."""

    def artifact(self, path: Path, *, folder: str | None = None) -> None:
        """Forget."""

    def document(self, values: Mapping[str, Any], *, name: str) -> None:
        """Forget."""

    def write(self) -> None:
        """Nothing to write."""

    def close(self, *, failed: bool = False) -> None:
        """Nothing to end."""


@dataclass
class WaitingTracker:
    """Keeps what it is told as plain data, until a store can be opened.

    Attributes:
        told: operations in order: the method's name, its arguments, and when, in ms since 1970.
    """

    told: list[tuple[str, dict[str, Any], int]] = field(default_factory=list)
    run_id: str | None = None

    def _keep(self, what: str, **words: Any) -> None:
        self.told.append((what, words, time.time_ns() // 1_000_000))

    def params(self, values: Mapping[str, Any]) -> None:
        """Keep settings."""
        self._keep("params", values={key: str(value) for key, value in values.items()})

    def metrics(self, values: Mapping[str, float], *, step: int | None = None) -> None:
        """Keep figures."""
        self._keep("metrics", values={key: repr(float(v)) for key, v in values.items()}, step=step)

    def tags(self, values: Mapping[str, str]) -> None:
        """Keep tags."""
        self._keep("tags", values=dict(values))

    def dataset(self, *, name: str, digest: str, context: str, rows: int) -> None:
        """Keep a data set."""
        self._keep("dataset", name=name, digest=digest, context=context, rows=rows)

    def artifact(self, path: Path, *, folder: str | None = None) -> None:
        """Keep where the file is: it is read when a store can be opened."""
        self._keep("artifact", path=str(path), folder=folder)

    def document(self, values: Mapping[str, Any], *, name: str) -> None:
        """Keep a mapping."""
        self._keep("document", values=dict(values), name=name)

    def write(self) -> None:
        """Go on waiting."""

    def close(self, *, failed: bool = False) -> None:
        """Nothing to end yet."""


@dataclass
class RecordingTracker:
    """Remembers everything, for tests."""

    run_id: str | None = None

    recorded_params: dict[str, Any] = field(default_factory=dict)
    recorded_metrics: list[tuple[int | None, dict[str, float]]] = field(default_factory=list)
    recorded_tags: dict[str, str] = field(default_factory=dict)
    recorded_datasets: list[dict[str, Any]] = field(default_factory=list)
    recorded_artifacts: list[Path] = field(default_factory=list)
    recorded_documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    closed: bool = False
    failed: bool = False

    def params(self, values: Mapping[str, Any]) -> None:
        """Remember settings."""
        self.recorded_params.update(values)

    def metrics(self, values: Mapping[str, float], *, step: int | None = None) -> None:
        """Remember figures in order."""
        self.recorded_metrics.append((step, dict(values)))

    def tags(self, values: Mapping[str, str]) -> None:
        """Remember tags."""
        self.recorded_tags.update(values)

    def dataset(self, *, name: str, digest: str, context: str, rows: int) -> None:
        """Remember a data set."""
        self.recorded_datasets.append(
            {"name": name, "digest": digest, "context": context, "rows": rows}
        )

    def artifact(self, path: Path, *, folder: str | None = None) -> None:
        """Remember a path."""
        self.recorded_artifacts.append(path)

    def document(self, values: Mapping[str, Any], *, name: str) -> None:
        """Remember a mapping."""
        self.recorded_documents[name] = dict(values)

    def write(self) -> None:
        """Nothing is buffered."""

    def close(self, *, failed: bool = False) -> None:
        """Remember the end."""
        self.closed, self.failed = True, failed
