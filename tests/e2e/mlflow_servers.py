"""Real MLflow servers for tests: a process of their own on a free port, with or without logins."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ADMIN, ADMIN_PASSWORD = "admin", "a-long-password-of-the-admin"


@dataclass
class MlflowServer:
    """A server that can be stopped and started again on the same port and store.

    Attributes:
        folder: its database, its artifacts and its log.
        store: the URI of its database.
        artifacts: where its artifacts go.
        login: whether it asks for one: that of the admin.
        environment: more variables of its process, such as the keys of an object store.
    """

    folder: Path
    store: str = ""
    artifacts: str = ""
    login: bool = False
    environment: dict[str, str] | None = None
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait for its answer."""
        if not self.port:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
        self.folder.mkdir(parents=True, exist_ok=True)
        options = ["--port", str(self.port), "--workers", "1", "--serve-artifacts"]
        options += ["--artifacts-destination", self.artifacts or str(self.folder / "artifacts")]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_TRACKING")}
        kept |= {"MLFLOW_BACKEND_STORE_URI": self.store or f"sqlite:///{self.folder}/server.db"}
        kept |= {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        kept |= {**(self.environment or {})}
        if self.login:
            options += ["--app-name", "basic-auth"]
            kept |= {
                "MLFLOW_AUTH_CONFIG_PATH": str(self._auth()),
                "MLFLOW_FLASK_SERVER_SECRET_KEY": "k",
            }
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *options],
                env=kept,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + 120
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "server.log").read_text()[-3000:]
            assert time.monotonic() < end, "the MLflow server does not answer"
            time.sleep(0.2)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End all its processes."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            self.process.wait(30)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process = None

    def _auth(self) -> Path:
        path = self.folder / "auth.ini"
        path.write_text(
            "[mlflow]\ndefault_permission = READ\n"
            f"database_uri = sqlite:///{self.folder}/auth.db\n"
            f"admin_username = {ADMIN}\nadmin_password = {ADMIN_PASSWORD}\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        )
        return path

    def _answers(self) -> bool:
        asked = urllib.request.Request(f"{self.uri}/api/2.0/mlflow/experiments/search?max_results=1")
        if self.login:
            token = base64.b64encode(f"{ADMIN}:{ADMIN_PASSWORD}".encode()).decode()
            asked.add_header("Authorization", f"Basic {token}")
        try:
            with urllib.request.urlopen(asked, timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.HTTPError):
            return False


@contextlib.contextmanager
def mlflow_server(folder: Path, **options: object) -> Iterator[MlflowServer]:
    """A server for the time of a block."""
    server = MlflowServer(folder, **options)  # type: ignore[arg-type]
    server.start()
    try:
        yield server
    finally:
        server.stop()
