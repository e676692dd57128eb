"""Where rows come from: official release files, the Hugging Face hub, or the lab.

Each source gives, for one split of a task, the rows of every language asked for and where they stood.
Rows are checked against the schema of the task's kind one by one; nothing is written here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from xlgap.data import schema
from xlgap.data.directory import ReleaseDirectory as ReleaseDirectory
from xlgap.data.directory import with_digests
from xlgap.errors import DataError
from xlgap.languages import get_language
from xlgap.tasks._readers.text import not_constant
from xlgap.tasks.base import DROPPED, HubDataset, Kind, ReleaseFile, Row, Split, Task

SourceName = Literal["lab", "release", "hub"]
LAB_SEED = 0
LAB_ROWS: Mapping[Split, int] = {"train": 2000, "dev": 300, "test": 500}
"""Rows that the lab makes in each language where ``params.yaml`` gives no number."""


@dataclass(frozen=True)
class Loaded:
    """The rows of one language in one split, all that the source has.

    Attributes:
        rows: prepared rows, in the order of the source.
        origin: where they stood, for the manifest: files with digests, or repository and revision and,
            as ``more``, those of further ones; also the rows that are no items, ``dropped``, counted
            by reason, and which files it is that ``stands_in`` for the official ones.
        noncommercial: whether the source marks them so.
    """

    rows: list[Row]
    origin: Mapping[str, Any]
    noncommercial: bool = False


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
        files = _Files(directory)
        return {code: _from_release(task, split, code, files) for code in languages}
    if source == "hub":
        return {code: _from_hub(task, split, code) for code in languages}
    return _from_lab(task, split, languages, lab_rows or LAB_ROWS[split])


def has_split(task: Task, split: Split, source: SourceName) -> bool:
    """Whether ``source`` has ``split`` of the task; one trained by proxy has no train split."""
    return task.has_split(split, source)


def has_dev(task: Task, source: SourceName) -> bool:
    """Whether trainings on the task have dev rows; one that keeps its last checkpoint needs none."""
    return task.has_dev(source)


def checked(kind: Kind, rows: Iterable[Row], where: str, none: str = "no rows") -> list[Row]:
    """``rows`` as a list, each checked against the schema of their kind.

    Args:
        kind: the kind.
        rows: of one language.
        where: they stood.
        none: what is said of it where there are none.

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
        raise DataError(f"{where}, {none}; expected at least one: fetch the file again.")
    return found


def _release_file(task: Task, split: Split, code: str, directory: ReleaseDirectory) -> ReleaseFile:
    """The first declaration for the language whose needs the directory meets."""
    for file in (task.release or {})[split]:
        if (file.languages is None or code in file.languages) and all(
            directory.stored(name) for name in _names(file.needs, code)
        ):
            return file
    raise DataError(f"task '{task.name}' has no {split} file in language '{code}' in its release.")


def release_names(task: Task, split: Split, code: str, directory: ReleaseDirectory) -> list[str]:
    """The files that hold one language of a split: its own and, where it has any, the aligned ones.

    Raises:
        DataError: the release of the task has no such file.
    """
    file = _release_file(task, split, code, directory)
    return _names((file.path, *file.aligned), code)


def _names(patterns: Sequence[str], code: str) -> list[str]:
    iso639_3 = get_language(code).iso639_3
    return [pattern.format(language=code, iso639_3=iso639_3) for pattern in patterns]


@dataclass
class _Files:
    """A directory, and the rows by language of files that have all languages: each is read once."""

    directory: ReleaseDirectory
    whole: dict[ReleaseFile, tuple[dict[str, list[Row]], list[dict[str, Any]]]] = field(
        default_factory=dict
    )


def _from_release(task: Task, split: Split, code: str, files: _Files) -> Loaded:
    file = _release_file(task, split, code, files.directory)
    names = release_names(task, split, code, files.directory)
    where = str(files.directory.root / names[0])
    read = {} if file in files.whole else {name: files.directory.content(name) for name in names}
    unlisted = {name: content.unlisted for name, content in read.items() if content.unlisted}
    texts, facts = ([read[n].text for n in names], [read[n].facts for n in names]) if read else ([], [])
    try:
        rows: Iterable[Row]
        if file.by_language:
            if texts:
                files.whole[file] = _by_language(file.read(*texts)), facts
            of, facts = files.whole[file]
            rows, none = of.get(code, ()), f"no rows in language '{code}'"
        else:
            rows, none = file.read(*texts), "no rows"
        dropped: Counter[str] = Counter()
        found = checked(task.kind_of(split), _kept(rows, dropped), where, none=f"line 1: {none}")
    except DataError as error:
        message = _named(str(error), names, files.directory)
        known = message.startswith(str(files.directory.root))
        message = message if known else f"{where}, {message}"
        raise DataError(with_digests(message, unlisted)) from error
    for name, digests in unlisted.items():
        raise DataError(files.directory.not_listed(name, digests))
    noncommercial = any(fact["licence_class"] == "nc" for fact in facts)
    counted = {"dropped": dict(sorted(dropped.items()))} if dropped else {}
    stands_in = {"stands_in": file.stands_in} if file.stands_in else {}
    return Loaded(found, {"files": facts, **counted, **stands_in}, noncommercial)


def _named(message: str, names: Sequence[str], directory: ReleaseDirectory) -> str:
    """A reader's ``message``; where it begins with ``file 2, ``, with that file's name in its place."""
    found = re.match(r"file (\d+), ", message)
    if found is None:
        return message
    return f"{directory.root / names[int(found[1]) - 1]}, {message.removeprefix(found[0])}"


