"""The study that a stage works on: the parameters and grid of the current directory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from xlgap import layout
from xlgap.cell import Cell, Grid, grid
from xlgap.checkout import checkout_root
from xlgap.config import Params, load_params
from xlgap.data.released import data_dir
from xlgap.errors import ResultError
from xlgap.formats import digest, read_json, read_jsonl
from xlgap.regimes.base import Phase
from xlgap.tasks import get_task
from xlgap.tasks.base import Tag, Task


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

    def manifest(self, task: str) -> dict[str, Any]:
        """The manifest of a prepared task.

        Raises:
            DataError: it is damaged.
            ResultError: it was not prepared.
        """
        path = layout.prepared(task) / "manifest.json"
        if not path.is_file():
            raise ResultError(f"{path}: not prepared; run 'dvc repro prepare@{task}'.")
        found: dict[str, Any] = read_json(path, {"splits": {str: {str: {"rows": int}}}})
        return found

    def task(self, name: str) -> Task:
        """A task, whose set of tags, where it is open, is that of the prepared training rows.

        Raises:
            ResultError: it was not prepared.
        """
        task = get_task(name)
        if isinstance(task.kind, Tag) and not task.kind.tags:
            tags = tuple(self.manifest(name)["tags"])
            return replace(task, kind=replace(task.kind, tags=tags))
        return task

    def open_tags(self, name: str) -> dict[str, str]:
        """Digest of the tags that a task leaves open, see :meth:`task`; empty where it names them."""
        kind = get_task(name).kind
        if not isinstance(kind, Tag) or kind.tags:
            return {}
        return {"tags": digest(self.manifest(name)["tags"])}

    def trained(self, cell: Cell) -> dict[int, dict[str, Any]]:
        """What ``cell.json`` of a finished cell says of each seed: its digest, and its encoder's size.

        Raises:
            DataError: the file is missing or damaged.
            ResultError: it lacks a seed of the study.
        """
        path = predictions(cell) / "cell.json"
        size = {"total": int, "nonembedding": int}
        phase = {"tokens": int, "padded_tokens": int, "pairs": int, "padded_pairs": int}
        entry = {"seed": int, "digest": str, "encoder": size, "phases": [phase]}
        seeds = read_json(path, {"seeds": [entry]})["seeds"]
        found = {seed["seed"]: seed for seed in seeds}
        lacking = [seed for seed in self.params.study.seeds if seed not in found]
        if lacking:
            raise ResultError(f"{path}: seeds {lacking} are missing; run 'dvc repro {stage_of(cell)}'.")
        return found

    def rows(self, task: str, split: str, language: str) -> list[dict[str, Any]]:
        """Prepared rows.

        Raises:
            ResultError: the split was not prepared in that language.
        """
        return read_jsonl(_prepared(task, split, language))

    def training_file(self, task: str, phase: Phase) -> Path:
        """Where the rows of a task are that a phase trains on, prepared or translated.

        Raises:
            ResultError: they were not prepared in that language, or not translated into it.
        """
        if not phase.translated:
            return _prepared(task, "train", phase.language)
        self.translation(task, phase.language)
        return training_path(task, phase)

    def training_rows(self, task: str, phase: Phase) -> list[dict[str, Any]]:
        """The rows in :meth:`training_file`.

        Raises:
            ResultError: see there.
        """
        return read_jsonl(self.training_file(task, phase))

    def translation(self, task: str, language: str) -> dict[str, Any]:
        """The manifest of a task's translated training rows.

        Raises:
            DataError: it is damaged.
            ResultError: they were not translated.
        """
        path = layout.translated(task, language) / "manifest.json"
        if not path.is_file():
            raise ResultError(f"{path}: not translated; run 'dvc repro translate@{task}-{language}'.")
        found: dict[str, Any] = read_json(path, {"rows": int, "sha256": str})
        return found

    def training_facts(self, task: str, phase: Phase) -> dict[str, Any]:
        """Number and digest of the rows of a task that a phase trains on: ``rows``, ``sha256``."""
        if phase.translated:
            return self.translation(task, phase.language)
        found: dict[str, Any] = self.manifest(task)["splits"]["train"][phase.language]
        return found


def _prepared(task: str, split: str, language: str) -> Path:
    path = layout.rows(task, split, language)
    if not path.is_file():
        raise ResultError(f"{path}: not prepared; run 'dvc repro prepare@{task}'.")
    return path


def training_path(task: str, phase: Phase) -> Path:
    """Where the rows of a task are that a phase trains on."""
    return layout.training_rows(task, phase.language, translated_rows=phase.translated)


def predictions(cell: Cell) -> Path:
    """Where a cell's predictions are, one folder a seed, and its ``cell.json``."""
    place = layout.chosen if cell.chosen else layout.predictions
    return place(cell.task.name, cell.model, cell.arm.name)


def stage_of(cell: Cell) -> str:
    """The stage that writes them, as DVC names it."""
    return f"choose@{cell.task.name}" if cell.chosen else f"finetune@{cell.key}"
