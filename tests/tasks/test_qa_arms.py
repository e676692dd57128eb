"""SQuAD in a target language stands in arms beside English SQuAD; unanswerable data is validated."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from xlgap import layout
from xlgap.cell import grid
from xlgap.checks.validate import validate
from xlgap.config import check
from xlgap.data.prepare import prepare
from xlgap.errors import DataError, ExpectationError
from xlgap.formats import read_json, read_jsonl, write_jsonl
from xlgap.graph import graph_mapping
from xlgap.models.ladder import scratch_config
from xlgap.models.network import scratch_encoder
from xlgap.models.tokenizer import load_tokenizer, train_tokenizer
from xlgap.stages.fit import fit
from xlgap.stages.prepare import index
from xlgap.stages.start import Start
from xlgap.stages.study import Study
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
        DataError,
        match=r"train_from_dev\.json, article 1, .* the answers are stripped",
    ):
        prepare(task, params, prepared, data_dir=tmp_path / "release")


class Heard:
    """Counts the evaluations on dev."""

    evaluations = 0

    def on_start(self, step: int, *, steps: int) -> None: ...

    def on_step(self, step: int, *, steps: int, loss: float, learning_rate: float) -> None: ...

    def on_saving(self) -> None: ...

    def on_evaluation(self, step: int, score: float) -> None:
        self.evaluations += 1

    def on_event(self, name: str, sentence: str) -> None: ...

    def stop_requested(self) -> bool:
        return False


@pytest.mark.usefixtures("one_rank")
def test_tydiqa_trains_on_every_question_without_a_dev_set(
    raw_real_study: Callable[..., dict], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = raw_real_study(
        languages={"evaluation": ["en"], "pretraining": ["en"]},
        models={"nano": {"layers": 1, "width": 16, "heads": 2, "feed_forward": 32}},
        arms={"direct_en": {"regime": "direct_en"}},
        tasks={"tydiqa": {"epochs": 1, "max_length": 32, "batch_rows": 8, "learning_rate": 0.01}},
        intermediate={},
    )
    monkeypatch.chdir(tmp_path)
    params, task = check(raw, Path("params.yaml")), get_task("tydiqa")
    folder = tmp_path / "release/xtreme_r/tydiqa"
    for path, name in (("train/tydiqa.goldp.en.train", "train"), ("dev/tydiqa.goldp.en.dev", "test")):
        (folder / f"tydiqa-goldp-v1.1-{path}.json").parent.mkdir(parents=True)
        (folder / f"tydiqa-goldp-v1.1-{path}.json").write_text(tydiqa_file(name), encoding="utf8")
    prepared = layout.prepared("tydiqa")
    made = prepare(task, params, prepared, data_dir=tmp_path / "release")
    assert made["splits"].keys() == {"train", "test"}
    assert made["splits"]["train"]["en"]["rows"] == 40
    validate(task, params, prepared, tmp_path / "checks.json")

    study, heard = Study(params), Heard()
    index(study)
    (cell,) = study.grid.cells
    graph = graph_mapping(params, root=".", files={"tydiqa": "0", "corpus": "0"})["graph"]
    assert graph["finetune"][cell.key]["dev"] == f"{prepared.as_posix()}/manifest.json"
    train_tokenizer(
        [row["context"] for row in study.rows("tydiqa", "train", "en")], layout.TOKENIZER, vocabulary=35
    )
    tokenizer = load_tokenizer(layout.TOKENIZER)
    config = scratch_config(
        layers=1, width=16, heads=2, feed_forward=32, vocabulary=tokenizer.size, positions=32
    )
    start = Start("start", lambda: scratch_encoder(config, seed=0), tokenizer, {})
    fitted = fit(study, "nano", start, cell.phases, seed=1, observer=heard)
    assert fitted.phases[0]["dev"] == []
    assert heard.evaluations == 0


def tydiqa_file(name: str) -> str:
    paragraphs = []
    for n in range(40):
        context = f"The {name} boat number {n} left. The river was high."
        answers = [{"text": f"number {n}", "answer_start": context.index("number")}]
        question = {"id": f"{name}-{n}", "question": f"Which {name}, {n}?", "answers": answers}
        paragraphs.append({"context": context, "qas": [question]})
    return json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]})
