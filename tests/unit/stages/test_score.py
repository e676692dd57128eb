"""From predictions to scores: what is counted, and which run is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from xlgap import layout
from xlgap.analysis.chance import english_scores
from xlgap.analysis.gap import arms_of
from xlgap.analysis.tables import read_scores
from xlgap.config import Params
from xlgap.formats import write_json, write_jsonl
from xlgap.stages.identity import run_digest
from xlgap.stages.score import score
from xlgap.stages.study import Study
from xlgap.stages.track import open_tracker

TAGS = [["B-LOC", "O"], ["O", "O", "B-CUR"], ["B-LOC", "I-LOC", "O", "O"]]
FOUND = [["B-LOC", "O"], ["O", "B-CUR", "B-CUR"], ["B-LOC", "O", "O", "O"]]
CELL = "nano-direct_en-lab_ner"


def lay_out(groups: list[str]) -> None:
    """Test rows and predictions of the one cell; neither weights nor training data."""
    rows = [
        {"id": f"i{n}", "group": group, "tokens": ["w"] * len(tags), "tags": tags}
        for n, (tags, group) in enumerate(zip(TAGS, groups, strict=True))
    ]
    write_jsonl(layout.rows("lab_ner", "test", "en"), rows)
    folder = layout.predictions("lab_ner", "nano", "direct_en")
    found = [{"id": f"i{n}", "tags": tags} for n, tags in enumerate(FOUND)]
    write_jsonl(folder / "seed1" / "en.jsonl", found)
    seed = {"seed": 1, "digest": "trained", "phases": []}
    seed |= {"encoder": {"total": 100, "nonembedding": 80}}
    write_json(folder / "cell.json", {"seeds": [seed]})
    test = {"en": {"rows": len(TAGS), "sha256": "of the rows"}}
    write_json(layout.prepared("lab_ner") / "manifest.json", {"splits": {"test": test}})


@pytest.fixture
def toy(study: Callable[..., Params], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    (tmp_path / ".dvc").mkdir()
    languages = {"evaluation": ["en"], "pretraining": ["en"]}
    model = {"layers": 2, "width": 32, "heads": 2, "feed_forward": 64}
    params = study(
        study={"name": "toy", "source": "lab", "seeds": [1]},
        models={"nano": model},
        languages=languages,
        tasks={"lab_ner": {}},
        intermediate={},
    )
    return Study(params)


def test_scores_go_to_the_run_that_trained_the_cell(toy: Study, tmp_path: Path) -> None:
    lay_out(["a", "b", "c"])
    key = run_digest(toy, toy.grid.cell(CELL), 1, trained="trained")
    with open_tracker(toy, name="cell", digest=key, kind="cell") as run:
        run.metrics({"train_loss": 0.5})
    score(toy, "lab_ner")
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    (experiment,) = client.search_experiments(filter_string="name = 'xlgap/toy'")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.run_id == run.run_id
    assert found.data.metrics["train_loss"] == 0.5
    assert found.data.metrics["token_accuracy_mean"] == pytest.approx(100 * 7 / 9)


def test_items_of_token_accuracy_are_tokens(toy: Study) -> None:
    lay_out(["a", "b", "c"])
    score(toy, "lab_ner")
    found = {s.metric: s for s in read_scores(layout.scores("lab_ner"))}
    assert {name: s.n_items for name, s in found.items()} == {"token_accuracy": 9, "f1": 3}


def test_the_error_of_one_group_is_unknown_and_claims_nothing(toy: Study) -> None:
    lay_out(["a", "a", "a"])
    score(toy, "lab_ner")
    found = read_scores(layout.scores("lab_ner"))
    assert [s.stderr for s in found] == [None, None]
    [row] = english_scores(found, arms_of(found), {"lab_ner": "token_accuracy"})
    assert row.at_chance is None
    json.dumps(row.stderr, allow_nan=False)
