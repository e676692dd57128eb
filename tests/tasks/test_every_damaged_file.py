"""Every format of real files, damaged: one sentence on file, place and what was expected.

The files that hold one language of a split are copied without ``MANIFEST.json``, whose digests would
tell of any damage, and one of them is damaged: cut off; in another encoding; without a column or key,
each one, in all rows and in one; with an empty one; with labels that are all the same. Damage that no
reader can see is listed here with the reason, and must then change nothing but what the reason says.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
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


UNUSED: Mapping[str, set[str]] = {
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
    "*th_iapp/*.jsonl": {
        *("title", "created_by", "created_on", "is_pay", "is_pay.*"),
        "answers.answer_end",
    },
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
    "*dev-quy.tsv": {"0", "1"},  # id, language
    "*hellaswag/*.jsonl": {"activity_label"},
    "*commonsenseqa/*_rand_split.jsonl": {"question.question_concept"},
    "*xcopa/*.jsonl": {"changed"},
    "*nl_sick_nl/*.tsv": {
        *("pair_ID", "relatedness_score", "sentence_[AB]_*", "entailment_AB", "entailment_BA"),
        "SemEval_set",
    },
    "*qamr/filtered.*.tsv": {"1", "2", "3", "4"},
    "*multichecklist/*": {"de", "fr"},
    "*exams/*.jsonl": {"info", "info.*", "question.choices.para", "question.para"},
}
"""Keys and columns that no reader uses: their loss is told of, or the rows are the same."""

MENDED: Mapping[str, set[str]] = {
    "*exams/*.jsonl": {"question.stem", "question.choices"},
    "*target_language/qa/*.json": {"data.paragraphs.qas.question", "data.paragraphs.qas.answers.text"},
    "*.json": {"data.paragraphs.qas"},
}
"""Keys that may be empty in one place, since releases have that; at most the rows there are lost.

EXAMS has questions without a text and with other numbers of choices, which are left out. The sets that
are read by ``squad_mended`` lose a question without text or without an answer in the context, up to one
in ten. A paragraph without a question is a paragraph of candidates in LAReQA, and no error in SQuAD.
"""

TOGETHER = {
    "*-eng.*": "lines of the other side",
    "*socialiqa*": "lines of labels",
    "*pawsx/dev-*": "lines of the other language",
    "*qamr/wiki-sentences.tsv": "sentences that questions are of",
}
"""Files that are too short for another one: what shows the end of a file that ends with a whole line.

