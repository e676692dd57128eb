"""A shared MLflow server as in operation: logins, PostgreSQL, artifacts in an S3 store; all real.

Needs Debian's postgresql.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from mlflow_servers import ADMIN, ADMIN_PASSWORD, MlflowServer, mlflow_server
from services import HAS_POSTGRES, postgres, s3_store

from xlgap.errors import XlgapError
from xlgap.tracking.forward import forward
from xlgap.tracking.mlflow import open_run

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(not HAS_POSTGRES, reason="needs Debian's postgresql"),
]
SECRET = "secret-of-a-test"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowServer]:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", ADMIN)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", ADMIN_PASSWORD)
    with postgres(tmp_path / "postgres", password=SECRET) as database, s3_store(tmp_path / "s3") as s3:
        store = database.url("mlflow", "psycopg2")
        reached = {
            "MLFLOW_S3_ENDPOINT_URL": s3.endpoint,
            "AWS_ACCESS_KEY_ID": s3.key,
            "AWS_SECRET_ACCESS_KEY": s3.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        where = {"store": store, "artifacts": "s3://mlflow/artifacts", "environment": reached}
        with mlflow_server(tmp_path / "server", login=True, **where) as made:
            yield made


def test_runs_and_files_arrive_and_survive_a_server_that_is_killed(
    server: MlflowServer, tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path}/mlflow.db"
    for number in range(6):
        run = open_run(uri=store, experiment="xlgap/s", name=f"c{number}", digest=f"d{number}", tags={})
        run.metrics({"nan": float("nan"), "inf": float("inf"), "small": 1e-300})
        for step in range(300):
            run.metrics({"loss": 1 / (step + 3)}, step=step)
        run.dataset(name="nli", digest="0123", context="training", rows=9)
        run.document({"number": number}, name="facts.json")
        run.close()

    def kill(done: int, total: int) -> None:
        if done == 3:
            server.stop(signal.SIGKILL)

    with pytest.raises(XlgapError, match="'xlgap sync' sends the rest"):
        forward(store, server.uri, patience=0, advance=kill)
    server.start()
    said = forward(store, server.uri, patience=0, advance=lambda done, total: None)
    assert "6 runs at" in said
    assert ", 3 were there" in said
    client = MlflowClient(server.uri)
    where = client.get_experiment_by_name("xlgap/s").experiment_id
    runs = client.search_runs([where])
    assert sorted(run.data.tags["xlgap.digest"] for run in runs) == [f"d{n}" for n in range(6)]
    for run in runs:
        assert len(client.get_metric_history(run.info.run_id, "loss")) == 300
        assert run.data.metrics["small"] == 1e-300
        assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["facts.json"]
        assert run.info.status == "FINISHED"
    kept = list((tmp_path / "s3" / "mlflow" / "artifacts").rglob("facts.json"))
    assert len(kept) == 6
    log = (server.folder / "server.log").read_text()
    assert SECRET not in log
    assert ADMIN_PASSWORD not in log
