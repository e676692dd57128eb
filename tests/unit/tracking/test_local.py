"""What is read of the local store, by itself and while it is written."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from xlgap.errors import XlgapError
from xlgap.tracking import mlflow as tracking
from xlgap.tracking.local import read_store


def write(path: Path, digest: str, *, points: int = 2) -> tracking.MlflowTracker:
    run = tracking.open_run(
        uri=f"sqlite:///{path}", experiment="lab", name="cell", digest=digest, tags={"a": "b"}
    )
    for step in range(points):
        run.metrics({"loss": float(step)}, step=step)
    run.params({"seed": 1})
    run.dataset(name="nli", digest="0123", context="training", rows=3)
    run.dataset(name="qa", digest="4567", context="training", rows=4)
    run.document({"stage": 2}, name="deepspeed.json")
    run.close()
    return run


def test_runs_are_read_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    first = write(path, "a")
    with read_store(path) as store:
        (run,) = store.runs()
        assert (run.id, run.digest, run.status, run.points) == (first.run_id, "a", "FINISHED", 2)
        assert run.params == {"seed": "1"}
        assert [(d.name, d.tags["mlflow.data.context"]) for d in run.datasets] == [
            ("nli", "training"),
            ("qa", "training"),
        ]
        version = store.version()
        known = (run.state, run.kept)
        assert (run.state, run.kept) == known
        write(path, "a", points=3)
        assert store.version() != version
        (run,) = store.runs()
        assert run.points == 5  # counted on from two
        assert (run.state, run.kept) != known
        assert [p[0] for p in store.points(run.id, after=3, most=10)] == ["loss", "loss"]
        write(path, "b")
        assert [run.digest for run in store.runs()] == ["a", "b"]


def test_a_store_that_was_moved_has_its_files(tmp_path: Path) -> None:
    write(tmp_path / "one" / "mlflow.db", "a")
    with sqlite3.connect(tmp_path / "one" / "mlflow.db") as base:
        base.execute("pragma wal_checkpoint(truncate)")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    shutil.rmtree(tmp_path / "one" / "mlartifacts")
    with read_store(tmp_path / "two" / "mlflow.db") as store:
        (run,) = store.runs()
        assert [p.name for p in run.files.iterdir()] == ["deepspeed.json"]


def test_runs_of_others_and_deleted_ones_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    gone = write(path, "gone")
    with tracking.open_client(f"sqlite:///{path}") as client:
        client.delete_run(gone.run_id)
        where = client.get_experiment_by_name("lab").experiment_id
        client.create_run(where, run_name="by hand")
    with read_store(path) as store:
        assert store.runs() == []


def test_a_file_that_is_no_store_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("no database " * 100)
    with (
        pytest.raises(XlgapError, match="cannot be read as an MLflow store"),
        read_store(tmp_path / "mlflow.db") as store,
    ):
        store.runs()
