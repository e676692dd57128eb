"""The MLflow tracker against a real SQLite store."""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from xlgap.errors import Interrupted, XlgapError
from xlgap.tracking import mlflow as tracking
from xlgap.tracking.store import initialise
from xlgap.tracking.summary import log_study, study_pages
from xlgap.tracking.uri import server_uri, store_uri


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    store = f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"
    initialise(store)
    return store


def opened(uri: str, digest: str, **tags: str) -> tracking.MlflowTracker:
    return tracking.open_run(uri=uri, experiment="lab", name="cell", digest=digest, tags=tags)


def stored(uri: str, tracker: tracking.MlflowTracker) -> Run:
    return MlflowClient(uri).get_run(tracker.run_id)


def test_everything_arrives(uri: str, tmp_path: Path) -> None:
    run = opened(uri, "all", model="tiny")
    run.params({"layers": 2, "arm": "direct_en"})
    for step in range(1500):
        run.metrics({"loss": 1 / (step + 1), "score/zh": 50.0}, step=step)
    run.metrics({"params_total": 123456.0})
    run.dataset(name="xnli", digest="0123456789abcdef" * 4, context="train", rows=100)
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "en.jsonl").write_text("{}\n")
    run.artifact(tmp_path / "predictions", folder="predictions")
    run.document({"zero_optimization": {"stage": 2}}, name="deepspeed.json")
    run.close()

    client = MlflowClient(uri)
    data = client.get_run(run.run_id)
    assert data.info.status == "FINISHED"
    assert data.data.params == {"layers": "2", "arm": "direct_en"}
    assert data.data.tags["model"] == "tiny"
    assert data.data.metrics["params_total"] == 123456.0
    history = client.get_metric_history(run.run_id, "loss")
    assert [m.step for m in sorted(history, key=lambda m: m.step)] == list(range(1500))
    (given,) = data.inputs.dataset_inputs
    assert given.dataset.name == "xnli"
    assert json.loads(given.dataset.source)["digest"] == "0123456789abcdef" * 4
    assert json.loads(given.dataset.profile) == {"num_rows": 100}
    assert {a.path for a in client.list_artifacts(run.run_id)} == {"predictions", "deepspeed.json"}


def test_what_is_written_is_there_before_the_end(uri: str) -> None:
    run = opened(uri, "written")
    run.metrics({"loss": 0.5}, step=1)
    assert "loss" not in stored(uri, run).data.metrics
    run.write()
    assert stored(uri, run).data.metrics["loss"] == 0.5


def test_artifacts_lie_beside_the_store(uri: str) -> None:
    run = opened(uri, "place")
    run.document({}, name="empty.json")
    run.close()
    root = Path(uri.removeprefix("sqlite:///")).parent / "mlartifacts"
    assert [p.name for p in root.rglob("empty.json")] == ["empty.json"]


def test_a_retry_opens_the_same_run_again(uri: str) -> None:
    first = opened(uri, "retried")
    first.params({"lr": 0.1})
    first.close(failed=True)
    assert stored(uri, first).info.status == "FAILED"

    second = opened(uri, "retried")
    assert second.run_id == first.run_id
    assert stored(uri, second).info.status == "RUNNING"
    second.close()
    assert stored(uri, second).info.status == "FINISHED"
    assert opened(uri, "another").run_id != first.run_id


