"""What the local store holds, read from its file: for 500 runs a tenth of a second, without mlflow."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from xlgap.errors import XlgapError
from xlgap.formats import digest
from xlgap.tracking.base import DIGEST, OPENED

_RUNS = """
    SELECT runs.run_uuid, runs.name, runs.status, runs.start_time, runs.end_time, runs.artifact_uri,
           experiments.name
    FROM runs JOIN experiments ON runs.experiment_id = experiments.experiment_id
    WHERE runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active'
    ORDER BY runs.start_time, runs.run_uuid
"""
_DATASETS = """
    SELECT inputs.destination_id, datasets.name, datasets.digest, datasets.dataset_source_type,
           datasets.dataset_source, datasets.dataset_profile, input_tags.name, input_tags.value
    FROM inputs JOIN datasets ON datasets.dataset_uuid = inputs.source_id
    LEFT JOIN input_tags ON input_tags.input_uuid = inputs.input_uuid
    WHERE inputs.source_type = 'DATASET' AND inputs.destination_type = 'RUN'
    ORDER BY datasets.name, datasets.digest
"""
_POINTS = """
    SELECT key, value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ?
    ORDER BY rowid LIMIT ? OFFSET ?
"""


@dataclass(frozen=True)
class LocalDataset:
    """Data that a run read, as MLflow keeps it."""

    name: str
    digest: str
    source_type: str
    source: str
    profile: str | None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LocalRun:
    """A run of the local store, without its figures.

    Attributes:
        points: how many figures it has, all steps counted.
        files: the folder of its artifacts, which need not be there.
    """

    id: str
    name: str
    experiment: str
    status: str
    started: int
    ended: int | None
    tags: dict[str, str]
    params: dict[str, str]
    datasets: tuple[LocalDataset, ...]
    points: int
    files: Path

    @property
    def digest(self) -> str:
        """What makes it the same run anywhere."""
        return self.tags[DIGEST]

    @property
    def opened(self) -> int:
        """When a stage last opened it, in ms since 1970."""
        return opened(self.tags, self.started)

    @property
    def state(self) -> str:
        """A digest of all but figures and files."""
        data = [[d.name, d.digest, d.profile, d.tags] for d in self.datasets]
        said = [self.name, self.status, self.ended, self.tags, self.params, data]
        return digest(said)

    @property
    def kept(self) -> str:
        """A digest of its files by name, size and time; empty where there is none."""
        found = sorted(p for p in self.files.rglob("*") if p.is_file()) if self.files.is_dir() else []
        told = [(str(p.relative_to(self.files)), (s := p.stat()).st_size, s.st_mtime_ns) for p in found]
        return sha256(repr(told).encode()).hexdigest()[:16] if told else ""


def opened(tags: dict[str, str], started: int) -> int:
    """When a run was last opened, by its tags; when it started, where an older version wrote it."""
    said = tags.get(OPENED, "")
    return int(said) if said.isdecimal() else started


class LocalStore:
    """The runs in a SQLite store. What is written meanwhile is seen by the next call."""

    def __init__(self, path: Path) -> None:
        """Read ``path``; the file must be there."""
        self.path = path
        address = f"file:{quote(str(path.resolve()))}?mode=ro"
        self._base = sqlite3.connect(address, uri=True, timeout=30)
        self._points: dict[str, int] = defaultdict(int)
        self._last = 0

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    def version(self) -> int:
        """A number that changes when another process has written."""
        return int(self._base.execute("PRAGMA data_version").fetchone()[0])

    def runs(self) -> list[LocalRun]:
        """Runs of this project in experiments that are not deleted, the oldest first."""
        with self._base:  # one state of the file
            self._base.execute("BEGIN")
            self._count()
            tags = self._pairs("tags")
            params = self._pairs("params")
            data = self._datasets()
            rows = self._base.execute(_RUNS).fetchall()
        return [
            LocalRun(
                id=run,
                name=name,
                experiment=experiment,
                status=status,
                started=started,
                ended=ended,
                tags=tags[run],
                params=params[run],
                datasets=data[run],
                points=self._points[run],
                files=self._files(run, uri),
            )
            for run, name, status, started, ended, uri, experiment in rows
            if DIGEST in tags[run]
        ]

    def experiment_tags(self) -> dict[str, dict[str, str]]:
        """Tags of the experiments by the experiment's name; shared views are there."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        asked = (
            "SELECT experiments.name, experiment_tags.key, experiment_tags.value FROM experiment_tags "
            "JOIN experiments ON experiments.experiment_id = experiment_tags.experiment_id"
        )
        for name, key, value in self._base.execute(asked):
            found[name][key] = value
        return found

    def points(self, run: str, *, after: int, most: int) -> list[tuple[str, float, int, int, bool]]:
        """Figures of a run as they were written, in that order: name, value, ms, step, is no number.

        Args:
            run: the run's id.
            after: so many are left out.
            most: at most so many.
        """
        return self._base.execute(_POINTS, [run, most, after]).fetchall()

    def _count(self) -> None:
        """Count the points; of those that were counted none is read again."""
        (last,) = self._base.execute("SELECT coalesce(max(rowid), 0) FROM metrics").fetchone()
        if last < self._last:  # the file was packed, or is another one
            self._points.clear()
            self._last = 0
        counted = "SELECT run_uuid, count(*) FROM metrics WHERE rowid > ? GROUP BY run_uuid"
        for run, number in self._base.execute(counted, [self._last]):
            self._points[run] += number
        self._last = last

    def _pairs(self, table: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for run, key, value in self._base.execute(f"SELECT run_uuid, key, value FROM {table}"):  # noqa: S608
            found[run][key] = value or ""
        return found

    def _datasets(self) -> dict[str, tuple[LocalDataset, ...]]:
        found: dict[str, dict[tuple[Any, ...], LocalDataset]] = defaultdict(dict)
        for run, *facts, key, value in self._base.execute(_DATASETS):
            one = found[run].setdefault(tuple(facts), LocalDataset(*facts))
            if key is not None:
                one.tags[key] = value
        return defaultdict(tuple, {run: tuple(of.values()) for run, of in found.items()})

    def _files(self, run: str, uri: str) -> Path:
        """The run's folder; beside the store, where the store was moved."""
        told = Path(unquote(urlsplit(uri).path))
        here = self.path.resolve().parent / "mlartifacts" / run / "artifacts"
        return here if here.is_dir() else told


@contextlib.contextmanager
def read_store(path: Path) -> Iterator[LocalStore]:
    """A :class:`LocalStore` for the time of a block.

    Raises:
        XlgapError: the file is damaged, or of another version of MLflow.
    """
    try:
        with contextlib.closing(LocalStore(path)) as store:
            yield store
    except sqlite3.Error as error:
        raise XlgapError(
            f"{path}: cannot be read as an MLflow store ({error}); open it with 'xlgap ui', which says "
            "more, or move it away: 'xlgap run' rebuilds its runs from results."
        ) from error
