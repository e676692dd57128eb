"""LAReQA: sentences as candidates, right ones in each language, damaged rank_release, real ones."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import rank_files
from rank_rows import LAREQA, of
from release_folder import edit

from xlgap.data.sources import load
from xlgap.errors import DataError
from xlgap.evaluation.chance import chance
from xlgap.evaluation.metrics import get_metric
from xlgap.tasks.lareqa import LANGUAGES, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One came. Two went! Why? (Yes.)", ["One came.", "Two went!", "Why?", "(Yes.)"]),
        ("Dr. Who met J. R. Ewing vs. All.", ["Dr. Who met J. R. Ewing vs. All."]),
        ("It cost 3.5 pounds. 40 were sold.", ["It cost 3.5 pounds.", "40 were sold."]),
        ('He said "stop." She went on. ', ['He said "stop."', "She went on."]),
        ("At 5 p.m. we left. At 6 it rained", ["At 5 p.m. we left.", "At 6 it rained"]),
        ("So it is.[12] Nobody knew.", ["So it is.[12]", "Nobody knew."]),
        ("  ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [text[begin:end] for begin, end in sentences(text)] == expected


def test_a_question_has_one_right_candidate_in_each_language_its_own_first(rank_release: Path) -> None:
    tests = of(LAREQA, "test", rank_release)
    assert [row["id"] for row in tests["de"]] == [row["id"] for row in tests["zh"]]
    row = next(row for row in tests["de"] if row["id"] == "q3-2")
    assert row["targets"] == ["de_4_2", *(f"{code}_4_2" for code in LANGUAGES if code != "de")]
    assert row["candidate"] == rank_files.xquad_r("de", 12)["data"][0]["paragraphs"][3]["sentences"][2]
    assert row["context"].endswith(row["candidate"])


def test_candidates_are_all_sentences_with_or_without_a_question(rank_release: Path) -> None:
    rows = of(LAREQA, "candidates", rank_release)["th"]
    assert [row["id"] for row in rows] == [f"th_{p}_{k}" for p in range(1, 13) for k in range(3)]


def test_a_language_where_the_answer_begins_in_no_sentence_has_no_right_candidate(
    rank_release: Path,
) -> None:
    path = rank_release / "xtreme_r/lareqa/xquad-r/tr.json"
    found = json.loads(path.read_text())
    begin, end = found["data"][0]["paragraphs"][0]["sentence_breaks"][0]
    found["data"][0]["paragraphs"][0]["sentence_breaks"][0] = [begin + 1, end]
    path.write_text(json.dumps(found))
    tests = of(LAREQA, "test", rank_release)
    assert "q0-0" not in {row["id"] for row in tests["tr"]}
    targets = next(row for row in tests["de"] if row["id"] == "q0-0")["targets"]
    assert len(targets) == len(LANGUAGES) - 1
    assert "tr_1_0" not in targets


def test_a_training_question_whose_answer_begins_in_no_sentence_is_counted(rank_release: Path) -> None:
    path = rank_release / "intermediate_en/qa/squad_v1.1/train_from_dev.json"
    found = json.loads(path.read_text())
    paragraph = found["data"][0]["paragraphs"][0]
    first, second = (paragraph["context"][b:e] for b, e in sentences(paragraph["context"]))
    paragraph["qas"].append(
        {
            "id": "between",
            "question": "Where?",
            "answers": [{"text": f" {second}", "answer_start": len(first)}],
        }
    )
    path.write_text(json.dumps(found))
    found = load(LAREQA, "train", ["en"], source="release", data_dir=rank_release)["en"]
    assert found.origin["dropped"] == {"its answer begins in no sentence": 1}
    rows = found.rows
    assert len(rows) == 40
    assert rows[0]["candidate"] == second
    assert rows[0]["targets"] == ["en_1_1"]
    assert rows[1]["targets"] == ["en_2_1"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda p: edit(p, '"sentence_breaks"', '"breaks"'),
            r"de\.json, article 1, paragraph 1: expected a list as 'sentence_breaks', got None; the "
            r"file may be XQuAD without sentences",
        ),
        (
            lambda p: edit(p, '"sentences": [', '"sentences": ["x", '),
            r"de\.json, article 1, paragraph 1: 4 sentences and 3 breaks; expected as many",
        ),
        (lambda p: p.write_text(p.read_text()[:300]), r"de\.json, line 1: not valid JSON at column"),
        (Path.unlink, r"de\.json: no such file"),
    ],
)
def test_damaged_lareqa_files(rank_release: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(rank_release / "xtreme_r/lareqa/xquad-r/de.json")
    with pytest.raises(DataError, match=message) as caught:
        load(LAREQA, "candidates", ["ar", "de"], source="release", data_dir=rank_release)
    assert "\n" not in str(caught.value)


def test_a_question_whose_answers_were_stripped(rank_release: Path) -> None:
    path = rank_release / "intermediate_en/qa/squad_v1.1/train_from_dev.json"
    found = json.loads(path.read_text())
    found["data"][0]["paragraphs"][3]["qas"][0]["answers"] = []
    path.write_text(json.dumps(found))
    with pytest.raises(DataError, match=r"train_from_dev\.json, .*'s3003'.* one answer, got none"):
        of(LAREQA, "train", rank_release)


def test_a_damaged_file_of_another_language_is_named(rank_release: Path) -> None:
    path = rank_release / "xtreme_r/lareqa/xquad-r/th.json"
    path.write_text(path.read_text()[:300])
    with pytest.raises(DataError, match=r"^[^ ]*/th\.json, line 1: not valid JSON"):
        load(LAREQA, "test", ["de"], source="release", data_dir=rank_release)


@pytest.mark.slow
def test_real_counts_and_controls(real_data: Path) -> None:
    """13,090 questions, 13,014 candidates; gold is perfect, and at chance where it is dealt out."""
    tests, pool = of(LAREQA, "test", real_data), of(LAREQA, "candidates", real_data)
    assert {code: len(rows) for code, rows in tests.items()} == dict.fromkeys(LANGUAGES, 1190)
    assert {code: len(rows) for code, rows in pool.items()} == {
        "ar": 1222, "de": 1276, "el": 1234, "en": 1180, "es": 1215, "hi": 1244, "ru": 1219, "th": 852,
        "tr": 1167, "vi": 1209, "zh": 1196,
    }  # fmt: skip
    by_id = {row["id"]: row for rows in pool.values() for row in rows}
    assert len(by_id) == sum(map(len, pool.values())) == 13_014
    metric, deal = get_metric("map20", LAREQA), random.Random(1)
    for code, rows in tests.items():
        assert [row["id"] for row in rows] == [row["id"] for row in tests["en"]]
        assert all(len(row["targets"]) == len(LANGUAGES) for row in rows)
        assert all(by_id[row["targets"][0]]["candidate"] == row["candidate"] for row in rows)
        gold = [{"id": row["id"], "ranked": row["targets"]} for row in rows]
        assert metric.score(LAREQA, rows, gold, code) == 100
        dealt = [p["ranked"] for p in gold]
        deal.shuffle(dealt)
        shuffled = [{"id": row["id"], "ranked": found} for row, found in zip(rows, dealt, strict=True)]
        level = chance(metric, LAREQA, rows, shuffled, code)
        assert 0 < level < 0.5  # some questions share a sentence
        assert metric.score(LAREQA, rows, shuffled, code) == pytest.approx(level, abs=0.5)
    for split, count in (("train", 8234), ("dev", 1146)):
        rows = of(LAREQA, split, real_data)["en"]
        assert len(rows) == count  # none is left out
        assert all(row["candidate"] in row["context"] for row in rows)


@pytest.mark.slow
def test_the_rule_finds_most_sentences_of_the_released_english_ones(real_data: Path) -> None:
    released: dict[str, set[str]] = {}
    for row in of(LAREQA, "candidates", real_data)["en"]:
        released.setdefault(row["context"], set()).add(row["candidate"])
    found = {text: {text[a:b] for a, b in sentences(text)} for text in released}
    both = sum(len(of & found[text]) for text, of in released.items())
    assert both >= 1163
    assert sum(map(len, found.values())) <= 1180
