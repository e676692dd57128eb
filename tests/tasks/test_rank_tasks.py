"""LAReQA and Mewsli-X: their files, pools, checks and controls, real where there are real files."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rank_files

from xlgap.checks.validate import validate
from xlgap.config import Params, check
from xlgap.data import schema
from xlgap.data.prepare import prepare
from xlgap.data.sources import load
from xlgap.errors import DataError, ExpectationError
from xlgap.evaluation.chance import chance
from xlgap.evaluation.metrics import get_metric
from xlgap.formats import read_json, read_jsonl, write_jsonl
from xlgap.languages import CODES
from xlgap.tasks import get_task
from xlgap.tasks.base import Row, Task
from xlgap.tasks.lareqa import LANGUAGES, sentences

NAMES = ("lareqa", "mewslix")
TASKS = [get_task(name) for name in NAMES]
LAREQA, MEWSLIX = TASKS
every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return rank_files.write(tmp_path / "release")


@pytest.fixture
def params(raw_real_study: Callable[..., dict]) -> Params:
    raw = raw_real_study(
        languages={"evaluation": ["en", "de", "tr"], "pretraining": ["en", "de"]},
        tasks={"lareqa": {}, "mewslix": {}},
        intermediate={},
        arms={"direct_en": {"regime": "direct_en"}},
    )
    return check(raw, Path("params.yaml"))


@pytest.fixture
def prepared(files: Path, params: Params, tmp_path: Path) -> Path:
    for task in TASKS:
        prepare(task, params, tmp_path / "prepared" / task.name, data_dir=files)
    return tmp_path / "prepared"


def of(task: Task, split: Any, data: Path) -> dict[str, list[Row]]:
    codes = {"test": task.eval_languages, "candidates": task.kind.pool}.get(split, ("en",))
    loaded = load(task, split, codes, source="release", data_dir=data)
    return {code: found.rows for code, found in loaded.items()}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf8")


# what is the same for both


@every_task
def test_sample_rows_are_rows_and_a_gold_ranking_is_perfect(task: Task) -> None:
    rows = [{k: v for k, v in row.items() if k != "language"} for row in task.sample]
    assert [schema.problem(task.kind, row) for row in rows] == [None] * 3
    gold = [{"id": row["id"], "ranked": row["targets"]} for row in rows]
    assert get_metric("map20", task).score(task, rows, gold, "en") == 100


@every_task
def test_every_target_is_in_the_pool_and_its_text_the_rows_own(task: Task, files: Path) -> None:
    pool = {row["id"]: row for rows in of(task, "candidates", files).values() for row in rows}
    tests = [row for rows in of(task, "test", files).values() for row in rows]
    assert tests
    for row in tests:
        assert set(row["targets"]) <= set(pool)
        first = pool[row["targets"][0]]
        assert (row["candidate"], row.get("context")) == (first["candidate"], first.get("context"))


@every_task
def test_prepared_in_the_studys_languages_with_the_whole_pool(task: Task, prepared: Path) -> None:
    splits = read_json(prepared / task.name / "manifest.json")["splits"]
    assert list(splits["candidates"]) == list(task.kind.pool)
    assert sorted(splits["test"]) == ["de", "en", "tr"]
    assert list(splits["train"]) == list(splits["dev"]) == ["en"]


@every_task
def test_good_data_pass_and_the_results_hold_the_digests_of_the_pool(
    task: Task, params: Params, prepared: Path, tmp_path: Path
) -> None:
    out = tmp_path / "checks.json"
    assert all(f.success for f in validate(task, params, prepared / task.name, out))
    found = read_json(out)
    assert set(found["candidates"]) == set(task.kind.pool)
    splits = read_json(prepared / task.name / "manifest.json")["splits"]
    assert found["candidates"]["de"] == splits["candidates"]["de"]["sha256"]


def change(row: int, **values: object) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [{**r, **values} if i == row else r for i, r in enumerate(rows)]


@pytest.mark.parametrize(
    ("name", "file", "damage", "message"),
    [
        (
            "lareqa",
            "test/de",
            change(1, targets=["de_99_0"]),
            r"language 'de', split 'test': expected that every right candidate of a test row is in the "
            r"pool .*1 of 18 rows .*ids q1-0\)",
        ),
        (
            "mewslix",
            "test/tr",
            change(0, candidate="elma armut"),
            r"language 'tr'.*candidate of a test row is, word for word, that of its first right id.*"
            r"1 of 4 rows .*ids tr:36\)",
        ),
        (
            "lareqa",
            "candidates/de",
            change(0, id="ar_1_1"),
            r"split 'candidates': expected that a candidate's id stands once in the pool",
        ),
        (
            "mewslix",
            "candidates/fr",
            lambda rows: [rows[0]],
            r"language 'fr', split 'candidates': expected that there are as many rows as the manifest",
        ),
        ("lareqa", "test/en", change(0, targets=[]), r"there is at least one right candidate"),
        (
            "lareqa",
            "test/en",
            change(0, targets=["en_1_0"] * 2),
            r"no right candidate is named twice .*ids q0-0\)",
        ),
        ("lareqa", "candidates/tr", change(0, candidate=" "), r"'candidate' is not empty.*ids tr_1_0"),
    ],
)
def test_damaged_pools_stop_with_one_sentence(
    params: Params,
    prepared: Path,
    tmp_path: Path,
    name: str,
    file: str,
    damage: Callable[[list[Row]], list[Row]],
    message: str,
) -> None:
    path = prepared / name / f"{file}.jsonl"
    write_jsonl(path, damage(read_jsonl(path)))
    with pytest.raises(ExpectationError, match=message) as caught:
        validate(get_task(name), params, prepared / name, tmp_path / "checks.json")
    assert "\n" not in str(caught.value)


def test_a_test_paragraph_in_the_training_data(params: Params, prepared: Path, tmp_path: Path) -> None:
    path = prepared / "lareqa/train/en.jsonl"
    context = read_jsonl(prepared / "lareqa/test/en.jsonl")[0]["context"]
    write_jsonl(path, change(0, context=context)(read_jsonl(path)))
    with pytest.raises(ExpectationError, match=r"none of the test rows stand in training data.*q0-0"):
        validate(LAREQA, params, prepared / "lareqa", tmp_path / "checks.json")


# LAReQA


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


def test_a_question_has_one_right_candidate_in_each_language_its_own_first(files: Path) -> None:
    tests = of(LAREQA, "test", files)
    assert [row["id"] for row in tests["de"]] == [row["id"] for row in tests["zh"]]
    row = next(row for row in tests["de"] if row["id"] == "q3-2")
    assert row["targets"] == ["de_4_2", *(f"{code}_4_2" for code in LANGUAGES if code != "de")]
    assert row["candidate"] == rank_files.xquad_r("de", 12)["data"][0]["paragraphs"][3]["sentences"][2]
    assert row["context"].endswith(row["candidate"])


def test_candidates_are_all_sentences_with_or_without_a_question(files: Path) -> None:
    rows = of(LAREQA, "candidates", files)["th"]
    assert [row["id"] for row in rows] == [f"th_{p}_{k}" for p in range(1, 13) for k in range(3)]


def test_a_language_where_the_answer_begins_in_no_sentence_has_no_right_candidate(files: Path) -> None:
    path = files / "xtreme_r/lareqa/xquad-r/tr.json"
    found = json.loads(path.read_text())
    begin, end = found["data"][0]["paragraphs"][0]["sentence_breaks"][0]
    found["data"][0]["paragraphs"][0]["sentence_breaks"][0] = [begin + 1, end]
    path.write_text(json.dumps(found))
    tests = of(LAREQA, "test", files)
    assert "q0-0" not in {row["id"] for row in tests["tr"]}
    targets = next(row for row in tests["de"] if row["id"] == "q0-0")["targets"]
    assert len(targets) == len(LANGUAGES) - 1
    assert "tr_1_0" not in targets


def test_a_training_question_whose_answer_begins_in_no_sentence_is_counted(files: Path) -> None:
    path = files / "intermediate_en/qa/squad_v1.1/train_from_dev.json"
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
    found = load(LAREQA, "train", ["en"], source="release", data_dir=files)["en"]
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
def test_damaged_lareqa_files(files: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(files / "xtreme_r/lareqa/xquad-r/de.json")
    with pytest.raises(DataError, match=message) as caught:
        load(LAREQA, "candidates", ["ar", "de"], source="release", data_dir=files)
    assert "\n" not in str(caught.value)


def test_a_question_whose_answers_were_stripped(files: Path) -> None:
    path = files / "intermediate_en/qa/squad_v1.1/train_from_dev.json"
    found = json.loads(path.read_text())
    found["data"][0]["paragraphs"][3]["qas"][0]["answers"] = []
    path.write_text(json.dumps(found))
    with pytest.raises(DataError, match=r"train_from_dev\.json, .*'s3003'.* one answer, got none"):
        of(LAREQA, "train", files)


def test_a_damaged_file_of_another_language_is_named(files: Path) -> None:
    path = files / "xtreme_r/lareqa/xquad-r/th.json"
    path.write_text(path.read_text()[:300])
    with pytest.raises(DataError, match=r"^[^ ]*/th\.json, line 1: not valid JSON"):
        load(LAREQA, "test", ["de"], source="release", data_dir=files)


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


# Mewsli-X


def test_mentions_become_queries_of_one_sentence(files: Path) -> None:
    (row,) = (row for row in of(MEWSLIX, "test", files)["ja"] if row["id"] == "ja:21")
    name = rank_files.word("ja", 21)
    left, right = rank_files.word("ja", 8), rank_files.word("ja", 9)
    assert row["text"] == f"{name}: {left} {{ {name} }} {right}."
    assert row["group"] == "ja-10"
    assert row["targets"] == ["Q1047"]


def test_training_pairs_are_english_with_a_description_of_one_line(files: Path) -> None:
    rows = of(MEWSLIX, "train", files)["en"]
    assert len(rows) == 64
    assert rows[0]["targets"] == ["Q3000"]
    one, two, three = (rank_files.word("en", 3000 + k) for k in range(3))
    assert rows[0]["candidate"] == f"{one} {two}. {one} {three}."


def test_the_pool_is_by_the_language_of_descriptions(files: Path) -> None:
    pool = of(MEWSLIX, "candidates", files)
    assert list(pool) == list(CODES)
    assert all(len(rows) == 2 for rows in pool.values())


def line(name: str, files: Path) -> Path:
    return files / f"xtreme_r/mewslix/{name}.jsonl"


def query(files: Path, change: Callable[[dict[str, Any]], None]) -> str:
    """That of the first mention in the test file after a change to its line."""
    path = line("wikinews_mentions-test", files)
    first, *rest = path.read_text(encoding="utf8").splitlines()
    found = json.loads(first)
    change(found)
    path.write_text("\n".join([json.dumps(found), *rest]) + "\n", encoding="utf8")
    return of(MEWSLIX, "test", files)["ar"][0]["text"]


def test_braces_around_the_mention_are_told_from_those_of_the_text(files: Path) -> None:
    def replace(found: dict[str, Any]) -> None:
        span = {"start": 12, "end": 17, "text": "Essen"}
        found["context"] |= {
            "text": "A {b} c.\n\nIn Essen {d}  e\nf. Next.",
            "sentence_spans": [{"start": 0, "end": 8}, {"start": 10, "end": 28}],
        }
        found["mention"]["mention_span"] = span | {"start": 13, "end": 18}

    assert query(files, replace) == "Essen: In { Essen } (d) e f."


def test_a_mention_over_two_sentences_is_shown_in_both(files: Path) -> None:
    def replace(found: dict[str, Any]) -> None:
        spans = [{"start": 0, "end": 7}, {"start": 8, "end": 15}, {"start": 16, "end": 20}]
        found["context"] |= {"text": "Ask Dr. Who now. Then", "sentence_spans": spans}
        found["mention"]["mention_span"] = {"start": 4, "end": 11, "text": "Dr. Who"}

    assert query(files, replace) == "Dr. Who: Ask { Dr. Who } now"


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "wikinews_mentions-test",
            '"entity_id": "Q1000"',
            '"entity_id": "Q77"',
            r"mentions-test\.jsonl, line 1: entity 'Q77' of a mention is not among the candidates",
        ),
        (
            "candidate_set_entities",
            '"description_language": "af"',
            '"description_language": "sr"',
            r"entities\.jsonl, line 1: entity 'Q1000' is described in 'sr', which is none of the 50",
        ),
        (
            "wikinews_mentions-test",
            '"text": "',
            '"text": "x',
            r"mentions-test\.jsonl, line 1: mention '.*' does not stand at offset",
        ),
        (
            "wikipedia_pairs-train",
            '"sentence_spans"',
            '"spans"',
            r"pairs-train\.jsonl, line 1: expected the key 'sentence_spans'",
        ),
        (
            "wikipedia_pairs-dev",
            '"entity":',
            '"entity',
            r"pairs-dev\.jsonl, line 1: not a JSON object",
        ),
    ],
)
def test_damaged_mewslix_files_stop_the_preparation(
    files: Path, params: Params, tmp_path: Path, name: str, old: str, new: str, message: str
) -> None:
    edit(line(name, files), old, new)
    with pytest.raises(DataError, match=message) as caught:
        prepare(MEWSLIX, params, tmp_path / "out" / "mewslix", data_dir=files)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_articles_whose_text_was_not_restored(files: Path) -> None:
    def empty(found: dict[str, Any]) -> None:
        found["context"]["text"] = ""

    with pytest.raises(
        DataError, match=r"line 1: the article has no text, expected some; make the files again with"
    ):
        query(files, empty)


def test_a_pool_language_without_a_description(files: Path) -> None:
    path = line("candidate_set_entities", files)
    rows = [r for r in path.read_text(encoding="utf8").splitlines() if '_language": "wo"' not in r]
    path.write_text("\n".join(rows) + "\n", encoding="utf8")
    with pytest.raises(DataError, match=r"entities\.jsonl, line 1: no rows in language 'wo'"):
        of(MEWSLIX, "candidates", files)
