"""Files of a release in a directory of their own, taken apart and damaged."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from xlgap.data.sources import ReleaseDirectory, load, release_names
from xlgap.errors import DataError
from xlgap.tasks import get_task
from xlgap.tasks.base import Row, Split


class Case(NamedTuple):
    """One language of a split of a task."""

    task: str
    split: Split
    code: str


class Files:
    """The files of a case, good ones, in a directory of their own."""

    def __init__(self, case: Case, real: Path, root: Path) -> None:
        self.case, self.root, self.task = case, root, get_task(case.task)
        directory = ReleaseDirectory(real)
        self.names = list(dict.fromkeys(release_names(self.task, case.split, case.code, directory)))
        if missing := [name for name in self.names if directory.stored(name) is None]:
            pytest.skip(f"{real} has no {missing[0]}")
        self.texts = {name: directory.read(name)[0] for name in self.names}
        for name in self.names:
            self.put(name)

    def put(self, name: str, content: bytes | None = None) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.texts[name].encode() if content is None else content)

    def rows(self) -> list[Row]:
        case = self.case
        found = load(self.task, case.split, [case.code], source="release", data_dir=self.root)
        return found[case.code].rows

    def shorten(self) -> None:
        for name, text in self.texts.items():
            self.texts[name] = shortened(name, text)
            self.put(name)

    def few(self) -> list[tuple[str, str]]:
        """The files to damage: of LAReQA, which reads those of 11 languages, two."""
        return list(self.texts.items())[: 3 if self.case.task != "lareqa" else 2]

    def with_damage(self, name: str, content: bytes) -> list[Row] | str:
        """What is read, or the sentence."""
        self.put(name, content)
        try:
            return self.damaged_rows()
        finally:
            self.put(name)

    def damaged_rows(self) -> list[Row] | str:
        try:
            return self.rows()
        except DataError as error:
            return str(error)
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    def list_in_manifest(self, real: ReleaseDirectory) -> None:
        """The entries of these files, as the real directory has them."""
        if missing := [name for name in self.names if name not in real.listed]:
            pytest.skip(f"{real.root} lists no {missing[0]}")
        entries = [real.listed[name] for name in self.names]
        (self.root / "MANIFEST.json").write_text(json.dumps({"files": entries}))


PLACE = r"(line \d+|article \d+(, paragraph \d+)?(, question '[^']*')?|question \S+): ."


def complaint(files: Files, name: str | set[str], said: list[Row] | str) -> str | None:
    """What is wrong with what a damaged file ends in; ``None`` where it is the one clear sentence."""
    if not isinstance(said, str):
        return "accepted"
    if not any(
        re.match(re.escape(f"{files.root / n}, ") + PLACE, said)
        for n in ({name} if isinstance(name, str) else name)
    ):
        return f"no file or place: {said}"
    if "\n" in said or not said.endswith("."):
        return f"no one sentence: {said}"
    if not re.search("expected|allowed", said):
        return f"not what was expected: {said}"
    return None


class Document:
    """A file taken apart: JSON, lines of JSON, or a table with or without header."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.json = text.startswith("{")
        self.lines = self.json and "\n{" in text.rstrip()
        self.quoted = name.endswith(".csv")
        self.delimiter = "," if "cosmosqa" in name else "\t"
        self.header = self.quoted or "sick" in name or "multichecklist" in name
        if self.json:
            self.value: Any = (
                [json.loads(x) for x in text.split("\n") if x] if self.lines else json.loads(text)
            )
            return
        ends = text.split("\n")[: -1 if text.endswith("\n") else None]
        self.value = (
            list(csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter))
            if self.quoted
            else [line.removesuffix("\r").split("\t") if line else [] for line in ends]
        )

    def keys(self) -> list[str]:
        """All keys, with dots between, or columns."""
        if self.json:
            return list(dict.fromkeys(".".join(key) for key in _keys(self.value)))
        first = next(row for row in self.value if row)
        return first if self.header else [str(i) for i in range(len(first))]

    def changed(self, key: str, change: Callable[[dict[Any, Any], Any], Any], *, one: bool) -> bytes:
        """The file with every (or the middle) object that has ``key`` changed."""
        path: list[Any] = [*key.split(".")] if self.json else [self.keys().index(key)]
        value = self.value if self.json else [dict(enumerate(row)) for row in self.value]
        if not self.json and self.header and one:
            value = value[1:]
        counted = _Counter(None)
        _alter(value, path, lambda found, _: found, counted)
        found = _alter(value, path, change, _Counter(counted.seen // 2 if one else None))
        if not self.json and self.header and one:
            found = [dict(enumerate(self.value[0])), *found]
        return self.text_of(found).encode()

    def text_of(self, value: Any) -> str:
        if self.lines:
            return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in value)
        if self.json:
            return json.dumps(value, ensure_ascii=False)
        rows = [list(row.values()) if isinstance(row, dict) else row for row in value]
        if not self.quoted:
            return "".join("\t".join(row) + "\n" for row in rows)
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self.delimiter, lineterminator="\n").writerows(rows)
        return out.getvalue()


