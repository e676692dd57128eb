"""Readers of question answering formats: good files, and one clear sentence for each bad one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlgap.data.sources import ReleaseDirectory, load, release_names
from xlgap.errors import DataError
from xlgap.tasks import get_task
from xlgap.tasks._readers.qa import (
    cmrc_and_drcd,
    iapp,
    squad2,
    squad_mended,
    squad_unique,
    tydiqa,
    tydiqa_train,
)
from xlgap.tasks._readers.qamr import qamr
from xlgap.tasks.base import DROPPED, Split

CONTEXT = "The mill stood by the river. The mill burnt down."


def answer(text: str, start: int | None = None) -> dict[str, Any]:
    return {"text": text, "answer_start": CONTEXT.index(text) if start is None else start}


def question(name: str, *answers: dict[str, Any], text: str = "What?") -> dict[str, Any]:
    return {"id": name, "question": text, "answers": list(answers)}


def squad_file(*questions: dict[str, Any], context: str = CONTEXT) -> str:
    paragraph = {"context": context, "qas": list(questions)}
    return json.dumps({"version": "1", "data": [{"paragraphs": [paragraph]}]})


GOOD = squad_file(question("a", answer("river")), question("b", answer("The mill"), answer("mill")))


@pytest.mark.parametrize("read", [squad_unique, squad2, squad_mended, tydiqa])
def test_good_files_are_read_alike(read: Callable) -> None:
    rows = list(read(GOOD))
    assert [row["id"] for row in rows] == ["a", "b"]
    assert rows[1] == {
        "id": "b",
        "group": "1-1",
        "context": CONTEXT,
        "question": "What?",
        "answers": {"text": ["The mill", "mill"], "answer_start": [0, 4]},
    }


@pytest.mark.parametrize("read", [squad_unique, squad2, squad_mended, tydiqa])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD[:-40], r"line 1: not valid JSON at column \d+"),
        ("[]", r"line 1: expected an object with the key 'data'"),
        ('{"data": [{}]}', r"article 1: key 'paragraphs' is missing"),
        (
            '{"data": [{"paragraphs": [{"qas": []}]}]}',
            r"article 1, paragraph 1: key 'context' is missing",
        ),
        ('{"data": 3}', r"line 1: expected a list of articles as 'data'"),
        (
            GOOD.replace('"answer_start": 22', '"answer_start": "22"'),
            r"'a': expected a whole number as",
        ),
        (
            '{"data": [{"paragraphs": [{"context": "c", "qas": [{"id": "a", "question": "q"}]}]}]}',
            r"article 1, paragraph 1, question 'a': key 'answers' is missing",
        ),
    ],
)
def test_a_damaged_file_is_refused_by_place(read: Callable, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(read(text))


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (
            squad_unique,
            squad_file(question("a")),
            r"question 'a': expected at least one answer, .*stripped",
        ),
        (
            squad_mended,
            squad_file(question("a")),
            r"question 'a': expected at least one answer, .*strip",
        ),
        (tydiqa, squad_file(question("a")), r"question 'a': expected at least one answer, .*stripped"),
        (squad2, squad_file(question("a")), r"question 'a': expected at least one answer, .*stripped"),
        (
            squad_unique,
            squad_file(question("a", answer("river", 3))),
            r"article 1, paragraph 1, question 'a': answer 'river' does not stand at offset 3",
        ),
        (
            squad_unique,
            squad_file(question("a", answer("mill")), question("a", answer("river"))),
            r"question 2: expected an id of its own, got 'a', which is question 1's already",
        ),
        (
            tydiqa,
            squad_file(question("17", answer("mill")), question("17", answer("river"))),
            r"question 2: expected an id of its own, got '17'.*script keep only the last field",
        ),
        (
            squad_mended,
            squad_file(*(question(str(n), answer("river", n)) for n in range(5))),
            r"line 1: 5 of 5 answers do not stand at their offset, expected at most 10%",
        ),
    ],
)
def test_a_trap_is_named(read: Callable, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(read(text))


def test_a_question_without_answer_is_kept_where_there_may_be_some() -> None:
    rows = list(squad2(squad_file(question("a", answer("river")), question("b"))))
    assert rows[1]["answers"] == {"text": [], "answer_start": []}


def test_a_wrong_offset_is_mended_where_the_text_stands_once_and_dropped_elsewhere() -> None:
    good = [question(f"g{n}", answer("river")) for n in range(50)]
    found = list(
        squad_mended(
            squad_file(
                *good,
                question("once", answer("burnt", 3)),
                question("twice", answer("mill", 7), answer("river")),
                question("nowhere", answer("lake", 7)),
                question("blank", answer("river"), text=" "),
            )
        )
    )[50:]
    assert found[0]["answers"] == {"text": ["burnt"], "answer_start": [CONTEXT.index("burnt")]}
    assert found[1]["answers"]["text"] == ["river"]
    assert found[2:] == [
        {DROPPED: "no answer stands in the context"},
        {DROPPED: "the question is empty"},
    ]


def test_two_chinese_sets_are_one_with_groups_of_their_own() -> None:
    other = GOOD.replace('"a"', '"c"').replace('"b"', '"d"')
    rows = list(cmrc_and_drcd(GOOD, other))
    assert [(row["id"], row["group"]) for row in rows] == [
        ("a", "cmrc-1-1"), ("b", "cmrc-1-1"), ("c", "drcd-1-1"), ("d", "drcd-1-1"),
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"question 3: expected an id of its own, got 'a'"):
        list(cmrc_and_drcd(GOOD, GOOD))
    with pytest.raises(DataError, match=r"^file 2, line 1: not valid JSON"):
        list(cmrc_and_drcd(GOOD, other[:50]))


def test_repeated_ids_of_tydiqa_are_numbered_where_they_train() -> None:
    articles = [
        {"paragraphs": [{"context": f"{CONTEXT} {n}", "qas": [question("7", answer("river"))] * 2}]}
        for n in range(60)
    ]
    text = json.dumps({"data": articles})
    ids = [row["id"] for row in tydiqa_train(text)]
    assert len(set(ids)) == len(ids) == 120
    assert sorted(ids)[:2] == ["7", "7#10"]


IAPP = {
    "article_id": "x", "question_id": "x_0", "context": CONTEXT, "question": "What?",
    "answers": {"text": ["river"], "answer_start": [22], "answer_end": [27]},
}  # fmt: skip


def test_iapp() -> None:
    (row,) = iapp(json.dumps(IAPP) + "\n")
    assert (row["id"], row["group"]) == ("x_0", "x")
    assert row["answers"] == {"text": ["river"], "answer_start": [22]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answers": {"text": ["river"]}}, r"line 1: key 'answer_start' is missing"),
        ({"answers": {"text": [], "answer_start": []}}, r"line 1: expected as many answers as offsets"),
        (
            {"answers": {"text": ["lake"], "answer_start": [2]}},
            r"line 1: answer 'lake' does not stand at",
        ),
    ],
)
def test_a_bad_line_of_iapp(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(iapp(json.dumps(IAPP | change)))
    with pytest.raises(DataError, match=r"line 1: expected the keys .*, question missing"):
        list(iapp(json.dumps({k: v for k, v in IAPP.items() if k != "question"})))


SENTENCES = "s:1\tThe mill -LRB- old -RRB- burnt `` down '' .\ns:2\tIt rained .\n"


def qamr_line(sentence: str, text: str, *answers: str) -> str:
    return "\t".join((sentence, "1 5", "9", "0", "1", text, *answers)) + "\n"


def test_qamr_answers_are_stretches_of_words() -> None:
    text = (
        qamr_line("s:1", "What burnt?", "0 1", "12:0 1", "13:1")
        + qamr_line("s:1", "What was old?", "1 3", "12:1", "13:1 3")
        + qamr_line("s:1", "What burnt?", "1 2 3 4", "12:1", "13:0 1")
        + qamr_line("s:2", "What is not told?", "0 2", "12:0 2", "13:0 2")
        + qamr_line("s:2", "What happened?", "1", "12:0 1", "13:1")
    )
    burnt, old, again, none, rained = qamr(text, SENTENCES)
    assert burnt["context"] == 'The mill ( old ) burnt " down " .'
    assert burnt["answers"]["text"] == ["The mill", "mill", "mill ( old )"]
    assert all(
        burnt["context"].startswith(answer, start)
        for answer, start in zip(*burnt["answers"].values(), strict=True)
    )
    assert old["answers"] == {"text": ["mill"], "answer_start": [4]}
    assert DROPPED in again
    assert none == {DROPPED: "no answer is a stretch of words"}
    assert (rained["group"], rained["answers"]["text"]) == ("s:2", ["rained", "It rained"])


@pytest.mark.parametrize(
    ("text", "sentences", "message"),
    [
        ("s:1\t1\t9\n", SENTENCES, r"line 1: expected 9 tab-separated columns \(sentence id, .*got 3"),
        (qamr_line("s:9", "What?", "0", "1:0", "2:0"), SENTENCES, r"line 1: sentence 's:9' is not in"),
        (qamr_line("s:2", "What?", "7", "1:0", "2:0"), SENTENCES, r"line 1: expected numbers of words"),
        (qamr_line("s:2", "What?", "0", "1:x", "2:0"), SENTENCES, r"below 3 as an answer, got '1:x'"),
        (qamr_line("s:2", "What?", "0", "1:0", "2:0"), "s:2\n", r"^file 2, line 1"),
    ],
)  # fmt: skip
def test_a_bad_line_of_qamr(text: str, sentences: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(qamr(text, sentences))


def tydiqa_release(root: Path, *names: str) -> dict[str, str]:
    """Which file each split of English is read from, in a directory that has ``names`` alone."""
    for name in names:
        path = root / "xtreme_r/tydiqa" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}", encoding="utf8")
    task, directory = get_task("tydiqa"), ReleaseDirectory(root)
    splits: tuple[Split, ...] = ("train", "test")
    return {s: Path(release_names(task, s, "en", directory)[0]).name for s in splits}


OFFICIAL = (
    "tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json",
    "tydiqa-goldp-v1.1-dev/tydiqa.goldp.en.dev.json",
)
PART = ("tydiqa.goldp.en.train.json", "tydiqa.goldp.en.heldout.json")


def test_tydiqa_never_trains_on_what_stands_in_for_its_test_files(tmp_path: Path) -> None:
    """The official train file holds the held-out part, so it trains beside the official test alone."""
    for number, names in enumerate(([], OFFICIAL, PART, OFFICIAL + PART, (OFFICIAL[0], *PART))):
        found = tydiqa_release(tmp_path / str(number), *names)
        official = set(OFFICIAL) <= set(names) or not set(PART) <= set(names)
        assert found["test"] == ("tydiqa.goldp.en.dev.json" if official else PART[1])
        directory = ReleaseDirectory(tmp_path / str(number))
        (path,) = release_names(get_task("tydiqa"), "train", "en", directory)
        assert ("v1.1-train" in path) == official


def as_xtreme_strips(text: str) -> str:
    """A file after ``remove_qa_test_annotations`` of XTREME's download: one empty answer a question."""
    kept = [
        {"context": paragraph["context"], "qas": [{**asked, "answers": [answer("", 0)]}]}
        for article in json.loads(text)["data"]
        for paragraph in article["paragraphs"]
        for asked in paragraph["qas"]
    ]
    return json.dumps({"data": [{"paragraphs": [each]} for each in kept], "version": "1.1"})


