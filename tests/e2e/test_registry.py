"""The best models of a finished study in MLflow's registry, and the runs behind its scores."""

from __future__ import annotations

import csv
import json
import shutil

import pytest
from mlflow.tracking import MlflowClient
from mlflow_servers import mlflow_server

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_the_best_model_of_each_regime_is_registered_once(study, tmp_path) -> None:
    with mlflow_server(tmp_path / "server") as server:
        first = study.xlgap("register", "--to", server.uri).stdout.splitlines()
        again = study.xlgap("register", "--to", server.uri).stdout.splitlines()
        client = MlflowClient(server.uri)
        listed = study.xlgap("runs", "--json", MLFLOW_TRACKING_URI=server.uri).stdout
        for row in json.loads(listed):
            there = client.get_run(row["at_server"]).data.tags
            assert there["xlgap.digest"] == row["digest"]
            assert row["run"] != row["at_server"]
        models = {model.name: model for model in client.search_registered_models()}
        arms, tasks = study.params["arms"], study.params["tasks"]
        regimes = {arm["regime"] for arm in arms.values()}
        assert {tuple(name.split(".")[2:4]) for name in models} == {
            (regime, task) for regime in regimes for task in tasks
        }
        assert "xlgap.tiny.direct_en.lab_ner" in models
        assert "xlgap.tiny.direct_tgt.lab_ner.de" in models  # chosen on German rows, which is said
        assert all(line.endswith(" version 1, new") for line in first[1:])
        assert all(line.endswith(" version 1, there already") for line in again[1:])
        for name in models:
            version = client.get_model_version_by_alias(name, "best")
            tags = version.tags
            run = client.get_run(version.run_id)
            assert run.data.params["model"] == tags["model"]
            metric = next(key for key in tags if key.startswith("test.") and key.endswith("_mean"))
            assert run.data.metrics[metric.removeprefix("test.")] == pytest.approx(
                float(tags[metric]), abs=1e-4
            )
            files = {f.path for f in client.list_artifacts(version.run_id, "weights")}
            assert "weights/model.safetensors" in files
            rivals = tags["chosen_among"].split()
            assert max(rivals, key=lambda key: dev(study, key)) == (
                f"{tags['model']}-{tags['arm']}-{tags['task']}"
            )


def dev(study, key: str) -> float:
    """The dev score by which a cell competes."""
    model, arm, task = key.split("-")
    path = study.folder / "results" / "predictions" / task / f"{model}-{arm}" / "cell.json"
    (seed,) = json.loads(path.read_text())["seeds"]
    last = seed["phases"][-1]
    return dict(map(tuple, last["dev"]))[last["best_step"]]


def test_scores_without_weights_say_so(study) -> None:
    shutil.rmtree(study.folder / "weights")
    said = study.xlgap("register").stdout  # without a server: into the store here
    assert "xlgap.tiny.direct_en.lab_ner version 1, new; weights not kept" in said
    assert "there already; weights not kept" in study.xlgap("register", "--no-weights").stdout


def test_from_a_row_of_scores_to_its_run(finished) -> None:
    with (finished.folder / "results" / "scores" / "lab_ner.csv").open() as file:
        row = next(csv.DictReader(file))
    asked = [f"--{word}={row[word]}" for word in ("model", "arm", "task", "seed")]
    (found,) = json.loads(finished.xlgap("runs", *asked, "--json").stdout)
    store = f"sqlite:///{finished.folder}/mlflow.db"
    run = MlflowClient(store).get_run(found["run"])
    assert run.data.tags["xlgap.digest"] == found["digest"]
    assert found["commit"] == finished.git("rev-parse", "HEAD~1").strip()  # results came after it
    assert run.data.tags["xlgap.git_dirty"] == "false"
    assert run.data.metrics[f"{row['metric']}_{row['language']}"] == pytest.approx(float(row["value"]))
    lock = (finished.folder / "dvc.lock").read_text()
    assert found["dvc_md5"].endswith(".dir")
    assert f"md5: {found['dvc_md5']}" in lock
    assert finished.xlgap("runs").stdout.count("FINISHED") == 16
    wrong = finished.xlgap("runs", "--model", "oen", check=False)
    assert wrong.returncode == 2
    assert "did you mean 'one'?" in wrong.stderr
