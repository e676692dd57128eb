"""The stack of docker/compose.yaml, for tests: started, asked and taken down by docker compose."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker" / "compose.yaml"
OVERRIDE = ROOT / "tests" / "containers" / "override.yaml"
SERVICES = {"postgres", "s3", "mlflow", "prefect", "worker", "gateway"}
ONCE = {"databases", "buckets", "deployments"}
OURS = {"mlflow", "prefect", "worker", "gateway", "buckets", "deployments"}


def call(*command: str, check: bool = True, timeout: float = 900, **options: Any) -> str:
    """Run a command; returns both of its streams."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=timeout,
        **options,
    )
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stdout[-4000:]}"
    return done.stdout


def wheels() -> str:
    """The image with a torch wheel from the directory that pip is configured with, else ``scratch``."""
    folder = Path(os.environ.get("PIP_FIND_LINKS") or os.devnull)
    if not list(folder.glob("torch-*.whl")):
        return "scratch"
    archive = subprocess.Popen(["tar", "-c", "-C", str(folder), "."], stdout=subprocess.PIPE)
    subprocess.run(["docker", "import", "-", "xlgap-test-wheels"], stdin=archive.stdout, check=True)
    assert archive.wait() == 0
    return "xlgap-test-wheels"


def standins() -> Path | None:
    """Where stand-ins for PostgreSQL and S3 are built from; None: their images are pulled."""
    folder = os.environ.get("XLGAP_TEST_STANDINS")
    return Path(folder) if folder else None


def free_port() -> str:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@dataclass
class Stack:
    """One project of docker compose.

    Attributes:
        secrets: the directory of its passwords.
        seconds: what its steps have taken.
    """

    secrets: Path
    project: str = "xlgap-test"
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.mlflow_port, self.prefect_port = free_port(), free_port()
        self.environment = {
            **os.environ,
            "XLGAP_SECRETS": str(self.secrets),
            "XLGAP_VERSION": "test",
            "XLGAP_REVISION": "0" * 40,
            "XLGAP_WHEELS": wheels(),
            "XLGAP_MLFLOW_PORT": self.mlflow_port,
            "XLGAP_PREFECT_PORT": self.prefect_port,
        }

    @property
    def command(self) -> list[str]:
        """``docker compose`` with the files of this project."""
        files = ["-f", str(COMPOSE), *(["-f", str(OVERRIDE)] if standins() else [])]
        return ["docker", "compose", "--project-name", self.project, *files]

    def compose(self, *words: str, **options: Any) -> str:
        """Run ``docker compose``."""
        return call(*self.command, *words, env=self.environment, **options)

    def exec(self, service: str, *words: str, **options: Any) -> str:
        """Run a command in a service's container."""
        return self.compose("exec", "-T", service, *words, **options)

    def timed(self, what: str, *words: str) -> None:
        """Run ``docker compose`` and note how long it took."""
        begin = time.monotonic()
        self.compose(*words)
        self.seconds[what] = round(time.monotonic() - begin, 1)

    def container(self, service: str) -> dict[str, Any]:
        """What ``docker inspect`` says of a service's container, also of one that has ended."""
        name = self.compose("ps", "--all", "--quiet", service).split()
        assert len(name) == 1, f"{service}: {name}"
        found: dict[str, Any] = json.loads(call("docker", "inspect", name[0]))[0]
        return found

    def secret(self, name: str) -> str:
        """What a password is."""
        return (self.secrets / name).read_text()

    def wait_healthy(self, service: str, *, restarts: int = 0, seconds: float = 120) -> None:
        """Wait until a service was restarted so often by the engine, and is healthy."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.container(service)
            health = found["State"].get("Health", {}).get("Status")
            if found["RestartCount"] >= restarts and health == "healthy":
                return
            time.sleep(1)
        raise AssertionError(f"{service}: {found['State']}, restarted {found['RestartCount']} times")

    def ask(self, server: str, path: str, body: Any = None, *, login: bool = True) -> Any:
        """The answer of MLflow or Prefect at its published port; the status where it is an error."""
        port = self.mlflow_port if server == "mlflow" else self.prefect_port
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if login:
            password = f"admin:{self.secret('mlflow_admin_password')}"
            word = password if server == "mlflow" else self.secret("prefect_login")
            request.add_header("Authorization", f"Basic {base64.b64encode(word.encode()).decode()}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            return error.code

    def runs(self) -> dict[str, dict[str, Any]]:
        """MLflow's runs by their id: info and data."""
        experiments = self.ask("mlflow", "/api/2.0/mlflow/experiments/search", {"max_results": 100})
        ids = [found["experiment_id"] for found in experiments["experiments"]]
        search = {"experiment_ids": ids, "max_results": 1000}
        found = self.ask("mlflow", "/api/2.0/mlflow/runs/search", search)
        return {run["info"]["run_id"]: run for run in found.get("runs", [])}

    def flow_runs(self) -> dict[str, str]:
        """The states of Prefect's flow runs by their id."""
        found = self.ask("prefect", "/api/flow_runs/filter", {})
        return {run["id"]: run["state_type"] for run in found}

    def slots(self) -> int:
        """How many slots of Prefect's are taken."""
        limits = ("cpu", "gpu", "tracking")
        found = [self.ask("prefect", f"/api/v2/concurrency_limits/tag:{one}") for one in limits]
        return sum(limit["active_slots"] for limit in found)

    def objects(self) -> dict[str, str]:
        """The objects in MLflow's bucket and their ETags."""
        program = (
            "import sys, json, boto3, os; sys.path.insert(0, '/opt/xlgap');"
            "from secret_files import secret;"
            "s = boto3.client('s3', endpoint_url=os.environ['MLFLOW_S3_ENDPOINT_URL'],"
            " aws_access_key_id=secret('s3_access_key'),"
            " aws_secret_access_key=secret('s3_secret_key'));"
            "print(json.dumps({o['Key']: o['ETag'] for o in"
            " s.list_objects_v2(Bucket='mlflow').get('Contents', [])}))"
        )
        found: dict[str, str] = json.loads(self.exec("mlflow", "python", "-c", program))
        return found

    def study(self, file: Path, out: Path) -> str:
        """Run a study as ``make study-in-containers`` does."""
        script = str(ROOT / "docker" / "study.sh")
        return call(script, str(file), str(out), "--", *self.command, env=self.environment)
