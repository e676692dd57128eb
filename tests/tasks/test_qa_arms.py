"""SQuAD in a target language stands in arms beside English SQuAD; unanswerable data is validated."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap.cell import grid
from xlgap.checks.validate import validate
from xlgap.config import check
from xlgap.data.prepare import prepare
from xlgap.errors import DataError, ExpectationError
from xlgap.formats import read_json, read_jsonl, write_jsonl
from xlgap.tasks import get_task

ARMS = {
    "inter_en": {"regime": "intermediate_en", "intermediate": ["squad"]},
    "inter_zh": {"regime": "intermediate_tgt", "intermediate": ["squad"], "language": "zh"},
    "inter_squad2": {"regime": "intermediate_en", "intermediate": ["squad2"]},
}


@pytest.fixture
def raw(raw_real_study: Callable[..., dict]) -> dict:
    return raw_real_study(
        languages={"evaluation": ["en", "zh"], "pretraining": ["en"]},
        arms=ARMS,
        tasks={"xnli": {}},
        intermediate={"mnli": {}, "squad": {}, "squad2": {}},
    )


def test_an_arm_with_chinese_squad_pairs_with_english_squad(raw: dict) -> None:
    study = grid(check(raw, Path("params.yaml")))
    assert {"en", "zh"} <= set(study.trained_in(get_task("squad")))
    assert {cell.arm.name for cell in study.cells} >= {"inter_en", "inter_zh"}


def squad2_file(answered: bool) -> str:
    paragraphs = []
    for n in range(30):
        context = f"The boat number {n} left. The river was high on day {n}."
        place = {"text": f"number {n}", "answer_start": context.index("number")}
        questions = [
            {"id": f"a{n}", "question": f"Which boat, {n}?", "answers": [place] if answered else []},
            {"id": f"b{n}", "question": f"Who steered it, {n}?", "answers": [], "is_impossible": True},
        ]
        paragraphs.append({"context": context, "qas": questions})
    return json.dumps({"version": "v2.0", "data": [{"title": "t", "paragraphs": paragraphs}]})


def test_unanswerable_questions_are_prepared_and_validated_and_stripped_answers_are_caught(
    raw: dict, tmp_path: Path
) -> None:
    task, params = get_task("squad2"), check(raw, Path("params.yaml"))
    folder = tmp_path / "release/intermediate_en/qa/squad_v2.0"
    folder.mkdir(parents=True)
    for name in ("train_from_dev", "heldout_from_dev"):
        (folder / f"{name}.json").write_text(squad2_file(answered=True), encoding="utf8")
    prepared, out = tmp_path / "squad2", tmp_path / "checks.json"
    prepare(task, params, prepared, data_dir=tmp_path / "release")
    validate(task, params, prepared, out)
    assert read_json(out)["success"]

    path = prepared / "train/en.jsonl"
    rows = list(read_jsonl(path))
    assert sum(not row["answers"]["text"] for row in rows) == 30
    nothing = {"text": [], "answer_start": []}
    write_jsonl(path, [{**row, "answers": nothing} for row in rows])
    with pytest.raises(
        ExpectationError, match="expected that some question of a language has an answer"
    ):
        validate(task, params, prepared, out)

    (folder / "train_from_dev.json").write_text(squad2_file(answered=False), encoding="utf8")
    with pytest.raises(
        DataError, match=r"train_from_dev\.json, line 1: no question of the file has an"
    ):
        prepare(task, params, prepared, data_dir=tmp_path / "release")
