"""The licence manifest: what data a study was made of, under which licence, and whom to cite."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePosixPath
from typing import Any


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """The data of one task of a study.

    Attributes:
        task: name of the task.
        source: lab, release or hub.
        held: the release files, repository at its revision, or generator that the rows are from.
        licence, citation: of the data.
        noncommercial: whether the licence forbids commercial use: of the data set, or of some of the
            languages or files that were read.
        languages: those that the task declares or whose files the release marks so; none where the
            mark is of the whole.
    """

    task: str
    source: str
    held: tuple[str, ...]
    licence: str
    citation: str
    noncommercial: bool
    languages: tuple[str, ...] = ()


def data_sets(manifests: Iterable[Mapping[str, Any]]) -> tuple[DataSet, ...]:
    """The data behind prepared tasks, in the order of their manifests."""
    return tuple(
        DataSet(
            task=manifest["task"],
            source=manifest["source"],
            held=_held(manifest),
            licence=manifest["licence"],
            citation=manifest["citation"],
            noncommercial=manifest["noncommercial"],
            languages=_marked(manifest),
        )
        for manifest in manifests
    )


def _origins(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for languages in manifest["splits"].values():
        for code, rows in languages.items():
            yield code, rows["origin"]


def _held(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    folders: dict[str, set[str]] = defaultdict(set)
    others = set()
    for _, origin in _origins(manifest):
        for held in (origin, *origin.get("more", ())):
            if "repo" in held:
                others.add(f"{held['repo']} at {held['revision'][:8]}")
        for file in origin.get("files", ()):
            path = PurePosixPath(file["path"])
            folders[str(path.parent)].add(path.name)
        if "generator" in origin:
            others.add(f"generated: {origin['generator']}")
    return tuple(sorted(others | {f"{folder}/{_folded(names)}" for folder, names in folders.items()}))


def _folded(names: set[str]) -> str:
    """Names of files as one pattern: what they have in common on both sides of a ``*``.

    >>> _folded({"test-de.tsv", "test-sw.tsv"})
    'test-*.tsv'
    """
    if len(names) == 1:
        return next(iter(names))
    start = _common(names)
    end = _common({name[len(start) :][::-1] for name in names})
    return f"{start}*{end[::-1]}"


def _common(texts: set[str]) -> str:
    """What all of ``texts`` begin with."""
    return "".join(letters.pop() for letters in takewhile(_one, map(set, zip(*texts, strict=False))))


def _one(letters: set[str]) -> bool:
    return len(letters) == 1


def _marked(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    found = {
        code
        for code, origin in _origins(manifest)
        for file in origin.get("files", ())
        if file.get("licence_class") == "nc"
    }
    return tuple(sorted(found | {*manifest.get("noncommercial_in", ())}))
