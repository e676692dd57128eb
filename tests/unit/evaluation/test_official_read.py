"""Anyone's files: what official scorers put up with is scored as they do, and told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from xlgap.__main__ import main
from xlgap.evaluation import official_read
from xlgap.evaluation.metrics import get_metric
from xlgap.evaluation.official_read import Oddities
from xlgap.evaluation.submission import score_folder
from xlgap.formats import write_json, write_jsonl
from xlgap.tasks import get_task
from xlgap.tasks.base import Row


def labelled(*labels: str) -> list[Row]:
    return [
        {"id": str(n), "group": str(n), "text": "a", "text_b": "b", "label": label}
        for n, label in enumerate(labels)
    ]


def tagged(*sentences: str) -> list[Row]:
    return [
        {"id": str(n), "group": "g", "tokens": tags.split(), "tags": tags.split()}
        for n, tags in enumerate(sentences)
    ]


def asked(*answers: str) -> list[Row]:
    return [
        {
            "id": f"q{n}",
            "group": "g",
            "context": f"so {answer} it is",
            "question": "What?",
            "answers": {"text": [answer], "answer_start": [3]},
        }
        for n, answer in enumerate(answers)
    ]


def mentions(*targets: str) -> list[Row]:
    return [
        {"id": f"m{n}", "group": "g", "text": "a", "candidate": "c", "targets": [target]}
        for n, target in enumerate(targets)
    ]


def mined(**match: str) -> list[Row]:
    foreign = [
        {"id": name, "group": name, "side": "foreign", "text": name, "match": english}
        for name, english in match.items()
    ]
    english = [
        {"id": f"en{n}", "group": f"en{n}", "side": "english", "text": f"e{n}", "match": ""}
        for n in range(1, 5)
    ]
    return foreign + english


def scored(name: str, rows: list[Row], text: str) -> tuple[dict[str, float], list[str]]:
    """The scores by metric, and the notes."""
    task, odd = get_task(name), Oddities()
    found = official_read.read(task, rows, text, odd)
    language = task.eval_languages[0]
    scores = {m: get_metric(m, task).score(task, rows, found, language) for m in task.metrics}
    return scores, odd.notes


def bucc_f1(gold: set[tuple[str, str]], predicted: set[tuple[str, str]]) -> float:
    """The rule of XTREME's evaluate.py, in one line."""
    return 200 * len(gold & predicted) / (len(gold) + len(predicted))


def test_a_label_outside_the_set_is_wrong() -> None:
    scores, notes = scored("xnli", labelled("neutral", "neutral"), "neutral\nmaybe\n")
    assert scores == {"accuracy": 50}
    assert notes == [
        "1 of 2 labels are outside the set and count as wrong, the first is 'maybe' in line 2"
    ]


def test_a_tag_outside_the_set_is_wrong() -> None:
    rows = tagged("NOUN VERB", "NOUN ADJ")
    scores, notes = scored("udpos", rows, "NOUN\nVERB\n\nFOO\nADJ\n\n")
    assert scores == {"f1": 75, "token_accuracy": 75}
    assert notes == ["1 of 4 tags are outside the set and count as wrong, the first is 'FOO' in line 4"]


def test_an_entity_of_another_type_is_a_chunk_that_was_predicted() -> None:
    rows = tagged("B-PER O", "B-LOC O")
    scores, notes = scored("wikiann", rows, "B-PER\nO\n\nB-LOC\nB-MISC\n\n")
    assert scores["f1"] == pytest.approx(100 * 2 * 2 / (3 + 2))
    assert len(notes) == 1


def test_a_number_of_no_line_and_a_label_of_no_choice_are_wrong() -> None:
    rows = [{"id": i, "group": i, "text": i, "english": i} for i in ("a", "b", "c")]
    scores, notes = scored("tatoeba", rows, "0\n7\n2\n")
    assert scores["accuracy"] == pytest.approx(200 / 3)
    assert notes == [
        "1 of 3 numbers are outside the set and count as wrong, the first is '7' in line 2"
    ]
    choices = [
        {"id": str(n), "group": "g", "text": "t", "choices": ["a", "b"], "label": n} for n in (0, 1)
    ]
    scores, notes = scored("xcopa", choices, '{"label": 0}\n{"label": 2}\n')
    assert scores == {"accuracy": 50}
    assert len(notes) == 1


def test_a_missing_answer_scores_0_and_an_extra_one_is_ignored() -> None:
    rows = asked("una", "river", "mill")
    scores, notes = scored("mlqa", rows, json.dumps({"q2": "mill", "q8": "x", "q9": "y"}))
    assert scores == dict.fromkeys(get_task("mlqa").metrics, pytest.approx(100 / 3))
    assert notes == [
        "2 question ids are not in the test data and are ignored, the first is 'q8'",
        "2 of 3 question ids have no answer and score 0, the first is 'q0'",
    ]


@pytest.mark.parametrize("name", ["xquad", "mlqa", "tydiqa"])
@pytest.mark.parametrize("gold", ["una", "The", "-", "el", "$", "river"])
def test_no_gold_answer_is_like_a_missing_one(name: str, gold: str) -> None:
    """SQuAD's normaliser leaves nothing of "The": an empty text would be an exact match of it."""
    scores, _ = scored(name, asked("mill", gold), '{"q0": "mill"}')
    assert set(scores.values()) == {50}


def test_a_mention_without_a_ranking_scores_0_and_an_extra_one_is_ignored() -> None:
    scores, notes = scored("mewslix", mentions("Q1", "Q2"), '{"m0": ["Q1"], "m7": ["Q9"]}')
    assert scores == {"map20": 50}
    assert [note.split(" ids ")[0] for note in notes] == ["1 query", "1 of 2 query"]