class _Counter:
    def __init__(self, only: int | None) -> None:
        self.only, self.seen = only, 0

    def wanted(self) -> bool:
        self.seen += 1
        return self.only is None or self.only == self.seen - 1


def _keys(value: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, list):
        for each in value:
            yield from _keys(each, above)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield (*above, key)
            yield from _keys(inner, (*above, key))


def _alter(value: Any, path: list[Any], change: Callable[..., Any], counter: _Counter) -> Any:
    if isinstance(value, list):
        return [_alter(each, path, change, counter) for each in value]
    if not isinstance(value, dict) or path[0] not in value:
        return value
    if len(path) > 1:
        inner = _alter(value[path[0]], path[1:], change, counter)
        return {**value, path[0]: inner}
    return change({**value}, path[0]) if counter.wanted() else value


def dropped(value: dict[Any, Any], key: Any) -> dict[Any, Any]:
    del value[key]
    return value


def emptied(value: dict[Any, Any], key: Any) -> dict[Any, Any]:
    value[key] = type(value[key])() if isinstance(value[key], str | list | dict) else None
    return value


SAMPLE = 60  # records of a file that each of its keys is taken from in turn


def shortened(name: str, text: str) -> str:
    """The first records, where nothing else needs the others."""
    if fnmatch(name, "*sentences.tsv") or fnmatch(name, "*multichecklist*"):
        return text
    if text.startswith("{") and "\n{" not in text:
        value = json.loads(text)
        few = 40 if "tydiqa" in name else 2
        value["data"] = [
            {**article, "paragraphs": article["paragraphs"][:3]} for article in value["data"][:few]
        ]
        return json.dumps(value, ensure_ascii=False)
    if "cosmosqa" in name:
        document = Document(name, text)
        return document.text_of(document.value[:SAMPLE])
    between = "\n\n" if "\n\n" in text and "\t" in text else "\n"
    return "".join(record + between for record in text.split(between, 3 * SAMPLE)[:-1][: 3 * SAMPLE])


def with_one_label(document: Document) -> bytes | None:
    """The file with its first label, tag or answers in every row; ``None`` where it has none."""
    if (key := label_of(document)) is None:
        return None
    first: list[Any] = []

    def constant(value: dict[Any, Any], at: Any) -> dict[Any, Any]:
        first.append(value[at])
        columns = range(6, 9) if len(value) == 9 and at == 8 else [at]  # QAMR's three answers
        return {**value, **dict.fromkeys(columns, first[0])}

    return document.changed(key, constant, one=False)


def label_of(document: Document) -> str | None:
    """The key or column of the label, tag or answers; ``None`` in a file without any."""
    keys = document.keys()
    known = ("label", "gold_label", "answerKey", "entailment_label", "answers")
    known = (*known, "data.paragraphs.qas.answers")
    if found := next((key for key in known if key in keys), None):
        return found
    unlabelled = ("*-eng.*", "*sentences.tsv", "*multichecklist*", "*socialiqa/*.jsonl")
    return None if any(fnmatch(document.name, p) for p in unlabelled) else keys[-1]