Of every other file of lines nothing shows it: it is a smaller file of the same format. The manifest's
digests do; and of a parallel test set the validation, since ids then differ between languages.
"""


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


def listed(table: Mapping[str, set[str]], name: str, key: str) -> bool:
    """Whether a table of exceptions has ``key`` of a file."""
    return any(
        fnmatch(name, pattern) and any(fnmatch(key, one) for one in keys)
        for pattern, keys in table.items()
    )


def listed_in(patterns: Iterable[str], name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


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


def some_keys(document: Document) -> list[str]:
    """All of them; of the templates, which have a column for each language, the first and a few."""
    if "multichecklist" in document.name:
        return ["Field", "en", "de", "fr"]
    return document.keys()


@each_format
@pytest.mark.parametrize("one", [False, True], ids=["in every row", "in one row"])
@pytest.mark.parametrize("change", [dropped, emptied])
def test_a_column_or_key_that_is_lost_or_empty(
    case: Case, files: Files, change: Callable[..., Any], one: bool
) -> None:
    files.shorten()
    good, wrong = files.rows(), []
    for name, text in files.few():
        document = Document(name, text)
        for key in some_keys(document):
            said = files.with_damage(name, document.changed(key, change, one=one))
            if listed(UNUSED, name, key):
                accepted = said == good
            else:
                mended = one and change is emptied and listed(MENDED, name, key)
                accepted = mended and isinstance(said, list) and len(said) <= len(good)
            if not accepted and (found := complaint(files, name, said)):
                wrong.append((name, key, found))
    assert not wrong


@each_format
def test_labels_that_are_all_the_same(case: Case, files: Files) -> None:
    files.shorten()
    wrong = []
    for name, text in files.few():
        content = with_one_label(Document(name, text))
        if content and (found := complaint(files, name, files.with_damage(name, content))):
            wrong.append((name, found))
    assert not wrong


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


@each_format
def test_a_file_that_is_cut_off(case: Case, files: Files) -> None:
    assert not cut_wrongly(files)


@each_format
def test_a_file_in_another_encoding(case: Case, files: Files) -> None:
    assert not encoded_wrongly(files)


@each_format
def test_damage_is_told_of_files_that_the_manifest_lists_otherwise(
    case: Case, files: Files, real_data: Path
) -> None:
    """The entries are those of the whole files; a shortened one is told by its digest alone."""
    files.list_in_manifest(ReleaseDirectory(real_data))
    whole = dict(files.texts)
    files.shorten()
    said = files.damaged_rows()
    if files.texts != whole:
        assert re.fullmatch(
            r"\S+: its content has SHA-256 .* lists .*; fetch the file again\.", str(said)
        )
    wrong = []
    for name, text in files.few():
        document, begin = Document(name, text), text.rfind("\n", 0, len(text) * 6 // 10) + 1
        while text[begin] == "\n":
            begin += 1
        also = {name, files.names[0]} if fnmatch(name, "*sentences.tsv") else {name}
        contents = [text[: begin + 1 if begin else len(text) // 2].encode(), with_one_label(document)]
        if (key := label_of(document)) is not None:
            contents.append(document.changed(key, dropped, one=False))
        for content in filter(None, contents):
            said = files.with_damage(name, content)
            if found := complaint(files, also, said):
                wrong.append((name, found))
            elif f"{name} has SHA-256" not in said:
                wrong.append((name, f"no digest: {said}"))
    assert not wrong


@each_format
def test_a_mark_of_byte_order_is_no_text(case: Case, files: Files) -> None:
    files.shorten()
    good = files.rows()
    for name, text in files.few():
        assert files.with_damage(name, b"\xef\xbb\xbf" + text.encode()) == good


@pytest.mark.slow
@pytest.mark.parametrize("case", OTHERS, ids="-".join)
def test_every_other_language(case: Case, files: Files) -> None:
    assert not cut_wrongly(files)
    assert not encoded_wrongly(files)


def cut_wrongly(files: Files) -> list[str]:
    """Cut within a line, and at the end of one, at about three fifths of each file."""
    wrong = []
    for name, text in files.few():
        whole = text.encode()
        begin = whole.rfind(b"\n", 0, len(whole) * 6 // 10) + 1
        end = whole.find(b"\n", begin + 1) + 1 or len(whole)
        middle = (begin + end) // 2 if begin else len(whole) * 6 // 10
        also = {name, files.names[0]} if fnmatch(name, "*sentences.tsv") else {name}
        said = files.with_damage(name, whole[:middle])
        wrong += [f"within a line: {found}" for found in [complaint(files, also, said)] if found]
        if end == len(whole):
            continue  # one line holds all
        said = files.with_damage(name, whole[:end])
        shows = listed_in(TOGETHER, name) and len(files.names) > 1
        shows |= (text.startswith("{") and "\n{" not in text) or "multichecklist" in name
        if shows:
            wrong += [f"after a line: {found}" for found in [complaint(files, also, said)] if found]
        elif not isinstance(said, list):
            wrong.append(f"after a line, where nothing shows it: {said}")
    return wrong


def encoded_wrongly(files: Files) -> list[str]:
    """UTF-16; Latin-1 and Windows-1252, in which letters that they lack become question marks; UTF-8
    that was taken for Latin-1 and saved as UTF-8 again.

    Nothing shows where all that is not ASCII is lost and that is little, as dashes of English texts.
    """
    wrong = []
    for name, text in files.few():
        for encoding in ("utf-16", "latin-1", "cp1252"):
            content = text.encode(encoding, errors="replace")
            lost = sum(not letter.isascii() for letter in text)
            if content.isascii() and lost < 0.1 * len(text):
                continue
            if found := complaint(files, name, files.with_damage(name, content)):
                wrong.append(f"{encoding}: {found}")
        twice = text.encode().decode("latin-1").encode()
        if sum(not letter.isascii() for letter in text) >= 100 and (
            found := complaint(files, name, files.with_damage(name, twice))
        ):
            wrong.append(f"UTF-8 twice: {found}")
    return wrong