@pytest.mark.parametrize(
    ("pairs", "notes"),
    [
        ({("f1", "en1"), ("f2", "en2")}, 0),
        ({("f1", "en1"), ("f1", "en3")}, 1),
        ({("f1", "en3"), ("f1", "en1"), ("f1", "en4"), ("f3", "en3")}, 1),
        ({("f1", "en1"), ("f9", "en2"), ("f8", "en7"), ("f2", "en9")}, 1),
        (set(), 0),
    ],
)
def test_the_pairs_of_bucc_are_a_set(pairs: set[tuple[str, str]], notes: int) -> None:
    rows = mined(f1="en1", f2="en2", f3="")
    text = "".join(f"{a}\t{b}\n" for a, b in sorted(pairs) * 2)
    scores, told = scored("bucc2018", rows, text)
    assert scores["f1"] == pytest.approx(bucc_f1({("f1", "en1"), ("f2", "en2")}, pairs))
    assert len(told) == notes


def folders(tmp_path: Path, files: Mapping[str, bytes]) -> tuple[Path, Path]:
    """A folder of predictions, and prepared test rows of XNLI (de, sw), UD-POS and XQuAD (de)."""
    data = tmp_path / "prepared"
    rows: dict[str, list[Row]] = {
        "xnli/test/de": labelled("neutral", "entailment"),
        "xnli/test/sw": labelled("neutral", "entailment"),
        "udpos/test/de": tagged("NOUN VERB"),
        "xquad/test/de": asked("river", "mill"),
    }
    for name, found in rows.items():
        write_jsonl(data / f"{name}.jsonl", found)
        write_json(data / name.split("/")[0] / "manifest.json", {"splits": {}})
    for name, content in files.items():
        path = tmp_path / "found" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "found", data


def test_a_byte_order_mark_is_no_part_of_the_first_label(tmp_path: Path) -> None:
    files = {"xnli/test-de.tsv": b"\xef\xbb\xbfneutral\r\nentailment\r\n"}
    found = score_folder(*folders(tmp_path, files))
    assert found.scores["xnli"]["de"] == {"accuracy": 100}
    assert list(found.odd) == ["xnli/test-de.tsv"]


GOOD_AND_BAD = {
    "xnli/test-de.tsv": b"neutral\nmaybe\n",
    "xnli/test-sw.tsv": b"neutral\n",
    "udpos/test-de.tsv": b"\xff\n",
    "xquad/test-de.json": b'{"q0": "river"}',
    "xquad/notes.txt": b"",
}


def test_files_that_cannot_be_scored_stop_no_other_one_and_end_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, data = folders(tmp_path, GOOD_AND_BAD)
    words = ["score", "--predictions", str(folder), "--data", str(data)]
    assert main(words) == 2
    out, err = capsys.readouterr()
    for said in (
        f"{folder / 'xnli/test-sw.tsv'}, line 2: expected 2 lines, one label for each row",
        f"{folder / 'udpos/test-de.tsv'}, line 1: byte 0 is not UTF-8 text",
        f"{folder / 'xquad/notes.txt'}: not a file of the official layout of 'xquad'",
        "xnli/test-de.tsv: 1 of 2 labels are outside the set",
        "xquad/test-de.json: 1 of 2 question ids have no answer and score 0, the first is 'q1'.",
    ):
        assert any(line.startswith(said) for line in err.splitlines()), said
    last = err.splitlines()[-1]
    assert last.startswith(f"error: {folder}: not scored, and told above: ")
    assert all(name in last for name in ("udpos/test-de.tsv", "xquad/notes.txt", "xnli/test-sw.tsv"))
    assert "accuracy 50.00" in out
    assert "f1 50.00" in out
    (overall,) = (line for line in out.splitlines() if line.startswith("XTREME-R, "))
    assert "missing: " in overall
    assert "udpos" in overall.partition("missing: ")[2]

    assert main([*words, "--json"]) == 2
    out, again = capsys.readouterr()
    found: dict[str, Any] = json.loads(out)
    assert [*found["notes"], last] == again.splitlines() == err.splitlines()
    assert set(found["refused"]) == {"udpos/test-de.tsv", "xquad/notes.txt", "xnli/test-sw.tsv"}
    assert set(found["odd"]) == {"xnli/test-de.tsv", "xquad/test-de.json"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("xnli/test-de.tsv", b"one\ttwo\tneutral\na\tb\tentailment\n"),
        ("udpos/test-de.tsv", b"Boat\tNOUN\nleft\tVERB\n\n"),
        ("xquad/test-de.json", b'{"other": "river"}'),
        ("xquad/test-de.json", b"{}"),
    ],
)
def test_a_file_of_which_nothing_fits_is_not_scored_as_0(
    name: str, content: bytes, tmp_path: Path
) -> None:
    files = {"xnli/test-sw.tsv": b"neutral\nentailment\n", name: content}
    found = score_folder(*folders(tmp_path, files))
    assert list(found.refused) == [name]
    assert found.scores == {"xnli": {"sw": {"accuracy": 100}}}


def test_damaged_test_data_of_one_task_stop_no_other_one(tmp_path: Path) -> None:
    folder, data = folders(
        tmp_path, {k: GOOD_AND_BAD[k] for k in ("xnli/test-de.tsv", "xquad/test-de.json")}
    )
    (data / "xquad/test/de.jsonl").write_text("{")
    found = score_folder(folder, data)
    assert list(found.scores) == ["xnli"]
    assert list(found.refused) == ["xquad"]
