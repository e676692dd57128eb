"""Every format of real files, damaged: one sentence on file, place and what was expected.

The files that hold one language of a split are copied without ``MANIFEST.json``, whose digests would
tell of any damage, and one of them is damaged: cut off; in another encoding; without a column or key,
each one, in all rows and in one; with an empty one; with labels that are all the same. Damage that no
reader can see is listed here with the reason, and must then change nothing but what the reason says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from damaged_files import Case, Document, Files, complaint, dropped, emptied, label_of, with_one_label

from xlgap.data.sources import ReleaseDirectory
from xlgap.tasks import get_task, task_names
from xlgap.tasks.base import Mine, Rank, Split, Task


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


@pytest.fixture
def files(case: Case, real_data: Path, tmp_path: Path) -> Files:
    return Files(case, real_data, tmp_path)


def listed(table: Mapping[str, set[str]], name: str, key: str) -> bool:
    """Whether a table of exceptions has ``key`` of a file."""
    return any(
        fnmatch(name, pattern) and any(fnmatch(key, one) for one in keys)
        for pattern, keys in table.items()
    )


def listed_in(patterns: Iterable[str], name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


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
