"""Multiple choice from the hub's tables, read by ``datasets`` itself from parquet files on this disk.

The rows are made up. Each task's rows are compared with those that its release reader gives for the
same items; ids and names of groups may differ where the hub has other ones.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hub_tables import (
    COMMON,
    COMMONSENSE,
    COSMOS,
    ENDINGS,
    EXAMS,
    HELLASWAG,
    QUESTIONS,
    SIQA,
    SOCIAL,
    STORIES,
    SUPER_GLUE,
    XCOPA,
    Put,
    assert_same,
    exam,
    from_hub,
    json_lines,
    released,
)

from xlgap.data.sources import load
from xlgap.errors import DataError
from xlgap.tasks import get_task
from xlgap.tasks.base import DROPPED, Row, Split
from xlgap.tasks.exams import read as read_exams


def test_xcopa(put: Put, tmp_path: Path) -> None:
    put("cambridgeltl/xcopa", "it", "test", XCOPA, QUESTIONS)
    expected = released(get_task("xcopa"), "test", "it", json_lines(QUESTIONS))
    assert_same(from_hub("xcopa", "test", tmp_path, "it").rows, expected)


@pytest.mark.parametrize("split", ["train", "dev"])
def test_copa_is_superglues_in_english_and_a_part_of_xcopas_validation_elsewhere(
    split: Split, put: Put, tmp_path: Path
) -> None:
    put("aps/super_glue", "copa", {"train": "train", "dev": "validation"}[split], SUPER_GLUE, QUESTIONS)
    put("cambridgeltl/xcopa", "sw", "validation", XCOPA, QUESTIONS)
    english, swahili = (from_hub("copa", split, tmp_path, code) for code in ("en", "sw"))
    task, text = get_task("copa"), json_lines(QUESTIONS)
    assert_same(english.rows, released(task, split, "en", text))
    assert_same(swahili.rows, released(task, split, "sw", text))
    assert len(swahili.rows) == {"train": 8, "dev": 2}[split]
    assert swahili.origin["revision"] == "042f78955ba48e6404616762fa6e05e839c3907a"


def test_no_language_beyond_those_of_all_the_repositories() -> None:
    with pytest.raises(
        DataError, match=r"aps/super_glue and cambridgeltl/xcopa on the hub has no .*'de'"
    ):
        load(get_task("copa"), "train", ["de"], source="hub")


def test_socialiqa_as_converted_without_a_card(put: Put, tmp_path: Path) -> None:
    for split in ("train", "validation"):
        put("allenai/social_i_qa", "default", split, SIQA, SOCIAL, card=False)
    labels = "".join(row["label"] + "\n" for row in SOCIAL)
    expected = released(get_task("socialiqa"), "train", "en", json_lines(SOCIAL), labels)
    for split in ("train", "dev"):
        assert_same(from_hub("socialiqa", split, tmp_path).rows, expected)


def nested(row: Row) -> Row:
    """A question of ``lettered`` as its release has it."""
    keys = zip(row["choices"]["label"], row["choices"]["text"], strict=True)
    choices = [{"label": label, "text": text} for label, text in keys]
    return {**row, "question": {"stem": row["question"], "choices": choices}}


def test_commonsenseqa(put: Put, tmp_path: Path) -> None:
    put("tau/commonsense_qa", "default", "train", COMMONSENSE, COMMON)
    expected = released(get_task("commonsenseqa"), "train", "en", json_lines(list(map(nested, COMMON))))
    assert_same(from_hub("commonsenseqa", "train", tmp_path).rows, expected)


def test_cosmosqa_as_converted_without_a_card(put: Put, tmp_path: Path) -> None:
    for split in ("train", "validation"):
        put("allenai/cosmos_qa", "default", split, COSMOS, STORIES, card=False)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(COSMOS))
    writer.writeheader()
    writer.writerows(STORIES)
    expected = released(get_task("cosmosqa"), "dev", "en", text.getvalue())
    assert_same(from_hub("cosmosqa", "dev", tmp_path).rows, expected)


def test_hellaswag_whose_labels_are_texts(put: Put, tmp_path: Path) -> None:
    put("Rowan/hellaswag", "default", "validation", HELLASWAG, ENDINGS)
    text = json_lines([row | {"label": int(row["label"])} for row in ENDINGS])
    expected = released(get_task("hellaswag"), "dev", "en", text)
    assert_same(from_hub("hellaswag", "dev", tmp_path).rows, expected)


def test_exams_leaves_out_what_later_splits_have_and_other_numbers_of_choices(
    put: Put, tmp_path: Path
) -> None:
    bulgarian = {"language": "Bulgarian"}
    splits = {
        "train": [
            exam("t1", "Alone", "A", **bulgarian), exam("t2", "In dev", "B", **bulgarian),
            exam("t3", "In test", "C", **bulgarian), exam("t4", "Three", "@", "ABC", **bulgarian),
            exam("t5", "German", "D"), exam("t6", "Again", "B", **bulgarian),
        ],
        "validation": [exam("d1", "In dev", "B", **bulgarian), exam("d2", "Of dev", "C", **bulgarian),
                       exam("d3", "Two", "A", "AB", **bulgarian)],
        "test": [exam("e1", "In test", "C", **bulgarian), exam("e2", "German", "D")],
    }  # fmt: skip
    for split, rows in splits.items():
        put("mhardalov/exams", "multilingual", split, EXAMS, rows)
    texts = [
        json_lines(
            [nested({**row, **row["question"], "question": row["question"]["stem"]}) for row in rows
             if row["info"] == {"grade": 12, "subject": "Biology", **bulgarian}]
        )
        for rows in splits.values()
    ]  # fmt: skip
    found = from_hub("exams", "train", tmp_path, "bg")
    assert [row["id"] for row in found.rows] == ["t1", "t6"]
    assert_same(found.rows, [row for row in read_exams(*texts) if DROPPED not in row])
    assert found.origin["dropped"] == {
        "another number of choices than 4, or no question": 1, "stands in a later split, too": 2,
    }  # fmt: skip
    dev = from_hub("exams", "dev", tmp_path, "bg")
    assert_same(dev.rows, [row for row in read_exams(*texts[1:]) if DROPPED not in row])
    assert [row["id"] for row in from_hub("exams", "test", tmp_path, "de").rows] == ["e2"]
