"""The official submission layout: what is written can be read, and what is wrong is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xlgap.errors import DataError, ResultError
from xlgap.evaluation import official, official_read
from xlgap.evaluation.editions import EDITIONS
from xlgap.evaluation.submission import score_folder
from xlgap.formats import write_json, write_jsonl
from xlgap.tasks import get_task, task_names
from xlgap.tasks.base import Choose, Classify, Mine, Rank, Retrieve, Row, Span, Tag, Task

OFFICIAL = list(official.layout().values())
every_task = pytest.mark.parametrize("task", OFFICIAL, ids=lambda task: task.name)

MINED = [
    {"id": "de-1", "group": "de-1", "side": "foreign", "text": "Guten Tag.", "match": "en-2"},
    {"id": "de-2", "group": "de-2", "side": "foreign", "text": "Bis morgen.", "match": ""},
    {"id": "en-1", "group": "en-1", "side": "english", "text": "It rains.", "match": ""},
    {"id": "en-2", "group": "en-2", "side": "english", "text": "Hello.", "match": ""},
]


def three_rows(task: Task) -> list[Row]:
    """Three rows, of a task's sample, with ids of their own."""
    if isinstance(task.kind, Mine):
        return MINED
    rows = [{k: v for k, v in row.items() if k != "language"} for row in task.sample]
    return [{**row, "id": f"r{n}"} for n, row in enumerate(rows)]


def gold_predictions(task: Task, rows: list[Row]) -> list[Row]:
    answer: Callable[[Row], dict[str, Any]]
    match task.kind:
        case Classify() | Choose():
            answer = lambda row: {"label": row["label"]}  # noqa: E731
        case Tag():
            answer = lambda row: {"tags": row["tags"]}  # noqa: E731
        case Span():
            answer = lambda row: {"text": row["answers"]["text"][0]}  # noqa: E731
        case Retrieve():
            answer = lambda row: {"match": row["id"]}  # noqa: E731
        case Mine():
            answer = lambda row: {"match": row["match"]}  # noqa: E731
        case Rank():
            answer = lambda row: {"ranked": list(row["targets"])}  # noqa: E731
    return [{"id": row["id"], **answer(row)} for row in rows]


def lay_out(folder: Path, task: Task, language: str, rows: list[Row], text: str) -> tuple[Path, Path]:
    """A folder of predictions and one of prepared rows."""
    data = folder / "prepared"
    write_jsonl(data / task.name / "test" / f"{language}.jsonl", rows)
    write_json(data / task.name / "manifest.json", {})
    name = official.FOLDERS.get(task.name, task.name)
    path = folder / "predictions" / name / official.file_name(task, language)
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf8")
    return folder / "predictions", data


def test_every_task_of_an_edition_has_a_place() -> None:
    names = {name for edition in EDITIONS.values() for name in edition.tasks}
    assert {task.name for task in OFFICIAL} == names & set(task_names())
    assert "panx" in official.layout()


@every_task
def test_what_is_written_can_be_read(task: Task) -> None:
    rows = three_rows(task)
    found = gold_predictions(task, rows)
    assert official_read.read(task, rows, official.written(task, rows, found[::-1])) == found


@every_task
def test_gold_answers_score_perfect(task: Task, tmp_path: Path) -> None:
    rows = three_rows(task)
    text = official.written(task, rows, gold_predictions(task, rows))
    language = task.eval_languages[0]
    found = score_folder(*lay_out(tmp_path, task, language, rows, text))
    assert set(found.scores[task.name][language].values()) == {100}
    assert len(found.missing[task.name]) == len(task.eval_languages) - 1


def test_the_layout_is_the_official_one() -> None:
    def text(name: str) -> str:
        task = get_task(name)
        rows = three_rows(task)
        return official.written(task, rows, gold_predictions(task, rows))

    assert text("xnli") == "entailment\nneutral\ncontradiction\n"
    assert text("udpos").startswith("\n".join(get_task("udpos").sample[0]["tags"]) + "\n\n")
    assert json.loads(text("xquad")) == {"r0": "Ptolemaios II.", "r1": "Alexandria", "r2": "托勒密二世"}
    assert text("tatoeba") == "1\n2\n0\n"  # the English sentences begin with The, It, Please
    assert text("bucc2018") == "de-1\ten-2\n"
    names = {name: official.file_name(get_task(name), "de") for name in ("xnli", "xquad", "xcopa")}
    assert names == {"xnli": "test-de.tsv", "xquad": "test-de.json", "xcopa": "test-de.jsonl"}


