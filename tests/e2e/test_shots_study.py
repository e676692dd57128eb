"""A tiny study through DVC with few-shot, best-of and translated arms."""

from __future__ import annotations

import copy
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import STUDY, Checkout

from xlgap.analysis.tables import read_scores
from xlgap.formats import read_json, read_jsonl, write_jsonl

pytestmark = pytest.mark.e2e

ROWS = {"train_rows": 96, "dev_rows": 24, "test_rows": 24, "epochs": 1, "max_length": 64}
ARMS: dict[str, Any] = {
    "direct_en": {"regime": "direct_en"},
    "few_de_4": {"regime": "few_shot", "language": "de", "shots": 4},
    "few_de_12": {"regime": "few_shot", "language": "de", "shots": 12},
    "typing": {"regime": "intermediate_en", "intermediate": ["lab_typing"]},
    "compare": {"regime": "intermediate_en", "intermediate": ["lab_compare"]},
    "translated": {
        "regime": "intermediate_translated",
        "intermediate": ["lab_compare"],
        "language": "de",
        "translations": {"lab": True},
    },
    "best": {"regime": "best_of", "choices": ["typing", "compare"]},
}


def small() -> dict[str, Any]:
    found = copy.deepcopy(STUDY)
    found["models"] = {"one": STUDY["models"]["one"]}
    found["arms"] = ARMS
    found["tasks"] = {"lab_nli": ROWS}
    found["intermediate"] = {
        "lab_typing": {**ROWS, "train_rows": 60},
        "lab_compare": {**ROWS, "train_rows": 60},
    }
    return found


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    made = Checkout.make(tmp_path_factory.mktemp("shots") / "checkout", small())
    made.xlgap("run", "--workers", "2")
    return made


def cell(done: Checkout, arm: str, task: str = "lab_nli") -> dict[str, Any]:
    folder = done.folder / "results" / "predictions" / task / f"one-{arm}"
    if arm == "best":
        folder = done.folder / "results" / "chosen" / task / f"one-{arm}"
    found: dict[str, Any] = json.loads((folder / "cell.json").read_text())
    return found


def test_shots_go_on_from_the_english_training_that_is_done_once(done: Checkout) -> None:
    english = cell(done, "direct_en")["seeds"][0]
    for shots in (4, 12):
        found = cell(done, f"few_de_{shots}")["seeds"][0]
        first, last = found["phases"]
        assert first == english["phases"][0]
        assert (last["language"], last["shots"], last["keeps_head"]) == ("de", shots, True)
        assert (last["steps"], last["dev"]) == (10, [])
        assert last["examples"] == 10 * shots
        assert "select_language" not in last
        assert found["digest"] != english["digest"]
    trained = {p.name for p in (done.folder / "weights").iterdir() if p.is_dir()}
    assert english["digest"] in trained
    assert len(trained) == 9  # of three warm starts and six cells: none for what is before the shots


def test_a_few_shot_cell_is_scored_in_its_own_language(done: Checkout) -> None:
    folder = done.folder / "results" / "predictions" / "lab_nli" / "one-few_de_4" / "seed1"
    assert [p.name for p in folder.glob("*.jsonl")] == ["de.jsonl"]
    assert len(read_jsonl(folder / "de.jsonl")) == 24
    scores = (done.folder / "results" / "scores" / "lab_nli.csv").read_text()
    assert "few_shot" in scores
    assert Path(done.folder / "report" / "answers.json").is_file()


