"""A store that cannot be opened, or takes nothing, fails no stage; what it was told is told later."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from xlgap import layout
from xlgap.errors import ConfigError, XlgapError
from xlgap.formats import atomic_dir, write_text
from xlgap.stages import untold
from xlgap.stages.study import Study
from xlgap.stages.track import open_tracker
from xlgap.tracking.store import initialise
from xlgap.tracking.uri import store_uri


@pytest.fixture
def study(
    raw_study: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Study:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / ".dvc").mkdir()
    write_text(layout.PARAMS, yaml.safe_dump(raw_study()))
    return Study.here()


def train(study: Study, *, digest: str = "a", fails: bool = False) -> None:
    with open_tracker(study, name="cell", digest=digest, kind="cell") as run:
        run.params({"seed": 1, "model": "xs"})
        for step in range(3):
            run.metrics({"loss": 1.0 / (step + 1), "f1": float("nan")}, step=step)
        run.dataset(name="nli", digest="0123456789abcdef0123", context="training", rows=4)
        run.document({"stage": 2}, name="deepspeed.json")
        run.tags({"xlgap.event": "x"})
        if fails:
            raise ValueError("of the training")


def stored(study: Study) -> list[Run]:
    client = MlflowClient(store_uri(study.root))
    (where,) = client.search_experiments(filter_string=f"name = '{study.experiment}'")
    return list(client.search_runs([where.experiment_id]))


def test_a_training_goes_on_without_its_store_and_it_is_told_later(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mlflow.db").mkdir()  # nothing can be opened there
    train(study)
    said = capsys.readouterr().err
    assert "mlflow.db: a directory, not a SQLite database" in said
    assert "figures wait in journal/untold" in said
    (waiting,) = layout.UNTOLD.glob("*.json")
    before = waiting.stat().st_mtime
    Path("mlflow.db").rmdir()
    train(study, digest="b")
    assert not list(layout.UNTOLD.iterdir())
    runs = {run.data.tags["xlgap.digest"]: run for run in stored(study)}
    assert runs.keys() == {"a", "b"}
    for run in runs.values():
        assert run.info.status == "FINISHED"
        assert run.data.params == {"seed": "1", "model": "xs"}
        assert run.data.metrics["loss"] == pytest.approx(1 / 3)
        assert [d.dataset.name for d in run.inputs.dataset_inputs] == ["nli"]
    client = MlflowClient(store_uri(study.root))
    history = client.get_metric_history(runs["a"].info.run_id, "loss")
    assert sorted(point.step for point in history) == [0, 1, 2]
    assert all(point.timestamp <= before * 1000 for point in history)  # when it happened
    assert [f.path for f in client.list_artifacts(runs["a"].info.run_id)] == ["deepspeed.json"]


def test_a_run_that_has_files_alone_waits_too(study: Study) -> None:
    Path("mlflow.db").mkdir()
    for digest, told in (("files", True), ("nothing", False)):
        with (
            open_tracker(study, name=digest, digest=digest, kind="validation") as run,
            atomic_dir(Path("found")) as made,
        ):
            (made / "page.html").write_text("x")
            if told:
                run.artifact(made, folder="pages")  # which gets its name after that
                run.artifact(Path("gone"))
    Path("mlflow.db").rmdir()
    assert untold.tell(store_uri(study.root)) == 2
    runs = {run.info.run_name: run for run in stored(study)}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    client = MlflowClient(store_uri(study.root))
    found = client.list_artifacts(runs["files"].info.run_id, "pages")
    assert [file.path for file in found] == ["pages/page.html"]


def test_files_that_the_store_does_not_take_wait(study: Study) -> None:
    initialise(store_uri(study.root))
    Path("mlartifacts").write_text("no folder")
    Path("page.html").write_text("x")
    with open_tracker(study, name="files", digest="files", kind="validation") as run:
        run.artifact(Path("page.html"))
        run.document({"a": 1}, name="facts.json")
    with pytest.raises(XlgapError, match="still does not take files of run 'files'"):
        untold.tell(store_uri(study.root))
    Path("mlartifacts").unlink()
    assert untold.tell(store_uri(study.root)) == 1
    (run_,) = stored(study)
    found = MlflowClient(store_uri(study.root)).list_artifacts(run_.info.run_id)
    assert [file.path for file in found] == ["facts.json", "page.html"]


def test_figures_that_a_full_store_does_not_take_wait(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    initialise(store_uri(study.root))
    with sqlite3.connect("mlflow.db") as base:
        base.execute(
            "create trigger full before insert on metrics begin select raise(abort, 'full'); end"
        )
    train(study)
    assert "MLflow did not take 6 figures" in capsys.readouterr().err
    with sqlite3.connect("mlflow.db") as base:
        base.execute("drop trigger full")
    assert untold.tell(store_uri(study.root)) == 1
    (run,) = stored(study)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["loss"] == pytest.approx(1 / 3)
    assert untold.tell(store_uri(study.root)) == 0


def test_an_error_of_the_training_stays_its_error(study: Study) -> None:
    Path("mlflow.db").mkdir()
    with pytest.raises(ValueError, match="of the training"):
        train(study, fails=True)
    Path("mlflow.db").rmdir()
    assert untold.tell(store_uri(study.root)) == 1
    (run,) = stored(study)
    assert run.info.status == "FAILED"


def test_a_file_that_another_process_tells_is_left_to_it_until_that_ends(study: Study) -> None:
    Path("mlflow.db").mkdir()
    train(study)
    Path("mlflow.db").rmdir()
    (waiting,) = layout.UNTOLD.glob("*.json")
    with waiting.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert untold.tell(store_uri(study.root)) == 0
    assert untold.tell(store_uri(study.root)) == 1  # it was killed


def test_a_malformed_address_is_no_store_that_is_away(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs.db?mode=ro")
    with pytest.raises(ConfigError, match="or with options"):
        train(study)


def test_a_server_that_is_away_is_not_waited_for(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setattr("xlgap.stages.track.ensure_forwarder", lambda store: None)
    train(study)
    assert len(stored(study)) == 1