def tatoeba_rows(*english: str) -> list[Row]:
    pairs = enumerate(english, 1)
    return [{"id": f"{n}", "group": f"{n}", "text": f"Satz {n}", "english": text} for n, text in pairs]


def test_the_lines_of_tatoeba_are_of_the_sorted_english_file() -> None:
    task = get_task("tatoeba")
    rows = tatoeba_rows("Éa", "a", " B ", "b", '"Z"', "B", "a")
    text = official.written(task, rows, gold_predictions(task, rows))
    assert text == "4\n2\n5\n1\n6\n3\n0\n"
    assert official_read.read(task, rows, text) == gold_predictions(task, rows)


def test_a_wrong_match_of_tatoeba_stays_with_its_english_sentence() -> None:
    task = get_task("tatoeba")
    rows = tatoeba_rows("c", "a", "b")
    found = [{"id": "1", "match": "2"}, {"id": "2", "match": "2"}, {"id": "3", "match": "3"}]
    text = official.written(task, rows, found)
    assert text == "1\n2\n1\n"
    assert official_read.read(task, rows, text) == found


@every_task
def test_a_row_without_a_prediction_moves_no_other_one(task: Task) -> None:
    rows = three_rows(task)
    found = gold_predictions(task, rows)
    with pytest.raises(
        DataError, match=f"of '{task.name}', got .*: test row '{rows[0]['id']}' has none"
    ):
        official.written(task, rows, found[1:])
    with pytest.raises(DataError, match="'r9' is no test row; predict again"):
        official.written(task, rows, [*found, {**found[0], "id": "r9"}])


def test_a_match_that_is_no_test_row_is_said() -> None:
    task = get_task("tatoeba")
    found = [{"id": "1", "match": "1"}, {"id": "2", "match": "7"}]
    with pytest.raises(DataError, match="'7' is no test row"):
        official.written(task, tatoeba_rows("a", "b"), found)


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("xnli", "neutral\n", "", r"line 3: expected 3 lines, one label for each row .* got 2"),
        ("xnli", "neutral", "maybe", r"line 2: label 'maybe' is outside the set; allowed: entailment"),
        ("xnli", "\nneutral", "\n\nneutral", r"line 4: expected 3 lines"),
        ("udpos", "\n\n", "\nFOO\n\n", r"line \d+: tag 'FOO' is outside the set; allowed: ADJ"),
        ("udpos", "\n\n", "\nADJ\n\n", r"line 1: the sentence that begins here has \d+ tags, .*'r0'"),
        ("udpos", "\n\n", "\n", r"expected 3 sentences, .* got 2"),
        ("xquad", '"r1"', '"q9"', r"line 1: 1 question ids are not in the test data, .*'q9'"),
        ("xquad", ",\n", "\n", r"line 3: not valid JSON"),
        ("xquad", '"Alexandria"', "3", r"the answer to 'r1' must be a text, got 3"),
        ("tatoeba", "2\n", "7\n", r"line 2: got '7', expected the number of a line .* 0 to 2"),
        ("tatoeba", "2\n", "-1\n", r"line 2: got '-1', expected the number"),
        ("tatoeba", "2\n", "2" * 5000 + "\n", r"line 2: got '2{40}', expected the number"),
        ("xquad", '"r1"', '"r0"', r"line 1: id 'r0' stands more than once"),
        ("xquad", "{", "[" * 100_000, r"line 1: too deep for JSON"),
        ("xcopa", '"label":', '"label":' + "1" * 5000, r"line 1: not a JSON object"),
        ("lareqa", '"id":"r1"', '"id":["r1"]', r"line 2: expected as 'id' a text, got \['r1'\]"),
        ("xcopa", '"r1"', '"r2"', r"line 2: idx 'r2' is not that of the test row, 'r1'"),
        ("xcopa", '"label":', '"answer":', r"line 1: expected the keys label"),
        ("bucc2018", "en-2", "en-9", r"line 1: english id 'en-9' is not in the test data"),
        ("bucc2018", "en-2", "en-2\nde-1\ten-1", r"line 2: foreign id 'de-1' has two matches"),
        ("lareqa", '"r1"', '"r0"', r"line 2: id 'r0' stands more than once"),
        ("mewslix", '"r1"', '"m9"', r"line 1: 1 query ids are not in the test data"),
    ],
)
def test_what_is_wrong_in_predictions_of_our_own_is_said_with_the_line(
    name: str, old: str, new: str, said: str
) -> None:
    task = get_task(name)
    rows = three_rows(task)
    text = changed(official.written(task, rows, gold_predictions(task, rows)), old, new)
    with pytest.raises(DataError, match=said) as error:
        official_read.read(task, rows, text)
    assert str(error.value).startswith("line ")


