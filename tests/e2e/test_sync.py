"""Runs at a shared MLflow server, a real one: what it lacks is sent, nothing twice, from anywhere."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from mlflow_servers import ADMIN, ADMIN_PASSWORD, MlflowServer, mlflow_server

from xlgap.errors import XlgapError
from xlgap.tracking.forward import ensure_forwarder, forward, log_file
from xlgap.tracking.mlflow import open_run
from xlgap.tracking.store import initialise, open_client
from xlgap.tracking.summary import log_study

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    with mlflow_server(tmp_path_factory.mktemp("server")) as made:
        yield made


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    initialise(f"sqlite:///{path}")
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def machine(empty: Path, tmp_path: Path):
    """Makes the local store of a machine."""

    def make(name: str) -> str:
        path = tmp_path / name / "mlflow.db"
        path.parent.mkdir()
        path.write_bytes(empty.read_bytes())
        return f"sqlite:///{path}"

    return make


@pytest.fixture
def experiment(request: pytest.FixtureRequest) -> str:
    return f"xlgap/{request.node.name}"


def write(
    store: str, experiment: str, digest: str, *, name: str = "cell", points: int = 3, **tags: str
):
    run = open_run(uri=store, experiment=experiment, name=name, digest=digest, tags=tags)
    run.params({"model": "xs", "seed": 1})
    for step in range(points):
        run.metrics({"loss": 1 / (step + 1), "rate": 0.1}, step=step)
    run.dataset(name="nli", digest="0123456789abcdef" * 4, context="training", rows=9)
    run.document({"stage": 2}, name="deepspeed.json")
    run.close()
    return run


def send(store: str, server: MlflowServer) -> str:
    return forward(store, server.uri, patience=0, advance=lambda done, total: None)


def there(server: MlflowServer, experiment: str) -> dict[str, Run]:
    """Runs at the server by digest; no digest stands twice."""
    client = MlflowClient(server.uri)
    found = client.get_experiment_by_name(experiment)
    runs = client.search_runs([found.experiment_id]) if found else []
    by_digest = {run.data.tags["xlgap.digest"]: run for run in runs}
    assert len(by_digest) == len(runs)
    return by_digest


def points(server: MlflowServer) -> int:
    with sqlite3.connect(server.folder / "server.db") as base:
        return int(base.execute("select count(*) from metrics").fetchone()[0])


def test_everything_arrives_and_nothing_twice(server, machine, experiment) -> None:
    store = machine("one")
    mine = write(store, experiment, "a", points=1500, **{"xlgap.git_sha": "f00"})
    before = points(server)
    assert "1 new, 0 brought up to date, 0 were there" in send(store, server)
    run = there(server, experiment)["a"]
    local = MlflowClient(store).get_run(mine.run_id)
    assert run.data.params == local.data.params
    assert run.data.metrics == local.data.metrics
    assert (run.info.status, run.info.start_time) == ("FINISHED", local.info.start_time)
    assert run.info.end_time == local.info.end_time
    assert local.data.tags.items() <= run.data.tags.items()
    (given,) = run.inputs.dataset_inputs
    assert given.dataset == local.inputs.dataset_inputs[0].dataset
    client = MlflowClient(server.uri)
    history = client.get_metric_history(run.info.run_id, "loss")
    assert sorted((m.step, m.value, m.timestamp) for m in history) == sorted(
        (m.step, m.value, m.timestamp)
        for m in MlflowClient(store).get_metric_history(mine.run_id, "loss")
    )
    assert [a.path for a in client.list_artifacts(run.info.run_id)] == ["deepspeed.json"]
    assert points(server) == before + 3000

    assert "0 new, 0 brought up to date, 1 were there" in send(store, server)
    client.set_tag(run.info.run_id, "xlgap.synced", "{}")  # as where the last pass was interrupted
    assert "0 new, 1 brought up to date" in send(store, server)
    assert points(server) == before + 3000
    assert there(server, experiment)["a"].info.run_id == run.info.run_id


def test_more_of_a_run_is_sent_alone(server, machine, experiment) -> None:
    store = machine("one")
    write(store, experiment, "a")
    send(store, server)
    again = open_run(uri=store, experiment=experiment, name="cell", digest="a", tags={})
    again.metrics({"accuracy": 51.0})
    again.close(failed=True)
    assert "0 new, 1 brought up to date" in send(store, server)
    run = there(server, experiment)["a"]
    assert run.data.metrics["accuracy"] == 51.0
    assert run.info.status == "FAILED"


def test_a_run_that_goes_on_is_shown_as_it_is(server, machine, experiment) -> None:
    store = machine("one")
    run = open_run(uri=store, experiment=experiment, name="cell", digest="a", tags={})
    run.metrics({"loss": 2.0}, step=1)
    run.flush()
    send(store, server)
    assert there(server, experiment)["a"].info.status == "RUNNING"
    run.metrics({"loss": 1.0}, step=2)
    run.close()
    send(store, server)
    found = there(server, experiment)["a"]
    assert (found.info.status, found.data.metrics["loss"]) == ("FINISHED", 1.0)


def test_two_machines_have_one_run_of_a_digest_with_what_both_know(server, machine, experiment) -> None:
    trainer, scorer = machine("trainer"), machine("scorer")
    write(trainer, experiment, "a", **{"xlgap.git_sha": "f00", "xlgap.host": "gpu"})
    scores = open_run(
        uri=scorer, experiment=experiment, name="cell", digest="a", tags={"xlgap.restored": "true"}
    )
    scores.params({"seed": 2})
    scores.metrics({"accuracy_mean": 70.0})
    scores.close()
    for _ in range(2):  # in any order, again and again
        send(scorer, server)
        send(trainer, server)
    run = there(server, experiment)["a"]
    assert {"accuracy_mean", "loss"} <= run.data.metrics.keys()
    assert run.data.tags["xlgap.host"] == "gpu"
    assert "xlgap.restored" not in run.data.tags  # what produced it is known
    assert {run.data.params["seed"], run.data.tags["xlgap.changed.seed"]} == {"1", "2"}
    assert "2 were there" not in send(scorer, server)


def test_the_last_opened_run_of_a_name_is_current_whoever_sends_first(
    server, machine, experiment
) -> None:
    one, two = machine("one"), machine("two")
    write(one, experiment, "old")
    write(two, experiment, "new")
    send(two, server)
    send(one, server)  # days later
    runs = there(server, experiment)
    assert runs["old"].data.tags["xlgap.superseded"] == runs["new"].info.run_id
    assert "xlgap.superseded" not in runs["new"].data.tags
    write(one, experiment, "old")
    send(one, server)
    runs = there(server, experiment)
    assert runs["new"].data.tags["xlgap.superseded"] == runs["old"].info.run_id
    assert "xlgap.superseded" not in runs["old"].data.tags


def test_a_child_has_its_parent_there(server, machine, experiment) -> None:
    store = machine("one")
    parent = write(store, experiment, "parent", name="parent")
    child = open_run(
        uri=store, experiment=experiment, name="c", digest="child", tags={}, parent=parent.run_id
    )
    child.close()
    send(store, server)
    runs = there(server, experiment)
    assert runs["child"].data.tags["mlflow.parentRunId"] == runs["parent"].info.run_id


def test_a_study_s_summary_is_replaced_and_its_views_come_along(server, machine, experiment) -> None:
    store = machine("one")

    def log(models: list[str], figure: str) -> None:
        rows = [
            {"model": m, "params_total": 20, "params_nonembedding": 10, figure: 1.5} for m in models
        ]
        log_study(uri=store, experiment=experiment, study="s", summary_metrics={}, per_model=rows)
        send(store, server)

    log(["small", "large"], "gap_inter")
    log(["small"], "gap_native")
    runs = there(server, experiment)
    assert runs.keys() == {"study/s", "study/s/small"}
    assert "gap_native" in runs["study/s/small"].data.metrics
    assert "gap_inter" not in runs["study/s/small"].data.metrics
    tags = MlflowClient(server.uri).get_experiment_by_name(experiment).tags
    assert {"mlflow.sharedViewState.xlgap-s", "mlflow.sharedViewState.xlgap-s-cells"} <= tags.keys()


def test_two_passes_at_once_make_one_run(server, machine, experiment) -> None:
    stores = [machine(f"m{n}") for n in range(3)]
    for store in stores:
        for digest in "abcd":
            write(store, experiment, digest, name=digest)
    program = (
        "import sys; from xlgap.tracking.forward import forward; "
        "forward(sys.argv[1], sys.argv[2], patience=0, advance=lambda d, t: None)"
    )
    passes = [subprocess.Popen([sys.executable, "-c", program, s, server.uri]) for s in stores]
    assert [one.wait(120) for one in passes] == [0, 0, 0]
    for store in stores:
        send(store, server)
    assert there(server, experiment).keys() == set("abcd")


def test_a_pass_that_is_killed_is_repeated(server, machine, experiment) -> None:
    store = machine("one")
    for number in range(12):
        write(store, experiment, f"d{number}", name=f"cell {number}", points=20)
    program = (
        "import sys; from xlgap.tracking.forward import forward; "
        "forward(sys.argv[1], sys.argv[2], patience=0, advance=lambda d, t: print(d, flush=True))"
    )
    before = points(server)
    with subprocess.Popen(
        [sys.executable, "-c", program, store, server.uri], stdout=subprocess.PIPE, text=True
    ) as one:
        assert one.stdout is not None
        for line in one.stdout:
            if int(line) >= 4:
                one.send_signal(signal.SIGKILL)
                break
    assert 0 < len(there(server, experiment)) < 12
    send(store, server)
    assert len(there(server, experiment)) == 12
    assert points(server) == before + 12 * 40


def test_a_wrong_login_is_one_sentence_without_the_password(
    machine, experiment, monkeypatch, tmp_path
) -> None:
    store = machine("one")
    write(store, experiment, "a")
    here, secret = _checkout(tmp_path, store), tmp_path / "secret"
    secret.write_text("planted-password\n")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", ADMIN)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD_FILE", str(secret))
    with mlflow_server(tmp_path / "logins", login=True) as guarded:
        command = [sys.executable, "-m", "xlgap", "sync", "--to", guarded.uri]
        done = subprocess.run(command, cwd=here, capture_output=True, text=True)
        assert done.returncode == 2
        assert "refuses the user or the password (HTTP 401)" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert "planted-password" not in done.stderr + done.stdout
        secret.write_text(ADMIN_PASSWORD)
        again = subprocess.run(command, cwd=here, capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
        assert re.search(r"^1 runs at http://127\.0\.0\.1:\d+: 1 new", again.stdout)
        assert again.stderr == ""  # no bar where there is no terminal
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", ADMIN_PASSWORD)
        assert there(guarded, experiment).keys() == {"a"}


def _checkout(tmp_path: Path, store: str) -> Path:
    folder = Path(store.removeprefix("sqlite:///")).parent
    (folder / ".dvc").mkdir()
    return folder


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "http://me:hidden@127.0.0.1:1"], "has a password, which the process list shows"),
        (["--to", "nowhere"], "got a path, or a word"),
        (["--to", "http://127.0.0.1:1"], "cannot be reached (Connection refused)"),
        ([], "no MLflow server is known; give --to"),
    ],
)
def test_a_server_that_there_is_not(words, said, machine, tmp_path) -> None:
    folder = _checkout(tmp_path, machine("one"))
    done = subprocess.run(
        [sys.executable, "-m", "xlgap", "sync", *words], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "hidden" not in done.stderr


def test_runs_go_in_the_background_also_when_the_server_comes_late(
    machine, experiment, monkeypatch, tmp_path
) -> None:
    store = machine("one")
    late = MlflowServer(tmp_path / "late", port=free_port())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", late.uri)
    monkeypatch.setenv("XLGAP_FORWARD_SECONDS", "0.3")
    began = time.monotonic()
    write(store, experiment, "a")
    ensure_forwarder(store)
    assert time.monotonic() - began < 5  # nobody waits for a server
    log = log_file(Path(store.removeprefix("sqlite:///")))
    wait_for(lambda: log.is_file() and "cannot be reached" in log.read_text())
    late.start()
    try:
        wait_for(lambda: there(late, experiment))
        write(store, experiment, "b", name="another")
        wait_for(lambda: len(there(late, experiment)) == 2)
        assert ADMIN_PASSWORD not in log.read_text()
    finally:
        late.stop()
        Path(store.removeprefix("sqlite:///")).unlink()  # without its store it ends


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def wait_for(done, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.3)


def test_a_server_that_is_gone_in_the_middle_is_one_sentence(machine, experiment, tmp_path) -> None:
    store = machine("one")
    for number in range(3):
        write(store, experiment, f"d{number}", name=f"cell {number}")
    with mlflow_server(tmp_path / "gone") as gone:

        def stop(done: int, total: int) -> None:
            if done == 1:
                gone.stop(signal.SIGKILL)

        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
        try:
            with pytest.raises(XlgapError, match=r"did not take run 'cell 1'.*'xlgap sync' sends the"):
                forward(store, gone.uri, patience=0, advance=stop)
        finally:
            del os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]
        gone.start()
        assert "2 new, 0 brought up to date, 1 were there" in send(store, gone)


def test_a_store_may_be_sent_into_another_one(machine, experiment) -> None:
    one, two = machine("one"), machine("two")
    write(one, experiment, "a")
    assert "1 new" in forward(one, two, patience=0, advance=lambda done, total: None)
    with open_client(two) as client:
        where = client.get_experiment_by_name(experiment).experiment_id
        assert [r.data.tags["xlgap.digest"] for r in client.search_runs([where])] == ["a"]