def test_the_best_on_english_dev_is_the_best_of_cell(done: Checkout) -> None:
    found, choices = cell(done, "best"), {arm: cell(done, arm) for arm in ("typing", "compare")}
    dev = {}
    for arm, facts in choices.items():
        last = facts["seeds"][0]["phases"][-1]
        dev[arm] = dict(last["dev"])[last["best_step"]]
        assert found["dev"][arm]["mean"] == dev[arm]
    best = max(dev, key=lambda arm: dev[arm])
    assert found["chosen"] == best
    assert found["seeds"][0]["digest"] == choices[best]["seeds"][0]["digest"]
    rows = read_scores(done.folder / "results" / "scores" / "lab_nli.csv")
    scored = {arm: {s.language: s.value for s in rows if s.arm == arm} for arm in (best, "best")}
    assert scored["best"] == scored[best]
    assert set(scored["best"]) == {"en", "de"}
    assert {s.regime for s in rows if s.arm == "best"} == {"best_of"}
    assert not (done.folder / "models" / "warm" / "one" / "best").exists()
    assert done.stale() == set()


def test_a_translated_arm_trains_on_translations_that_were_checked(done: Checkout) -> None:
    folder = done.folder / "data" / "translated" / "lab_compare" / "de"
    rows, manifest = read_jsonl(folder / "train.jsonl"), read_json(folder / "manifest.json")
    english = read_jsonl(done.folder / "data/prepared/lab_compare/train/en.jsonl")
    assert [(row["id"], row["label"]) for row in rows] == [(r["id"], r["label"]) for r in english]
    assert sum(row["text"] != r["text"] for row, r in zip(rows, english, strict=True)) > 50
    index = read_json(done.folder / "data/index.json")["arms"]["translated"]
    assert index["lab_compare/de"]["train"] == manifest["sha256"]
    warm = read_json(done.folder / "models/warm/one/translated/seed1/facts.json")
    other = read_json(done.folder / "models/warm/one/compare/seed1/facts.json")
    assert warm["digest"] != other["digest"]
    assert (warm["phases"][0]["language"], warm["phases"][0]["translated"]) == ("de", True)
    assert "translated" not in other["phases"][0]
    compared = read_json(done.folder / "results/leakage.json")["compared"]
    assert "lab_compare/translated/de" in compared
    scores = read_scores(done.folder / "results" / "scores" / "lab_nli.csv")
    assert {s.language for s in scores if s.arm == "translated"} == {"en", "de"}


def test_another_translation_makes_its_own_arm_stale_alone(done: Checkout, tmp_path: Path) -> None:
    study = done.copy(tmp_path / "checkout")
    rows = read_jsonl(study.folder / "data/translated/lab_compare/de/train.jsonl")
    given = [{key: row[key] for key in ("id", "text", "text_b")} for row in rows]
    given[0]["text"] = "Kuba: in 3 Wochen"
    write_jsonl(study.folder / "translations" / "lab_compare.jsonl", given)
    params = study.params
    params["arms"]["translated"]["translations"] = {"file": "translations/{task}.jsonl"}
    study.write_params(params)
    study.xlgap("graph")
    lock = yaml.safe_load((study.folder / "dvc.lock").read_text())["stages"]
    study.dvc("repro", "--single-item", "translate@lab_compare-de")
    study.dvc("repro", "--single-item", "leakage")
    study.dvc("repro", "--single-item", "index")
    after = yaml.safe_load((study.folder / "dvc.lock").read_text())["stages"]
    name = "translate@lab_compare-de"
    assert after[name]["outs"] != lock[name]["outs"]
    stale = study.stale()
    assert "warmstart@one-translated" in stale
    assert not stale & {"warmstart@one-compare", "finetune@one-compare-lab_nli", "corpus"}


def test_a_chosen_cell_has_its_run_again_where_the_store_was_lost(
    done: Checkout, tmp_path: Path
) -> None:
    study = done.copy(tmp_path / "checkout")
    for path in study.folder.glob("mlflow.db*"):
        path.unlink()
    said = study.xlgap("run")
    assert "up to date" in said.stdout + said.stderr
    cells = len(ARMS)
    assert f"{cells + 2} runs it lacked rebuilt" in said.stdout  # and of the model and the study
    with sqlite3.connect(study.folder / "mlflow.db") as db:
        chosen = db.execute("select value from params where key = 'chosen'").fetchall()
    assert chosen == [(cell(done, "best")["chosen"],)]
    assert "rebuilt" not in study.xlgap("run").stdout
