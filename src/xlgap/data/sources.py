"""Where rows come from: official release files, the Hugging Face hub, or the lab.

Each source gives, for one split of a task, the rows of every language asked for and where they stood.
Rows are checked against the schema of the task's kind one by one; nothing is written here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from xlgap.data import schema
from xlgap.errors import DataError
from xlgap.formats import read_json, read_text
from xlgap.languages import get_language
from xlgap.tasks.base import HubDataset, Kind, ReleaseFile, Row, Split, Task

SourceName = Literal["lab", "release", "hub"]
LAB_SEED = 0
LAB_ROWS: Mapping[Split, int] = {"train": 2000, "dev": 300, "test": 500}
"""Rows that the lab makes in each language where ``params.yaml`` gives no number."""


@dataclass(frozen=True)
class Loaded:
    """The rows of one language in one split, all that the source has.

    Attributes:
        rows: prepared rows, in the order of the source.
        origin: where they stood, for the manifest: files with digests, or repository and revision.
        noncommercial: whether the source marks them so.
    """

    rows: list[Row]
    origin: Mapping[str, Any]
    noncommercial: bool = False


@dataclass(frozen=True)
class ReleaseDirectory:
    """A directory of official release files, plain or ``.xz``, with or without a ``MANIFEST.json``."""

    root: Path

    @classmethod
    def open(cls, root: Path | None, *, wanted_by: str) -> ReleaseDirectory:
        """The directory, checked to exist.

        Raises:
            DataError: no directory is named, or it does not exist.
        """
        if root is None:
            raise DataError(
                f"{wanted_by} is read from release files, and no directory is named: set XLGAP_DATA to "
                "the directory that holds them."
            )
        if not root.is_dir():
            raise DataError(
                f"{wanted_by} is read from release files below {root}, which is no directory: set "
                "XLGAP_DATA to the directory that holds them."
            )
        return cls(root)

    @cached_property
    def listed(self) -> Mapping[str, Mapping[str, Any]]:
        """The manifest's entries by path without ``.xz``; empty when there is no manifest.

        Raises:
            DataError: it is damaged.
        """
        path = self.root / "MANIFEST.json"
        if not path.is_file():
            return {}
        files = read_json(path, {"files": [{"path": str}]})["files"]
        return {entry["path"].removesuffix(".xz"): entry for entry in files}

    def stored(self, name: str) -> Path | None:
        """The file ``name``, else ``name.xz``, else None."""
        path = self.root / name
        return next((p for p in (path, path.with_name(path.name + ".xz")) if p.is_file()), None)

    def read(self, name: str) -> tuple[str, dict[str, Any]]:
        """The text of the file ``name`` (or ``name.xz``), and facts on it.

        Raises:
            DataError: missing, damaged, not UTF-8, or other bytes than the manifest lists.
        """
        path = self.root / name
        text = read_text(path)
        found = hashlib.sha256(text.encode()).hexdigest()
        entry = self.listed.get(name, {})
        listed = str(entry.get("raw_sha256", found))
        if listed != found:
            raise DataError(
                f"{path}: its content has SHA-256 {found[:12]}..., MANIFEST.json lists "
                f"{listed[:12]}...; fetch the file again."
            )
        return text, {"path": name, "sha256": found, "licence_class": entry.get("licence_class")}


def load(
    task: Task,
    split: Split,
    languages: Sequence[str],
    *,
    source: SourceName,
    data_dir: Path | None = None,
    lab_rows: int | None = None,
) -> dict[str, Loaded]:
    """All rows of ``split`` in each of ``languages``.

    Args:
        task: the task.
        split: train, dev or test.
        languages: codes that the task declares for this split.
        source: where to read from.
        data_dir: the directory of release files; needed by ``release`` alone.
        lab_rows: how many items the ``lab`` makes.

    Raises:
        DataError: a file is missing, damaged or not in its format; the hub cannot be reached.
    """
    if source == "release":
        directory = ReleaseDirectory.open(data_dir, wanted_by=f"task '{task.name}'")
        return {code: _from_release(task, split, code, directory) for code in languages}
    if source == "hub":
        return {code: _from_hub(task, split, code) for code in languages}
    return _from_lab(task, split, languages, lab_rows or LAB_ROWS[split])


def has_split(task: Task, split: Split, source: SourceName) -> bool:
    """Whether ``source`` has ``split`` of the task; one trained by proxy has no train split."""
    if source == "release":
        return split in (task.release or {})
    if source == "hub":
        return task.hub is not None and split in task.hub.splits
    return task.lab is not None


def checked(kind: Kind, rows: Iterable[Row], where: str) -> list[Row]:
    """``rows`` as a list, each checked against the schema of their kind.

    Raises:
        DataError: naming where the row stood, its id and what is wrong.
    """
    found = []
    for number, row in enumerate(rows, 1):
        wrong = schema.problem(kind, row)
        if wrong:
            raise DataError(f"{where}, row {number} (id {row.get('id')!r}): {wrong}.")
        found.append(row)
    if not found:
        raise DataError(f"{where}: no rows; expected at least one: fetch the file again.")
    return found


def _release_file(task: Task, split: Split, code: str) -> ReleaseFile:
    for file in (task.release or {})[split]:
        if file.languages is None or code in file.languages:
            return file
    raise DataError(f"task '{task.name}' has no {split} file in language '{code}' in its release.")


def release_names(task: Task, split: Split, code: str) -> list[str]:
    """The files that hold one language of a split: its own and, where it has one, the aligned one.

    Raises:
        DataError: the release of the task has no such file.
    """
    file, iso639_3 = _release_file(task, split, code), get_language(code).iso639_3
    patterns = [file.path] if file.aligned is None else [file.path, file.aligned]
    return [pattern.format(language=code, iso639_3=iso639_3) for pattern in patterns]


def _from_release(task: Task, split: Split, code: str, directory: ReleaseDirectory) -> Loaded:
    file, names = _release_file(task, split, code), release_names(task, split, code)
    texts, facts = zip(*(directory.read(name) for name in names), strict=True)
    where = str(directory.root / names[0])
    try:
        rows = checked(task.kind_of(split), _of(code, file.read(*texts), file), where)
    except DataError as error:
        message = str(error)
        raise DataError(message if message.startswith(where) else f"{where}, {message}") from error
    noncommercial = any(fact["licence_class"] == "nc" for fact in facts)
    return Loaded(rows, {"files": list(facts)}, noncommercial)


def _of(code: str, rows: Iterable[Row], file: ReleaseFile) -> Iterable[Row]:
    """The rows of one language, where a file has all of them."""
    if not file.by_language:
        return rows
    every = ({**row} for row in rows)
    return (row for row in every if row.pop("language") == code)


def _from_hub(task: Task, split: Split, code: str) -> Loaded:
    hub = task.hub
    assert hub is not None, f"task '{task.name}' is not on the hub"
    names = hub.names or {code: code}
    if code not in names:
        raise DataError(
            f"task '{task.name}': {hub.repo} on the hub has no language '{code}'; "
            f"it has: {', '.join(sorted(names))}."
        )
    config = hub.config.format(language=names[code])
    table = _download(hub, config, hub.splits[split], task)
    where = f"{hub.repo} at {hub.revision[:8]}, {config}, {hub.splits[split]}"
    rows = (hub.row({**row, "row_number": i}) for i, row in enumerate(table, 1))
    origin = {"repo": hub.repo, "revision": hub.revision, "config": config}
    return Loaded(checked(task.kind_of(split), rows, where), origin)


def _download(hub: HubDataset, config: str, split: str, task: Task) -> Iterable[Mapping[str, Any]]:
    """The rows of one configuration, from parquet alone: ``datasets`` runs no code of a repository.

    Raises:
        DataError: the hub cannot be reached, or has no such revision, configuration or split.
    """
    import datasets

    datasets.disable_progress_bars()
    try:
        table: Iterable[Mapping[str, Any]] = datasets.load_dataset(
            hub.repo, config, revision=hub.revision, split=split
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise DataError(
            f"task '{task.name}': cannot load {hub.repo} ({config}, {split}, revision "
            f"{hub.revision[:8]}) from the Hugging Face hub: {type(error).__name__}: {reason}; "
            "check the connection and HF_HUB_OFFLINE, or use the source 'release' or 'lab'."
        ) from error
    return table


def _from_lab(task: Task, split: Split, languages: Sequence[str], rows: int) -> dict[str, Loaded]:
    from xlgap.lab.world import World

    assert task.lab is not None, f"task '{task.name}' is not in the lab"
    of: dict[str, list[Row]] = {code: [] for code in languages}
    for row in task.lab(World(tuple(languages)), split, rows, LAB_SEED):
        of[row["language"]].append({k: v for k, v in row.items() if k != "language"})
    origin = {"generator": "lab", "seed": LAB_SEED, "items": rows}
    return {
        code: Loaded(
            checked(task.kind_of(split), found, f"lab task '{task.name}', {split}, {code}"), origin
        )
        for code, found in of.items()
    }
