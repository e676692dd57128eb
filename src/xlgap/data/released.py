"""Which release files a study reads, and a digest of their bytes for each of its readers.

``graph.yaml`` holds these digests, so that other files below ``XLGAP_DATA`` make what was prepared from
them stale, wherever the directory is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from xlgap.config import Params
from xlgap.data.corpus import corpus_names
from xlgap.data.prepare import split_languages
from xlgap.data.sources import ReleaseDirectory, release_names
from xlgap.errors import DataError
from xlgap.formats import digest, file_digest
from xlgap.tasks import get_task
from xlgap.tasks.base import Task

VARIABLE = "XLGAP_DATA"
CORPUS = "corpus"


def data_dir(params: Params, root: Path) -> Path | None:
    """The directory of release files; None where the study's source is another one.

    Args:
        params: the study.
        root: the checkout, from which a relative path counts: stages run in the study's directory.

    Raises:
        DataError: ``XLGAP_DATA`` is not set or names no directory.
    """
    if params.study.source != "release":
        return None
    value = os.environ.get(VARIABLE, "")
    if not value:
        raise DataError(
            f"source 'release' reads official files from the directory that the environment variable "
            f"{VARIABLE} names, but it is not set; set it to that directory."
        )
    folder = Path(value)
    if not folder.is_absolute() and not folder.is_dir():
        folder = root / folder
    if not folder.is_dir():
        raise DataError(f"{VARIABLE}={value}: no such directory; name the one with the release files.")
    if not any(folder.iterdir()):
        raise DataError(f"{VARIABLE}={value}: it is empty; name the directory with the release files.")
    return folder


def release_digests(params: Params, root: Path) -> dict[str, str]:
    """For each task of the study and for the corpus, one digest over the files that are read.

    It covers names and stored bytes, compressed or not. A missing file is a state like any other: the
    stage that wants to read it says so. Empty where the source is no release.

    Raises:
        DataError: see :func:`data_dir`.
    """
    folder = data_dir(params, root)
    if folder is None:
        return {}
    directory = ReleaseDirectory(folder)
    found = {
        name: _digest(directory, _names(get_task(name), params, directory)) for name in params.all_tasks
    }
    return {**found, CORPUS: _digest(directory, corpus_names(params))}


def _names(task: Task, params: Params, directory: ReleaseDirectory) -> Iterator[str]:
    for split, languages in split_languages(task, params).items():
        for code in languages:
            yield from release_names(task, split, code, directory)


def _digest(directory: ReleaseDirectory, names: Iterable[str]) -> str:
    stored = {name: directory.stored(name) for name in names}
    return digest({name: path and file_digest(path, 64) for name, path in stored.items()})