@pytest.mark.parametrize(
    ("name", "file", "whence"),
    [
        ("xquad", "xtreme_r/xquad/xquad.en.json", "from github.com/google-deepmind/xquad."),
        (
            "mlqa",
            "xtreme_r/mlqa/test/test-context-en-question-en.json",
            "from the archive dl.fbaipublicfiles.com/MLQA/MLQA_V1.zip.",
        ),
        (
            "tydiqa",
            "xtreme_r/tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.en.dev.json",
            "from the archive storage.googleapis.com/tydiqa/v1.1/tydiqa-goldp-v1.1-dev.tgz.",
        ),
    ],
)
def test_answers_stripped_by_xtremes_own_download_are_named_with_where_the_labelled_file_is(
    name: str, file: str, whence: str, tmp_path: Path
) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(GOOD)
    task = get_task(name)
    assert len(load(task, "test", ["en"], source="release", data_dir=tmp_path)["en"].rows) == 2
    (tmp_path / file).write_text(as_xtreme_strips(GOOD))
    with pytest.raises(DataError, match=r"question 'a': .*in all 2 questions.*stripped") as caught:
        load(task, "test", ["en"], source="release", data_dir=tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / file}, article 1")
    assert str(caught.value).endswith(whence)
    assert "fetch" not in str(caught.value)


def test_one_empty_answer_among_others_is_no_stripped_file() -> None:
    text = squad_file(question("a", answer("river")), question("b", answer("", 0)))
    with pytest.raises(DataError, match="question 'b': answer '' does not stand at offset 0"):
        list(squad_unique(text))
