"""What LAReQA and Mewsli-X have in common: samples, pools, preparation and checks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rank_rows import LAREQA, TASKS, of

from xlgap.checks.validate import validate
from xlgap.config import Params
from xlgap.data import schema
from xlgap.data.prepare import prepare
from xlgap.errors import ExpectationError
from xlgap.evaluation.metrics import get_metric
from xlgap.formats import read_json, read_jsonl, write_jsonl
from xlgap.tasks import get_task
from xlgap.tasks.base import Row, Task

every_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


@pytest.fixture
def prepared(rank_release: Path, rank_study: Params, tmp_path: Path) -> Path:
    for task in TASKS:
        prepare(task, rank_study, tmp_path / "prepared" / task.name, data_dir=rank_release)
    return tmp_path / "prepared"


@every_task
def test_sample_rows_are_rows_and_a_gold_ranking_is_perfect(task: Task) -> None:
    rows = [{k: v for k, v in row.items() if k != "language"} for row in task.sample]
    assert [schema.problem(task.kind, row) for row in rows] == [None] * 3
    gold = [{"id": row["id"], "ranked": row["targets"]} for row in rows]
    assert get_metric("map20", task).score(task, rows, gold, "en") == 100


@every_task
def test_every_target_is_in_the_pool_and_its_text_the_rows_own(task: Task, rank_release: Path) -> None:
    pool = {row["id"]: row for rows in of(task, "candidates", rank_release).values() for row in rows}
    tests = [row for rows in of(task, "test", rank_release).values() for row in rows]
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
    task: Task, rank_study: Params, prepared: Path, tmp_path: Path
) -> None:
    out = tmp_path / "checks.json"
    assert all(f.success for f in validate(task, rank_study, prepared / task.name, out))
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
    rank_study: Params,
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
        validate(get_task(name), rank_study, prepared / name, tmp_path / "checks.json")
    assert "\n" not in str(caught.value)


def test_a_test_paragraph_in_the_training_data(
    rank_study: Params, prepared: Path, tmp_path: Path
) -> None:
    path = prepared / "lareqa/train/en.jsonl"
    context = read_jsonl(prepared / "lareqa/test/en.jsonl")[0]["context"]
    write_jsonl(path, change(0, context=context)(read_jsonl(path)))
    with pytest.raises(ExpectationError, match=r"none of the test rows stand in training data.*q0-0"):
        validate(LAREQA, rank_study, prepared / "lareqa", tmp_path / "checks.json")
