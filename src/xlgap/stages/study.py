"""The study that a stage works on: the parameters and grid of the current directory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xlgap import layout
from xlgap.cell import Grid, grid
from xlgap.config import Params, load_params
from xlgap.data.released import data_dir
from xlgap.errors import ConfigError, ResultError
from xlgap.formats import read_json, read_jsonl
from xlgap.graph import checkout_root, is_stale


@dataclass(frozen=True)
class Study:
    """Parameters, grid and places of a study."""

    params: Params

    @classmethod
    def here(cls) -> Study:
        """The study of the current directory."""
        return cls.of(Path())

    @classmethod
    def of(cls, directory: Path) -> Study:
        """The study of ``directory``, for its parameters and grid; stages work in the current one."""
        return cls(load_params(directory / layout.PARAMS))

    @cached_property
    def grid(self) -> Grid:
        """The cells."""
        return grid(self.params)

    @cached_property
    def root(self) -> Path:
        """The checkout."""
        return checkout_root(Path.cwd())

    @property
    def experiment(self) -> str:
        """Name of the MLflow experiment."""
        return f"xlgap/{self.params.study.name}"

    def data_dir(self) -> Path | None:
        """The directory of release files, where the source is ``release``.

        Raises:
            DataError: ``XLGAP_DATA`` is not set or names no directory.
        """
        return data_dir(self.params, self.root)

    def require_graph(self, directory: Path = Path(), *, read_files: bool) -> None:
        """Stop where DVC would run by a graph that was made of something else.

        Args:
            directory: the study's.
            read_files: release files will be read, and must be those that the graph knows.

        Raises:
            ConfigError: ``graph.yaml`` does not fit ``params.yaml`` or the release files.
            DataError: see :meth:`data_dir`.
        """
        if read_files:
            self.data_dir()
        if is_stale(directory, self.params, read_files=read_files):
            files = " or the files below XLGAP_DATA" if self.params.study.source == "release" else ""
            raise ConfigError(
                f"graph.yaml was made before params.yaml{files} changed; run 'make graph', then this "
                "again: models, arms, tasks and languages are changed in params.yaml, not with '-S'."
            )

    def manifest(self, task: str) -> dict[str, Any]:
        """The manifest of a prepared task.

        Raises:
            ResultError: it was not prepared.
        """
        path = layout.prepared(task) / "manifest.json"
        if not path.is_file():
            raise ResultError(f"{path}: not prepared; run 'dvc repro prepare@{task}'.")
        found: dict[str, Any] = read_json(path)
        return found

    def rows(self, task: str, split: str, language: str) -> list[dict[str, Any]]:
        """Prepared rows.

        Raises:
            ResultError: the split was not prepared in that language.
        """
        path = layout.rows(task, split, language)
        if not path.is_file():
            raise ResultError(f"{path}: not prepared; run 'dvc repro prepare@{task}'.")
        return read_jsonl(path)
