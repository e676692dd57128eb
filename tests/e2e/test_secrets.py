"""Secrets that a study is given are in no output of it: files, stores, logs, process lists."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import psutil
import pytest
from mlflow_servers import ADMIN, ADMIN_PASSWORD, mlflow_server

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PLANTED = {
    "MLFLOW_TRACKING_TOKEN": "planted-mlflow-token",
    "HF_TOKEN": "planted-hub-token",
    "AWS_ACCESS_KEY_ID": "planted-key-id",
    "AWS_SECRET_ACCESS_KEY": "planted-object-store-key",
    "PREFECT_API_KEY": "planted-prefect-key",
    "PREFECT_API_AUTH_STRING": "admin:planted-prefect-login",
    "XLGAP_WEBHOOK": "http://127.0.0.1:9/planted-webhook",
}
"""Variables that libraries take secrets from; none is needed here, all are there."""
OF_DVC = "planted-remote-password"


class Watch(threading.Thread):
    """Collects the command lines of all processes below this one."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.05):
            for process in psutil.process_iter():
                try:
                    self.seen.add(" ".join(process.cmdline()))
                except psutil.Error:
                    continue


def holding(folder: Path, secrets: set[str], *, but: set[Path]) -> list[str]:
    """Files below ``folder`` that hold one of the secrets, by name or content."""
    found = []
    for path in folder.rglob("*"):
        if path in but or not path.is_file() or path.is_symlink():
            continue
        text = path.read_bytes()
        found += [f"{path}: {s}" for s in secrets if s.encode() in text or s in path.name]
    return found


def test_no_output_holds_a_secret(study, tmp_path) -> None:
    params = study.params
    params["tasks"]["lab_ner"]["version"] = 2  # half of the cells run again
    study.write_params(params)
    study.xlgap("graph")
    with (study.folder / ".dvc" / "config.local").open("a") as config:
        config.write(f"['remote \"far\"']\n    url = https://host/path\n    password = {OF_DVC}\n")
    secret = tmp_path / "secret"
    secret.write_text(ADMIN_PASSWORD)
    watch = Watch()
    with mlflow_server(tmp_path / "server") as server:  # a login costs it time, see test_sync.py
        address = server.uri.replace("://", f"://{ADMIN}:{ADMIN_PASSWORD}@")
        environment = {"MLFLOW_TRACKING_URI": address, **PLANTED}
        del environment["MLFLOW_TRACKING_TOKEN"]  # it would come before the password
        watch.start()
        said = study.xlgap("run", **environment)
        asked = {
            "MLFLOW_TRACKING_URI": server.uri,
            "MLFLOW_TRACKING_USERNAME": ADMIN,
            "MLFLOW_TRACKING_PASSWORD_FILE": str(secret),
        }
        again = study.xlgap("sync", **asked)
        wrong = study.xlgap("sync", check=False, MLFLOW_TRACKING_URI=f"{address}0")
        refused = study.xlgap("sync", "--to", address, check=False)
        time.sleep(6)  # the process in the background looks once more
    watch.over.set()
    watch.join()
    assert "runs at http://127.0.0.1" in said.stdout
    assert " 0 new, 0 brought up to date" in again.stdout
    assert (wrong.returncode, refused.returncode) == (2, 2)
    secrets = {ADMIN_PASSWORD, OF_DVC, *PLANTED.values()}
    told = "".join(done.stdout + done.stderr for done in (said, again, wrong, refused))
    assert not [one for one in secrets if one in told]
    of_refused = "sync --to"  # what the user typed is the user's; it is refused for that
    typed = {line for line in watch.seen if of_refused in line}
    assert any(ADMIN_PASSWORD in line for line in typed)  # so that the watch sees
    lines = watch.seen - typed
    assert not [(one, line) for one in secrets for line in lines if one in line]
    known = {study.folder / ".dvc" / "config.local"}
    assert holding(study.folder, secrets, but=known) == []
    assert holding(server.folder, secrets, but=set()) == []
    assert holding(known.pop().parent, {OF_DVC}, but=set()) != []  # so that it looks where it should


def test_what_the_user_may_read_alone(tmp_path) -> None:
    """Weights and stores are written with the user's own mask, nothing wider."""
    done = subprocess.run(
        ["sh", "-c", "umask 077; python -c \"from xlgap.formats import write_text; "
         "from pathlib import Path; write_text(Path('made'), 'x')\""],
        cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "made").stat().st_mode & 0o077 == 0