def _kept(rows: Iterable[Row], dropped: Counter[str]) -> Iterator[Row]:
    """``rows`` without those that the source says are no items; these are counted by their reason."""
    for row in rows:
        if DROPPED in row:
            dropped[row[DROPPED]] += 1
        else:
            yield row


def _by_language(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        own = {**row}
        found.setdefault(own.pop("language"), []).append(own)
    return found


def _from_hub(task: Task, split: Split, code: str) -> Loaded:
    assert task.hub is not None, f"task '{task.name}' is not on the hub"
    hubs = [hub for hub in (task.hub, *task.hub.more) if split in hub.splits]
    having = [hub for hub in hubs if hub.names is None or code in hub.names]
    if not having:
        repos, known = (hub.repo for hub in hubs), {name for hub in hubs for name in hub.names or ()}
        raise DataError(
            f"task '{task.name}': {' and '.join(repos)} on the hub has no language '{code}'; "
            f"it has: {', '.join(sorted(known))}."
        )
    kind, rows, dropped = task.kind_of(split), list[Row](), Counter[str]()
    for hub in having:
        where = f"{hub.repo} at {hub.revision[:8]}, {_config(hub, code)}, {hub.splits[split]}"
        rows += _labelled(kind, checked(kind, _finished(task, hub, split, code, dropped), where), where)
    first, *others = (
        {"repo": hub.repo, "revision": hub.revision, "config": _config(hub, code)} for hub in having
    )
    more = {"more": others} if others else {}
    counted = {"dropped": dict(sorted(dropped.items()))} if dropped else {}
    return Loaded(rows, {**first, **more, **counted})


def _labelled(kind: Kind, rows: list[Row], where: str) -> list[Row]:
    """``rows`` of a table, whose labels differ.

    Raises:
        DataError: labels, tags or answers are stripped or constant.
    """
    key = {"classify": "label", "choose": "label", "tag": "tags"}.get(kind.name)
    if key:
        return list(not_constant(rows, key, f"{where}, row 1", "table"))
    if kind.name == "span" and not any(row["answers"]["text"] for row in rows):
        raise DataError(
            f"{where}, row 1: no question of the table has an answer, expected some; the answers are "
            "stripped, put the labelled table in its place."
        )
    return rows


def _config(hub: HubDataset, code: str) -> str:
    return hub.config.format(language=(hub.names or {code: code})[code])


def _finished(
    task: Task, hub: HubDataset, split: Split, code: str, dropped: Counter[str]
) -> Iterable[Row]:
    """The rows of one split and language, without those that are no items."""

    def of(wanted: Split) -> Iterator[Row]:
        counts = dropped if wanted == split else Counter[str]()
        return _kept(_hub_rows(task, hub, wanted, code), counts)

    return of(split) if hub.finish is None else _kept(hub.finish(split, of), dropped)


def _hub_rows(task: Task, hub: HubDataset, split: Split, code: str) -> Iterator[Row]:
    """All rows of one split and language.

    Raises:
        DataError: the repository has no such table, or a row lacks a column.
    """
    config, name = _config(hub, code), (hub.names or {code: code})[code]
    where = f"{hub.repo} at {hub.revision[:8]}, {config}, {hub.splits[split]}"
    for number, row in enumerate(_download(hub, config, hub.splits[split], task), 1):
        try:
            if hub.language_of is None or hub.language_of(row) == name:
                yield hub.row({**row, "row_number": number})
        except KeyError as error:
            raise DataError(
                f"{where}: expected a column {error}, got a row without it; task '{task.name}' is "
                "declared for another revision."
            ) from error
        except (TypeError, AttributeError) as error:
            if not (empty := [column for column, value in row.items() if _has_none(value)]):
                raise  # a mistake of ours
            raise DataError(
                f"{where}, row {number}: expected a value in the columns {', '.join(row)}, got none in "
                f"{', '.join(empty)}; the table is damaged or stripped: fetch it again."
            ) from error


def _has_none(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_none, value.values()))
    return value is None or (isinstance(value, list) and any(map(_has_none, value)))


def _download(hub: HubDataset, config: str, split: str, task: Task) -> Iterable[Mapping[str, Any]]:
    """The rows of one configuration, from parquet alone: ``datasets`` runs no code of a repository.

    Raises:
        DataError: the hub cannot be reached, or has no such revision, configuration or split.
    """
    import datasets
    from datasets.exceptions import DatasetsError

    datasets.disable_progress_bars()
    try:
        table: Iterable[Mapping[str, Any]] = datasets.load_dataset(
            hub.repo, config, revision=hub.revision, split=split
        )
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        reason = str(error.__cause__ or error).strip().split("\n")[0].split(". ")[0].rstrip(".")
        damaged = _is_of_arrow(error)
        raise DataError(
            f"task '{task.name}': cannot load {hub.repo} ({config}, {split}, revision "
            f"{hub.revision[:8]}) from the Hugging Face hub: {type(error).__name__}: {reason}; "
            + (
                "a file is damaged or truncated, expected parquet: remove it, from the hub's cache or "
                "from where it lies, and fetch it again."
                if damaged
                else "check the connection and HF_HUB_OFFLINE, or use the source 'release' or 'lab'."
            )
        ) from error
    return table


def _is_of_arrow(error: BaseException | None) -> bool:
    """Whether ``error`` comes from what was read, rather than from the way to it."""
    import pyarrow
    from datasets.exceptions import DatasetGenerationError

    while error is not None:
        inner = error.__cause__ or error.__context__
        of_disk = isinstance(inner, OSError) and inner.errno is not None  # full, or not to be written
        if isinstance(error, pyarrow.ArrowException):
            return True
        if isinstance(error, DatasetGenerationError) and not of_disk:
            return True
        error = inner
    return False


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
