"""Question answering from the hub's tables: rows of the release reader, offsets at answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from datasets import Features, List
from hub_tables import NUMBER, TEXT, Put, assert_same, from_hub, released

from xlgap.tasks import get_task
from xlgap.tasks.base import Row

SQUAD = Features(
    dict.fromkeys(("id", "title", "context", "question"), TEXT)
    | {"answers": {"text": List(TEXT), "answer_start": List(NUMBER)}}
)
CONTEXT = "The mill burned in 1902. It was rebuilt in 1902, of stone."


def asks(name: str, *answers: tuple[str, int], context: str = CONTEXT) -> Row:
    texts, starts = [text for text, _ in answers], [start for _, start in answers]
    return {
        "id": name, "title": "Mill", "context": context, "question": f"What of {name}?",
        "answers": {"text": texts, "answer_start": starts},
    }  # fmt: skip


def as_squad(rows: Sequence[Row]) -> str:
    """SQuAD's JSON, a paragraph for each context."""
    paragraphs: dict[str, list[Row]] = {}
    for row in rows:
        answers = zip(*(row["answers"][key] for key in ("text", "answer_start")), strict=True)
        given = [{"text": text, "answer_start": start} for text, start in answers]
        entry = {"id": row["id"], "question": row["question"], "answers": given}
        paragraphs.setdefault(row["context"], []).append(entry)
    held = [{"context": context, "qas": qas} for context, qas in paragraphs.items()]
    return json.dumps({"data": [{"title": "t", "paragraphs": held}]})


def test_squad2_with_a_question_that_has_no_answer(put: Put, tmp_path: Path) -> None:
    rows = [asks("a", ("1902", 19), ("in 1902", 16)), asks("b"), asks("c", ("No", 0), context="No.")]
    put("rajpurkar/squad_v2", "squad_v2", "train", SQUAD, rows)
    expected = released(get_task("squad2"), "train", "en", as_squad(rows))
    assert_same(from_hub("squad2", "train", tmp_path).rows, expected)


def test_tydiqa_divides_one_table_by_language_and_moves_offsets_to_their_answers(
    put: Put, tmp_path: Path
) -> None:
    finnish = asks("finnish-1-0", ("1902", 21), context=f"  {CONTEXT}")
    second = asks("finnish-2-0", ("1902", 45), context=f"  {CONTEXT}")
    swahili = asks("swahili-1-0", ("1902", 19))
    spaced = asks("finnish-3-0", ("1902", 42))  # the answer was cut, too: it began with a space
    original = [finnish, second, spaced, swahili]
    stripped = [row | {"context": row["context"].strip()} for row in original]
    put("google-research-datasets/tydiqa", "secondary_task", "validation", SQUAD, stripped)
    found = from_hub("tydiqa", "test", tmp_path, "fi").rows
    moved = [
        asks("finnish-1-0", ("1902", 19)),
        asks("finnish-2-0", ("1902", 43)),
        asks("finnish-3-0", ("1902", 43)),
    ]
    task = get_task("tydiqa")
    assert_same(found, released(task, "test", "fi", as_squad(moved)))
    expected = released(task, "test", "sw", as_squad([swahili]))
    assert_same(from_hub("tydiqa", "test", tmp_path, "sw").rows, expected)


@pytest.mark.parametrize("name", ["xquad", "mlqa"])
def test_other_questions_whose_contexts_were_stripped(name: str, put: Put, tmp_path: Path) -> None:
    original = [asks("a", ("1902", 20), context=f" {CONTEXT}"), asks("b", ("of stone", 49))]
    stripped = [row | {"context": row["context"].strip()} for row in original]
    repo, config, split = {
        "xquad": ("google/xquad", "xquad.zh", "validation"),
        "mlqa": ("google/xtreme", "MLQA.zh.zh", "test"),
    }[name]  # fmt: skip
    put(repo, config, split, SQUAD, stripped)
    expected = [asks("a", ("1902", 19)), asks("b", ("of stone", 49))]
    found = from_hub(name, "test", tmp_path, "zh").rows
    assert_same(found, released(get_task(name), "test", "zh", as_squad(expected)))


def test_tydiqas_train_split_trains_whole_as_a_train_file_of_a_release_does(
    put: Put, tmp_path: Path
) -> None:
    rows = [asks(f"english-{i}-0", ("1902", 19), context=f"{CONTEXT} {i}") for i in range(60)]
    rows.append(asks("english-60-0", ("nowhere", 3)))
    put("google-research-datasets/tydiqa", "secondary_task", "train", SQUAD, rows)
    train = from_hub("tydiqa", "train", tmp_path)
    assert_same(train.rows, released(get_task("tydiqa"), "train", "en", as_squad(rows[:60])))
    assert len(train.rows) == 60
    assert train.origin["dropped"] == {"an answer does not stand in the context": 1}
