"""The study that a stage works on: the parameters and grid of the current directory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xlgap import layout
from xlgap.cell import Grid, grid
from xlgap.config import Params, load_params
from xlgap.errors import DataError, ResultError
from xlgap.formats import read_json, read_jsonl
from xlgap.graph import checkout_root


@dataclass(frozen=True)
class Study:
    """Parameters, grid and places of a study."""

    params: Params

    @classmethod
    def here(cls) -> Study:
        """The study of the current directory."""
        return cls(load_params(layout.PARAMS))

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
        if self.params.study.source != "release":
            return None
        value = os.environ.get("XLGAP_DATA", "")
        if not value:
            raise DataError(
                "source 'release' reads official files from the directory that the environment "
                "variable XLGAP_DATA names, but it is not set; set it to that directory."
            )
        folder = Path(value)
        if not folder.is_absolute() and not folder.is_dir():
            folder = self.root / folder  # relative to the checkout: stages run in the study's directory
        if not folder.is_dir():
            raise DataError(
                f"XLGAP_DATA={value}: no such directory; name the one with the release files."
            )
        return folder

    def manifest(self, task: str) -> dict[str, Any]:
        """The manifest of a prepared task."""
        found: dict[str, Any] = read_json(layout.prepared(task) / "manifest.json")
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
