"""Every format of real files, damaged in every way: one sentence with file, place and what was expected.

A copy of what holds one language of a split is made without ``MANIFEST.json``, whose digests would tell
of any damage, and one file of it is damaged: cut off, in another encoding, without a column or key (each
one, in all rows and in one), with one that is empty, with labels that are all the same. Which damage no
reader can see is listed here with the reason, and must then change nothing but what the reason says.
"""

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
from xlgap.tasks import get_task, task_names
from xlgap.tasks.base import Mine, Rank, Row, Split, Task


class Case(NamedTuple):
    """One language of a split of a task."""

    task: str
    split: Split
    code: str


def languages(task: Task, split: Split) -> tuple[str, ...]:
    """Those that a split has files for."""
    if split == "candidates":
        return task.kind.pool if isinstance(task.kind, Rank) else ()
    tested = split == "test" or isinstance(task.kind, Mine)
    return task.eval_languages if tested else task.train_languages


def cases(*, every_language: bool = False) -> list[Case]:
    """One language, English where there is a choice, for each pattern of files; or every language."""
    found = []
    for task in map(get_task, task_names()):
        for split, files in (task.release or {}).items():
            alike: dict[object, list[str]] = {}
            for code in languages(task, split):
                paths = tuple(f.path for f in files if f.languages is None or code in f.languages)
                alike.setdefault(code if every_language else paths, []).append(code)
            for codes in alike.values():
                found.append(Case(task.name, split, "en" if "en" in codes else codes[0]))
    return found


FORMATS = cases()
OTHERS = [case for case in cases(every_language=True) if case not in FORMATS]
each_format = pytest.mark.parametrize("case", FORMATS, ids="-".join)


# Keys and columns that no reader uses: without them the rows are the same.
UNUSED = {
    "*squad*.json": {"version", "data.title", "data.paragraphs.qas.is_impossible"},
    "*xquad*.json": {"version", "data.title"},
    "*mlqa*.json": {"version", "data.title"},
    "*xquad-r/*.json": {"version", "data.title"},
    "*arcd*.json": {"version", "data.title"},
    "*fa_parsinlu_rc/*.json": {"version", "data.title"},
    "*pt_faquad/*.json": {"version", "data.title"},
    "*tydiqa*.json": {"version", "data.paragraphs.qas.xtreme_id"},
    "*cmrc*.json": {"version", "data.title", "data.id", "data.paragraphs.id"},
    "*DRCD*.json": {
        *("version", "data.title", "data.id", "data.paragraphs.id"),
        "data.paragraphs.qas.answers.id",
    },
    "*th_iapp/*.jsonl": {"title", "created_by", "created_on", "is_pay"},
    "*anli/*.jsonl": {"uid", "reason", "tag"},
    "*zh_ocnli/*.jsonl": {
        *("level", "genre", "prem_id", "id"),
        *("label0", "label1", "label2", "label3", "label4"),
    },
    "*id_indonli/*.jsonl": {
        *("pair_id", "premise_id", "data_split", "annotator_type", "sentence_size"),
    },
    "*ko_klue_nli/*.jsonl": {
        *("guid", "source", "author", "label2", "label3", "label4", "label5"),
    },
    "*ja_jnli/*.json": {"sentence_pair_id"},
    "*hellaswag/*.jsonl": {"activity_label"},
}


class Files:
    """The files of a case, good ones, in a directory of their own."""

    def __init__(self, case: Case, real: Path, root: Path) -> None:
        self.case, self.root, self.task = case, root, get_task(case.task)
        directory = ReleaseDirectory(real)
        self.names = list(
            dict.fromkeys(release_names(self.task, case.split, case.code, directory))
        )
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

    def with_damage(self, name: str, content: bytes) -> list[Row] | str:
        """What is read, or the sentence."""
        self.put(name, content)
        try:
            return self.rows()
        except DataError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 a traceback is what must not be
            return f"{type(error).__name__}: {error}"
        finally:
            self.put(name)


PLACE = r"(line \d+|article \d+(, paragraph \d+)?(, question '[^']*')?|question \S+): ."


def complaint(files: Files, name: str, said: list[Row] | str) -> str | None:
    """What is wrong with what a damaged file ends in; ``None`` where it is the one clear sentence."""
    if not isinstance(said, str):
        return "accepted"
    if not any(re.match(re.escape(f"{files.root / n}, ") + PLACE, said) for n in (name,)):
        return f"no file or place: {said}"
    if "\n" in said or not said.endswith("."):
        return f"no one sentence: {said}"
    if not re.search("expected|allowed", said):
        return f"not what was expected: {said}"
    return None


@pytest.fixture
def files(case: Case, real_data: Path, tmp_path: Path) -> Files:
    return Files(case, real_data, tmp_path)


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
            self.value: Any = [json.loads(x) for x in text.split("\n") if x] if self.lines else json.loads(text)
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
        return self._text(found).encode()

    def _text(self, value: Any) -> str:
        if self.lines:
            return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in value)
        if self.json:
            return json.dumps(value, ensure_ascii=False)
        rows = [list(row.values()) for row in value]
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


def unused(name: str) -> set[str]:
    return set().union(*(keys for pattern, keys in UNUSED.items() if fnmatch(name, pattern)))


@each_format
def test_probe(case: Case, files: Files) -> None:
    import time
    t=time.time()
    good = files.rows()
    print("rows", len(good), round(time.time()-t,2))
    bad=[]
    for name, text in files.texts.items():
        doc = Document(name, text)
        for change in (dropped, emptied):
            for key in doc.keys():
                for one in (False, True):
                    said = files.with_damage(name, doc.changed(key, change, one=one))
                    if key in unused(name):
                        w = None if said == good else "UNUSED differs: %s" % str(said)[:200]
                    else:
                        w = complaint(files, name, said)
                        if w=="accepted" and said==good: w="accepted, same rows"
                    if w: bad.append((name, change.__name__, key[:60], "one" if one else "all", w.replace(str(files.root)+"/", "")[:330]))
        cut = int(len(text.encode())*.6)
        said=files.with_damage(name, text.encode()[:cut])
        w=complaint(files,name,said)
        if w: bad.append((name,"cut",w[:300]))
        end=text.find("\n",cut)
        said=files.with_damage(name, text[:text.find("\n",int(len(text)*.6))+1].encode())
        w=complaint(files,name,said)
        if w: bad.append((name,"cutline",w[:300]))
        for enc in ("utf-16","latin-1","cp1252"):
            said=files.with_damage(name, text.encode(enc, errors="replace"))
            w=complaint(files,name,said)
            if w: bad.append((name,enc,w[:200]))
    print("time", round(time.time()-t,2))
    with open("/tmp/w/probe_out.txt","a") as f:
        f.write(f"== {case} {time.time()-t:.1f}s rows {len(good)}\n")
        for b in bad: f.write("  "+" | ".join(b)+"\n")