def test_a_question_without_an_answer_is_refused_but_a_mention_counts_as_zero() -> None:
    xquad, mewslix = get_task("xquad"), get_task("mewslix")
    with pytest.raises(DataError, match=r"2 of 3 question ids of the test data have no answer"):
        official_read.read(xquad, three_rows(xquad), '{"r0": "x"}')
    rows = three_rows(mewslix)
    found = official_read.read(mewslix, rows, json.dumps({"r0": rows[0]["targets"]}))
    assert [row["ranked"] for row in found] == [list(rows[0]["targets"]), [], []]


def test_an_id_ranked_twice_is_refused() -> None:
    task = get_task("mewslix")
    for ranked in (["Q1", "Q1"], "Q1", [1], [["Q1"]], None):
        with pytest.raises(DataError, match="'r0' a list of different ids"):
            official_read.read(task, three_rows(task), json.dumps({"r0": ranked}))


def test_a_file_that_is_no_text_is_named_once(tmp_path: Path) -> None:
    task = get_task("xnli")
    folder, data = lay_out(tmp_path, task, "de", three_rows(task), "neutral\n" * 3)
    path = folder / "xnli" / "test-de.tsv"
    path.write_bytes(b"neutral\n\xff\n")
    with pytest.raises(DataError, match=r"line 2: .* not UTF-8") as error:
        score_folder(folder, data)
    assert str(error.value).count(str(path)) == 1


def test_folders_without_files_are_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "found" / "xnli").mkdir(parents=True)
    with pytest.raises(
        ResultError, match=r"its folders hold no files; expected such as xnli/test-de\.tsv"
    ):
        score_folder(tmp_path / "found", tmp_path)


def test_folders_and_files_of_other_names_are_named_and_the_rest_scored(tmp_path: Path) -> None:
    task = get_task("xnli")
    folder, data = lay_out(tmp_path, task, "de", three_rows(task), "neutral\n" * 3)
    (folder / "xnli" / "test-dee.tsv").write_text("")
    (folder / "xnly").mkdir()
    found = score_folder(folder, data)
    assert list(found.scores["xnli"]) == ["de"]
    assert list(found.refused) == ["xnly", "xnli/test-dee.tsv"]
    assert found.refused["xnly"].endswith("did you mean 'xnli'?")
    assert "test-dee.tsv: not a file of the official layout" in found.refused["xnli/test-dee.tsv"]
    (folder / "xnli" / "test-de.tsv").unlink()
    with pytest.raises(ResultError, match=r"xnly: no task .*; 1 more cannot be scored: xnli/test-dee"):
        score_folder(folder, data)


def test_what_has_no_test_data_is_named_and_the_rest_scored(tmp_path: Path) -> None:
    task = get_task("xnli")
    folder, data = lay_out(tmp_path, task, "de", three_rows(task), "neutral\n" * 3)
    (folder / "xnli" / "test-sw.tsv").write_text("neutral\n")
    found = score_folder(folder, data)
    assert list(found.scores["xnli"]) == ["de"]
    assert list(found.unscored) == ["xnli/test-sw.tsv"]
    assert "test-sw.tsv" not in found.missing["xnli"]
    (folder / "xnli" / "test-de.tsv").unlink()
    with pytest.raises(ResultError, match="nothing in it can be scored"):
        score_folder(folder, data)


def test_an_official_metric_is_not_lost_by_another_order(tmp_path: Path) -> None:
    task = get_task("udpos")
    rows = three_rows(task)
    wrong = [replace_tags(row) for row in gold_predictions(task, rows)]
    text = official.written(task, rows, wrong)
    scores = score_folder(*lay_out(tmp_path, task, "en", rows, text)).scores["udpos"]["en"]
    assert scores["token_accuracy"] == 0
    assert set(scores) == {"f1", "token_accuracy"}


def replace_tags(row: Row) -> Row:
    return {**row, "tags": ["X" if tag != "X" else "SYM" for tag in row["tags"]]}


def test_kinds_that_no_edition_has_have_no_official_file() -> None:
    task = replace(get_task("xnli"), kind=object())  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="no official file"):
        official.written(task, [], [])
