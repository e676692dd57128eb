"""Readers of multiple-choice formats: rows of every format, and what files of a wrong form end in."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap.data.sources import load
from xlgap.errors import DataError
from xlgap.tasks import commonsenseqa, copa, exams, get_task, hellaswag
from xlgap.tasks._readers import choice
from xlgap.tasks.base import DROPPED

COPA = {
    "premise": "The ferry stayed in the harbour.",
    "choice1": "A storm came up.",
    "choice2": "The crew sang.",
    "question": "cause",
    "label": 0,
    "idx": 7,
}
SIQA = {
    "context": "Noor lent Emil an umbrella.",
    "question": "How is Noor?",
    "answerA": "kind",
    "answerB": "late",
    "answerC": "cold",
}
LETTERED = {
    "id": "x",
    "question": {
        "stem": "Where is a boat in winter?",
        "choices": [{"label": a, "text": f"place {a}"} for a in "ABCDE"],
    },
    "answerKey": "C",
}
JAPANESE = {"q_id": 3, "question": "舟は？", **{f"choice{i}": f"所{i}" for i in range(5)}, "label": 4}
HELLASWAG = {
    "ind": 4,
    "activity_label": "Rowing",
    "ctx_a": "A woman stands in a boat.",
    "ctx_b": "she",
    "ctx": "A woman stands in a boat. she",
    "split": "train",
    "split_type": "indomain",
    "endings": ["rows.", "flies.", "melts.", "boils."],
    "source_id": "activitynet~x",
    "label": 0,
}
COSMOS = ("c1", "A dog, wet.\nIt shook.", "Why ?", "Rain .", "Sun .", "Snow .", "Fog .", "0")


def jsonl(*rows: dict) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def table(*rows: tuple[str, ...]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows((choice.COSMOS, *rows))
    return text.getvalue()


def four(row: dict, count: int = 4, **changes: object) -> dict:
    question = {**row["question"], "choices": row["question"]["choices"][:count]}
    return {**row, "question": question, **changes}


def test_rows_of_every_format() -> None:
    (row,) = choice.copa(jsonl(COPA))
    assert row == {
        "id": "7",
        "group": "7",
        "text": "The ferry stayed in the harbour. What was the cause?",
        "choices": ["A storm came up.", "The crew sang."],
        "label": 0,
    }
    first, second, other = choice.social_iqa(
        jsonl(SIQA, SIQA, {**SIQA, "context": "Emil ran."}), "1\n3\n2\n"
    )
    assert (first["text"], first["choices"]) == (
        "Noor lent Emil an umbrella. How is Noor?",
        ["kind", "late", "cold"],
    )
    assert [first["label"], second["label"], other["label"]] == [0, 2, 1]
    assert first["group"] == second["group"] != other["group"]
    (row,) = commonsenseqa.read(jsonl(LETTERED))
    assert (row["text"], row["choices"][2], row["label"]) == (
        "Where is a boat in winter?",
        "place C",
        2,
    )
    (row,) = commonsenseqa.read_japanese(jsonl(JAPANESE))
    assert (row["id"], row["choices"], row["label"]) == ("3", ["所0", "所1", "所2", "所3", "所4"], 4)
    (row,) = hellaswag.read(jsonl(HELLASWAG))
    assert (row["text"], row["choices"][0]) == ("A woman stands in a boat. she", "rows.")
    (row,) = choice.cosmos(table(COSMOS))
    assert (row["text"], row["choices"][3]) == ("A dog, wet.\nIt shook. Why ?", "Fog .")


def test_examination_questions_with_other_numbers_of_choices_are_left_out_and_counted() -> None:
    asked = four(LETTERED)
    untold = {**asked, "question": {**asked["question"], "stem": ""}}
    found = list(exams.read(jsonl(four(LETTERED, 3, answerKey="@"), asked, LETTERED, untold)))
    other = {DROPPED: "another number of choices than 4, or no question"}
    assert [found[0], *found[2:]] == [other] * 3
    rows = found[1:2]
    assert (len(rows[0]["choices"]), rows[0]["label"]) == (4, 2)
    choices = [{**choice, "para": "A paragraph."} for choice in asked["question"]["choices"]]
    told = {**asked, "question": {**asked["question"], "choices": choices}}
    assert list(exams.read(jsonl(told))) == rows


def test_examination_questions_of_later_splits_are_not_trained_on() -> None:
    asked, turned = four(LETTERED), four(LETTERED)
    order = [turned["question"]["choices"][i]["text"] for i in (3, 2, 1, 0)]
    choices = [{"label": a, "text": text} for a, text in zip("ABCD", order, strict=True)]
    turned["question"] = {**turned["question"], "choices": choices}
    other = {**asked, "id": "y", "question": {**asked["question"], "stem": "And in summer?"}}
    train = jsonl(asked, other)
    assert [row["id"] for row in exams.read(train)] == ["x", "y"]
    first, second = exams.read(train, jsonl(turned))
    assert first == {DROPPED: "stands in a later split, too"}
    assert second["id"] == "y"


def test_a_target_language_of_copa_is_divided() -> None:
    text = jsonl(*({**COPA, "idx": i, "label": i % 2} for i in range(10)))
    train, dev = list(copa.read_xcopa_train(text)), list(copa.read_xcopa_dev(text))
    assert [row["id"] for row in dev] == ["0", "5"]
    assert len(train) == 8


def less(row: dict, key: str) -> dict:
    return {k: v for k, v in row.items() if k != key}


SHORT = {
    **LETTERED,
    "question": {**LETTERED["question"], "choices": LETTERED["question"]["choices"][:4]},
}
WRONG: dict[str, tuple[Callable[..., object], tuple[str, ...], str]] = {
    "copa cut off": (choice.copa, (jsonl(COPA)[:-20],), "line 1: not a JSON object"),
    "copa without a column": (
        choice.copa,
        (jsonl(COPA, less(COPA, "choice2")),),
        "line 2: expected the keys .*choice2",
    ),
    "copa without labels": (
        choice.copa,
        (jsonl(COPA, {**COPA, "idx": 2, "label": -1}),),
        "line 2: label -1 is outside",
    ),
    "copa that asks something else": (
        choice.copa,
        (jsonl({**COPA, "question": "why"}),),
        "line 1: question 'why' is outside",
    ),
    "copa with an empty text": (
        choice.copa,
        (jsonl({**COPA, "premise": " "}),),
        "line 1: expected a non-empty text",
    ),
    "copa with a number": (
        choice.copa,
        (jsonl({**COPA, "choice1": 5}),),
        "line 1: expected a non-empty text as 'ch",
    ),
    "siqa with labels cut off": (
        choice.social_iqa,
        (jsonl(SIQA, SIQA), "1\n"),
        "file 2, line 2: expected one label .* 2 questions",
    ),
    "siqa with more labels": (
        choice.social_iqa,
        (jsonl(SIQA), "1\n2\n"),
        "line 2: expected one label",
    ),
    "siqa with other labels": (
        choice.social_iqa,
        (jsonl(SIQA), "0\n"),
        "file 2, line 1: label '0' is outside",
    ),
    "siqa without a column": (
        choice.social_iqa,
        (jsonl(less(SIQA, "answerC")), "1\n"),
        "line 1: expected the keys",
    ),
    "csqa with four choices": (
        commonsenseqa.read,
        (jsonl(LETTERED, SHORT),),
        "line 2: expected 5 choices labelled A, .* got 4",
    ),
    "csqa without answers": (
        commonsenseqa.read,
        (jsonl(less(LETTERED, "answerKey")),),
        "line 1: expected the keys .*answerKey",
    ),
    "csqa with stripped answers": (
        commonsenseqa.read,
        (jsonl({**LETTERED, "answerKey": ""}),),
        "line 1: answerKey '' is outside",
    ),
    "csqa without a stem": (
        commonsenseqa.read,
        (jsonl({**LETTERED, "question": {}}),),
        "line 1: the key 'stem' is missing",
    ),
    "csqa with a text for choices": (
        commonsenseqa.read,
        (jsonl({**LETTERED, "question": {"stem": "s", "choices": "ABCDE"}}),),
        "line 1: expected a list as 'choices'",
    ),
    "japanese without a choice": (
        commonsenseqa.read_japanese,
        (jsonl(less(JAPANESE, "choice4")),),
        "line 1: expected the keys",
    ),
    "japanese with an answer too high": (
        commonsenseqa.read_japanese,
        (jsonl({**JAPANESE, "label": 5}),),
        "line 1: label 5 is outside",
    ),
    "hellaswag of the test split": (
        hellaswag.read,
        (jsonl(less(HELLASWAG, "label")),),
        "line 1: expected the keys .*label",
    ),
    "hellaswag with an ending gone": (
        hellaswag.read,
        (jsonl({**HELLASWAG, "endings": ["a"]}),),
        "line 1: expected 4 endings",
    ),
    "exams with stripped answers": (
        exams.read,
        (jsonl(four(LETTERED, answerKey="@")),),
        "line 1: answerKey '@' is outside",
    ),
    "exams in another order": (
        exams.read,
        (jsonl({**SHORT, "question": {"stem": "s", "choices": SHORT["question"]["choices"][::-1]}}),),
        "line 1: expected 4 choices labelled A, B, C, D, got 4",
    ),
    "cosmos with another header": (
        choice.cosmos,
        ("id,context\n",),
        "line 1: expected the columns id, context, question",
    ),
    "cosmos that is empty": (choice.cosmos, ("",), "line 1: expected the columns"),
    "cosmos without a column": (
        choice.cosmos,
        (table(COSMOS, COSMOS[:-1]),),
        "line 4: expected 8 columns .* got 7",
    ),
    "cosmos without labels": (
        choice.cosmos,
        (table((*COSMOS[:-1], "")),),
        "line 2: label '' is outside",
    ),
    "cosmos cut off in a quotation": (
        choice.cosmos,
        (table(COSMOS)[:-40],),
        "line 3: not CSV as expected|line 3: expected 8",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_file_of_a_wrong_form_ends_in_a_sentence_with_its_line(case: str) -> None:
    read, texts, said = WRONG[case]
    with pytest.raises(DataError, match=rf"^{said}") as caught:
        list(read(*texts))  # type: ignore[call-overload]
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_what_is_wrong_is_told_with_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "intermediate_en" / "mc" / "socialiqa"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text(jsonl(SIQA, SIQA), encoding="utf8")
    (folder / "train-labels.lst").write_text("1\n", encoding="utf8")
    with pytest.raises(DataError, match=r"train-labels\.lst, line 2: expected one label for each"):
        load(get_task("socialiqa"), "train", ["en"], source="release", data_dir=tmp_path)