def test_a_later_run_of_the_same_cell_supersedes_the_earlier_one(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/mlflow.db"

    def run(name: str, digest: str) -> str:
        made = tracking.open_run(
            uri=store, experiment="lab", name=name, digest=digest, tags={"xlgap.kind": "cell"}
        )
        made.close()
        return made.run_id

    def superseded() -> dict[str, str]:
        runs = {i: client.get_run(i).data.tags for i in (first, second, other)}
        return {i: t["xlgap.superseded"] for i, t in runs.items() if "xlgap.superseded" in t}

    client = MlflowClient(store)
    other, first = run("other seed 0", "o"), run("cell seed 0", "a")
    second = run("cell seed 0", "b")
    assert superseded() == {first: second}
    assert run("cell seed 0", "b") == second
    assert superseded() == {first: second}
    log_study(uri=store, experiment="lab", study="lab", summary_metrics={}, per_model=[])
    where = client.get_experiment_by_name("lab")
    view = json.loads(where.tags["mlflow.sharedViewState.xlgap-lab-cells"])
    shown = client.search_runs([where.experiment_id], view["searchFilter"])
    assert {found.info.run_id for found in shown} == {second, other}

    assert run("cell seed 0", "a") == first  # the settings are what they were: its run is current again
    assert superseded() == {second: first}


def test_a_changed_parameter_is_no_error(uri: str) -> None:
    opened_first = opened(uri, "changed")
    opened_first.params({"threads": 1})
    opened_first.close()
    again = opened(uri, "changed")
    again.params({"threads": 2})
    again.close()
    data = stored(uri, again).data
    assert data.params["threads"] == "1"
    assert data.tags["xlgap.changed.threads"] == "2"


def test_a_long_parameter_is_kept_whole_as_an_artifact(uri: str) -> None:
    run = opened(uri, "long")
    text = "x" * 20_000
    run.params({"languages": text})
    run.close()
    assert len(stored(uri, run).data.params["languages"]) <= 6000
    assert (
        Path(MlflowClient(uri).download_artifacts(run.run_id, "params/languages.txt")).read_text()
        == text
    )


def test_names_that_mlflow_refuses_are_written_so_that_it_takes_them(uri: str) -> None:
    run = opened(uri, "names")
    run.metrics({"f1@zh": 1.0})
    run.close()
    assert stored(uri, run).data.metrics == {"f1_zh": 1.0}


def test_many_parameters_and_tags_fit_their_batches(uri: str) -> None:
    run = opened(uri, "many")
    run.params({f"p{i}": i for i in range(250)})
    run.tags({f"t{i}": str(i) for i in range(250)})
    run.close()
    data = stored(uri, run).data
    assert len(data.params) == 250
    assert data.tags["t249"] == "249"


def test_an_interruption_is_told_from_a_failure(uri: str) -> None:
    run = opened(uri, "stopped")

    def stop() -> None:
        try:
            raise Interrupted("SIGTERM")
        finally:
            run.close(failed=True)

    with pytest.raises(Interrupted):
        stop()
    assert stored(uri, run).info.status == "KILLED"


def test_figures_wait_for_a_batch_and_no_thread_waits_with_them(uri: str) -> None:
    before = threading.enumerate()
    run = opened(uri, "buffer")
    run.metrics({"loss": 1.0}, step=1)
    assert stored(uri, run).data.metrics == {}
    run.flush()
    assert stored(uri, run).data.metrics == {"loss": 1.0}
    assert threading.enumerate() == before
    run.close()


def test_a_store_that_is_away_stops_training_only_at_the_end(uri: str) -> None:
    run = opened(uri, "away")
    MlflowClient(uri).delete_run(run.run_id)
    for step in range(1001):
        run.metrics({"loss": 1.0}, step=step)
    with pytest.raises(XlgapError, match="did not take 1001 figures"):
        run.close()


def in_child(work: Callable[[], None]) -> int:
    """Do the work in a forked child; its process id."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def test_many_processes_open_a_new_store_at_once(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/new/mlflow.db"

    def work(digest: str) -> None:
        run = opened(store, digest)
        run.metrics({"m": 1.0})
        run.close()

    children = [in_child(partial(work, str(i))) for i in range(4)]
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
    client = MlflowClient(store)
    runs = client.search_runs([client.get_experiment_by_name("lab").experiment_id])
    assert {run.data.tags["xlgap.digest"] for run in runs} == set("0123")


def test_runs_are_opened_after_a_fork(uri: str) -> None:
    tracking.warm_up()

    def work() -> None:
        run = opened(uri, "forked")
        run.metrics({"m": 2.0})
        run.close()

    assert os.waitpid(in_child(work), 0)[1] == 0
    assert stored(uri, opened(uri, "forked")).data.metrics == {"m": 2.0}


def test_a_study_has_a_summary_and_a_run_a_model(uri: str, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<html>")
    rows: list[dict[str, Any]] = [
        {"model": "s1", "params_total": 1e5, "params_nonembedding": 1e4, "gap_inter": 3.5},
        {"model": "s2", "params_total": 1e7, "params_nonembedding": 1e6, "gap_inter": None},
    ]

    def log(rows: list[dict[str, Any]]) -> str:
        return log_study(
            uri=uri,
            experiment="studies",
            study="lab",
            summary_metrics={"slope": -1.5, "absent": None},
            per_model=rows,
            artifacts_dir=tmp_path,
        )

    summary = log(rows)
    assert log(rows) == summary
    client = MlflowClient(uri)
    where = client.get_experiment_by_name("studies").experiment_id
    runs = {run.info.run_name: run for run in client.search_runs([where])}
    assert set(runs) == {"study lab", "s1", "s2"}
    assert runs["study lab"].data.metrics == {"slope": -1.5}
    assert runs["s1"].data.metrics["log10_params_nonembedding"] == pytest.approx(4.0)
    assert runs["s1"].data.metrics["gap_inter"] == 3.5
    assert "gap_inter" not in runs["s2"].data.metrics
    assert runs["s1"].data.tags["xlgap.study"] == "lab"
    state = json.loads(client.get_experiment(where).tags["mlflow.sharedViewState.xlgap-lab"])
    axes = [(c["xaxis"]["key"], c["yaxis"]["key"]) for c in state["compareRunCharts"]]
    assert axes == [("log10_params_nonembedding", "gap_inter")]
    (page,) = study_pages(uri).items()
    assert page[0] == "lab"
    assert f"/experiments/{where}/" in page[1]
    assert [a.path for a in client.list_artifacts(summary)] == ["index.html"]

    log(rows[:1])
    assert {run.info.run_name for run in client.search_runs([where])} == {"study lab", "s1"}


def test_a_missing_figure_is_not_a_zero(uri: str) -> None:
    run = opened(uri, "nan")
    run.metrics({"loss": math.nan})
    run.close()
    assert math.isnan(stored(uri, run).data.metrics["loss"])


def test_the_default_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert store_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    assert store_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    assert server_uri() == "http://server:5000"
