"""What the store is asked at the end of a study, of its file and through MLflow alike."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from xlgap.errors import XlgapError
from xlgap.tracking.look import tracked
from xlgap.tracking.mlflow import open_run, search_names


def test_the_file_and_mlflow_say_the_same(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/a store.db"

    def run(digest: str, name: str = "cell", experiment: str = "mine") -> str:
        made = open_run(uri=uri, experiment=experiment, name=name, digest=digest, tags={"kind": "c"})
        made.params({"model": "xs"})
        made.metrics({"f1_mean": 1.0})
        made.close()
        return made.run_id

    run("first"), run("second"), run("elsewhere", experiment="theirs")
    MlflowClient(uri).delete_run(run("deleted", "another cell"))
    found = tracked(uri, "mine")
    assert found == search_names(uri, "mine")
    assert found.keys() == {"first", "second"}
    assert {"model", "f1_mean", "kind", "xlgap.superseded"} <= found["first"]
    assert "xlgap.superseded" not in found["second"]
    assert tracked(uri, "nobody's") == search_names(uri, "nobody's") == {}


def test_more_runs_than_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xlgap.tracking.mlflow.RUNS_A_PAGE", 2)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    for digest in "abcde":
        open_run(uri=uri, experiment="mine", name=digest, digest=digest, tags={}).close()
    assert search_names(uri, "mine").keys() == set("abcde")


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert tracked(f"sqlite:///{tmp_path}/mlflow.db", "mine") == {}
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_told_by_the_store(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(XlgapError, match=r"mlflow\.db: no SQLite database; move it away"):
        tracked(f"sqlite:///{tmp_path}/mlflow.db", "mine")
