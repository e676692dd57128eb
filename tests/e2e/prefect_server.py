"""A real Prefect server with a home, a database and a port of its own, and workers for it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx

PREFECT = [sys.executable, "-m", "prefect", "--no-prompt"]
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass
class PrefectServer:
    """It answers at ``api``; ``environment`` is for commands that talk to it."""

    folder: Path
    api: str
    environment: dict[str, str]
    port: int = 0
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _server: subprocess.Popen[bytes] | None = None

    def serve(self) -> None:
        """Start the server, also after :meth:`kill`, and wait until it answers."""
        command = (*PREFECT, "server", "start", "--port", str(self.port))
        process = self._server = self.start("server", *command, cwd=self.folder)
        self._processes.insert(0, self._processes.pop())  # it is stopped last

        def healthy() -> bool:
            assert process.poll() is None, self.said()
            try:
                return httpx.get(f"{self.api}/health").status_code == 200
            except httpx.TransportError:
                return False

        self.until(healthy, "the server")

    def kill(self) -> None:
        """SIGKILL all processes of the server; what else was started here goes on."""
        assert self._server is not None
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()
        self._processes.remove(self._server)

    def command(self, *words: str, cwd: Path) -> str:
        """Run a program to its end; what it printed."""
        done = subprocess.run(
            words, cwd=cwd, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout

    def start(self, name: str, *words: str, cwd: Path, **environment: str) -> subprocess.Popen[bytes]:
        """Start a program that is stopped with the server; its output is in ``name.log``."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                words, cwd=cwd, env={**self.environment, **environment}, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._processes.append(process)
        return process

    def worker(self, checkout: Path, name: str, *words: str, **environment: str) -> Any:
        """Start a worker in a checkout, as its manual says."""
        command = [sys.executable, "flows/worker.py", "--name", name, *words]
        quick = {"PREFECT_WORKER_QUERY_SECONDS": "1", **environment}
        return self.start(name, *command, cwd=checkout, **quick)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask again where SQLite was locked (503), as Prefect's own client does; else the answer."""
        end = time.monotonic() + 90
        while True:
            answer = httpx.request(method, f"{self.api}/{path}", timeout=180, **options)
            if answer.status_code != 503 or time.monotonic() > end:
                return answer
            time.sleep(1)

    def post(self, path: str, **body: Any) -> Any:
        """What the server answers."""
        answer = self.ask("POST", path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        """What the server has at ``path``."""
        answer = self.ask("GET", path)
        assert answer.is_success, answer.text
        return answer.json()

    def run_deployment(self, name: str, *, queue: str = "default", **parameters: Any) -> str:
        """Ask for a run of ``flow/deployment``, for the workers of a queue; its id."""
        found = self.get(f"deployments/name/{name}")
        asked = {"parameters": parameters, "work_queue_name": queue}
        made = self.post(f"deployments/{found['id']}/create_flow_run", **asked)
        return str(made["id"])

    def state(self, run: str) -> dict[str, Any]:
        """The state of a flow run."""
        found: dict[str, Any] = self.get(f"flow_runs/{run}")["state"]
        return found

    def until_final(self, run: str, *, seconds: float = 240.0) -> dict[str, Any]:
        """Wait for a flow run to end; its last state."""
        self.until(lambda: self.state(run)["type"] in FINAL, f"flow run {run}", seconds)
        return self.state(run)

    def until(self, happened: Callable[[], object], what: str, seconds: float = 120.0) -> None:
        """Wait for something to happen."""
        end = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < end, f"{what}: not after {seconds:.0f} s\n{self.said()}"
            time.sleep(0.3)

    def artifacts(self, run: str) -> dict[str, str]:
        """What a flow run shows, by key; the server itself keeps results of tasks, without one."""
        flow_runs = {"id": {"any_": [run]}}
        rows = self.post("artifacts/filter", flow_runs=flow_runs)
        return {row["key"]: row["data"] for row in rows if row["key"] is not None}

    def task_runs(self, run: str) -> list[dict[str, Any]]:
        """The task runs of a flow run."""
        found: list[dict[str, Any]] = self.post(
            "task_runs/filter", flow_runs={"id": {"any_": [run]}}, limit=200
        )
        return found

    def slots(self, name: str) -> int:
        """How many of the slots ``name`` are taken."""
        return int(self.get(f"v2/concurrency_limits/tag:{name}")["active_slots"])

    def said(self) -> str:
        """The ends of all logs."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"== {p.name}\n{p.read_text(errors='replace')[-3000:]}" for p in logs)

    def stop(self) -> None:
        """End what was started here, the server last."""
        for process in reversed(self._processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)  # as a terminal does
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def new_home(folder: Path) -> Path:
    """A ``PREFECT_HOME`` with a database that has its tables: Prefect takes seconds to make them."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(_database(), folder)
    return folder


@cache
def _database() -> Path:
    """One that Prefect made, once a process."""
    home = Path(tempfile.mkdtemp(prefix="prefect-"))
    words = (*PREFECT, "server", "database", "upgrade", "-y")
    known = {**os.environ, "PREFECT_HOME": str(home)}
    subprocess.run(words, env=known, check=True, capture_output=True)
    return home / "prefect.db"


@contextmanager
def running_server(folder: Path, environment: Mapping[str, str]) -> Iterator[PrefectServer]:
    """A server for the time of a block."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    home = new_home(folder / "home")
    known = {
        **environment,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
    }
    server = PrefectServer(folder, api, known, port)
    try:
        server.serve()
        yield server
    finally:
        server.stop()
