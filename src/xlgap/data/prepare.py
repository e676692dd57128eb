"""Preparation: every source, one folder of JSON lines with one schema for each kind of task.

``OUT/{train,dev,test}/<language>.jsonl`` and ``OUT/manifest.json``, written as a whole or not at all,
with the same bytes wherever it runs.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xlgap.cell import grid
from xlgap.config import Params, TaskParams
from xlgap.data.sources import Loaded, has_split, load
from xlgap.errors import DataError
from xlgap.formats import atomic_dir, file_digest, write_json, write_jsonl
from xlgap.tasks.base import SPLITS, Mine, Rank, Row, Split, Tag, Task


def prepare(task: Task, params: Params, out: Path, *, data_dir: Path | None) -> dict[str, Any]:
    """Write the prepared rows of ``task`` and their manifest; return the manifest.

    Test rows are in the study's evaluation languages, train and dev rows in English and the languages
    that arms train and select in; of a task with dev rows of its own, beside a proxy that trains it,
    these in English. Splits are capped by ``train_rows``, ``dev_rows``, ``test_rows``, see
    :func:`cap`.

    Args:
        task: the task.
        params: the study.
        out: directory to write; replaced as a whole.
        data_dir: directory of release files; ``None`` where the source is another one.

    Returns:
        ``{task, kind, source, version, licence, citation, noncommercial, splits}`` with
        ``splits[split][language] = {rows, released_rows, sha256, origin}``; also ``tags``, where the
        task leaves its set of tags open, and ``noncommercial_in``, the languages that are so, where it
        has others.

    Raises:
        DataError: a file is missing, damaged or not in its format; nothing is written then.
    """
    source, limits = params.study.source, params.task(task.name)
    wanted = split_languages(task, params)
    marked = task.noncommercial_of({code for codes in wanted.values() for code in codes})
    noncommercial = bool(marked)
    splits: dict[str, dict[str, Any]] = {}
    tags: list[str] = []
    with atomic_dir(out) as folder:
        for split, languages in wanted.items():
            limit = row_limit(limits, split)
            loaded = load(task, split, languages, source=source, data_dir=data_dir, lab_rows=limit)
            splits[split] = {
                code: _write(folder, split, code, found, limit) for code, found in loaded.items()
            }
            noncommercial |= any(found.noncommercial for found in loaded.values())
            if split == "train" and isinstance(task.kind, Tag) and not task.kind.tags:
                kept = (row for found in loaded.values() for row in cap(found.rows, limit))
                tags = sorted({tag for row in kept for tag in row["tags"]})
        manifest = {
            "task": task.name,
            "kind": task.kind.name,
            "source": source,
            "version": limits.version,
            "licence": task.licence,
            "citation": task.citation,
            "noncommercial": noncommercial,
            **({"noncommercial_in": list(marked)} if task.noncommercial_in and marked else {}),
            "splits": splits,
            **({"tags": tags} if tags else {}),
        }
        write_json(folder / "manifest.json", manifest)
    return manifest


def require_as_prepared(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Compare the files of a prepared task with their digests in its manifest.

    DVC knows a file by what it was when the stage had ended: what happened to it before, on a bad disk,
    only these digests tell.

    Args:
        folder: as :func:`prepare` wrote it.
        manifest: of it.

    Raises:
        DataError: a file is missing, or is another one.
    """
    files = [
        (s, code, found) for s, known in manifest["splits"].items() for code, found in known.items()
    ]
    for split, code, known in files:
        path = folder / split / f"{code}.jsonl"
        if not path.is_file() or file_digest(path, 64) != known.get("sha256"):
            raise DataError(
                f"{path}: not the file that was prepared (manifest.json has another SHA-256): "
                f"it was damaged or changed; make it again: 'dvc repro --force --single-item "
                f"prepare@{folder.name}'."
            )


def split_languages(task: Task, params: Params) -> Mapping[Split, tuple[str, ...]]:
    """The languages that each split of ``task`` is prepared in; splits without any are left out."""
    trained = grid(params).trained_in(task)
    tested = tuple(c for c in params.languages.evaluation if c in task.eval_languages)
    wanted: dict[Split, tuple[str, ...]] = {"train": trained, "dev": trained, "test": tested}
    if task.own_dev:
        wanted["dev"] = ("en",)
    if isinstance(task.kind, Mine):
        wanted["dev"] = tested  # its dev pairs set the threshold of their own language
    if isinstance(task.kind, Rank) and tested:
        wanted["candidates"] = task.kind.pool
    return {
        split: wanted[split]
        for split in SPLITS
        if wanted.get(split) and has_split(task, split, params.study.source)
    }


def cap(rows: Sequence[Row], limit: int | None) -> list[Row]:
    """At most ``limit`` of ``rows``, in their order.

    Those with the smallest SHA-256 of their id stay: a choice that depends on nothing but ids, so it is
    the same items in every language of a parallel task, and a smaller limit keeps a part of what a
    larger one keeps. Of sentences to mine whole groups stay, those of the smallest such numbers that
    there is room for: half of a pair would be a sentence whose translation is not there.
    """
    if limit is None or len(rows) <= limit:
        return list(rows)
    if "side" in rows[0]:
        return _cap_groups(rows, limit)
    keys = ((hashlib.sha256(row["id"].encode()).digest(), index) for index, row in enumerate(rows))
    kept = sorted(index for _, index in heapq.nsmallest(limit, keys))
    return [rows[index] for index in kept]


def _cap_groups(rows: Sequence[Row], limit: int) -> list[Row]:
    sizes = Counter(row["group"] for row in rows)
    kept: set[str] = set()
    for group in sorted(sizes, key=lambda name: hashlib.sha256(name.encode()).digest()):
        if sizes[group] > limit:
            break
        limit -= sizes[group]
        kept.add(group)
    return [row for row in rows if row["group"] in kept]


def row_limit(limits: TaskParams, split: Split) -> int | None:
    """Rows to keep of a split; of candidates all, since a target may be any of them."""
    of = {"train": limits.train_rows, "dev": limits.dev_rows, "test": limits.test_rows}
    return of.get(split)


def _write(folder: Path, split: Split, code: str, found: Loaded, limit: int | None) -> dict[str, Any]:
    path = folder / split / f"{code}.jsonl"
    count = write_jsonl(path, cap(found.rows, limit))
    return {
        "rows": count,
        "released_rows": len(found.rows),
        "sha256": file_digest(path, 64),
        "origin": found.origin,
    }
