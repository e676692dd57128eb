"""Servers that a study talks to, started for a test, that can be killed and started again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from checkout import BIN, QUIET

SECONDS = 90.0  # that a server may take to answer
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # Debian's


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Service:
    """A server process in a session of its own, whose state is in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> list[str]:
        """What starts it."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """What it has beside this process's."""
        return {}

    def answers(self) -> bool:
        """Whether it does what it is for."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self.folder / "said.log").open("ab") as said:
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                start_new_session=True, cwd=self.folder,
                env={**os.environ, **QUIET, **self.environment()},
            )  # fmt: skip
        end = time.monotonic() + SECONDS
        while not self.answers():
            assert self._process.poll() is None, (self.folder / "said.log").read_text()[-3000:]
            assert time.monotonic() < end, f"{self.command()} does not answer"
            time.sleep(0.1)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End all its processes."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            self._process.wait(timeout=SECONDS)

    def stop(self) -> None:
        """End it politely, then firmly."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.kill(signal.SIGTERM)
        self.kill()


class Mlflow(Service):
    """A tracking server; its runs are in ``database``, or in a file, artifacts under ``artifacts``."""

    def __init__(
        self, folder: Path, *, database: str | None = None, artifacts: str | None = None
    ) -> None:
        super().__init__(folder)
        self.database = database or f"sqlite:///{folder / 'mlflow.db'}"
        self.artifacts = artifacts or str(folder / "artifacts")

    @property
    def uri(self) -> str:
        """For ``MLFLOW_TRACKING_URI``."""
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [
            str(BIN / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(self.port),
            "--workers", "1",
            "--backend-store-uri", self.database, "--artifacts-destination", self.artifacts,
        ]  # fmt: skip

    def answers(self) -> bool:
        return ok(f"{self.uri}/health")


class Prefect(Service):
    """An API server; its state is in ``database``, or in a file."""

    def __init__(self, folder: Path, *, database: str | None = None) -> None:
        super().__init__(folder)
        self.database = database or f"sqlite+aiosqlite:///{folder / 'prefect.db'}"

    @property
    def uri(self) -> str:
        """For ``PREFECT_API_URL``."""
        return f"http://127.0.0.1:{self.port}/api"

    def command(self) -> list[str]:
        return [
            str(BIN / "prefect"),
            "server",
            "start",
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
        ]

    def environment(self) -> dict[str, str]:
        return {
            "PREFECT_HOME": str(self.folder),
            "PREFECT_API_DATABASE_CONNECTION_URL": self.database,
            "PREFECT_API_URL": self.uri,
        }

    def answers(self) -> bool:
        return ok(f"{self.uri}/health")


class Postgres(Service):
    """Debian's PostgreSQL, as its user ``postgres``, with ``fsync`` on."""

    def command(self) -> list[str]:
        data = self.folder / "data"
        if not data.is_dir():
            shutil.chown(self.folder, "postgres")
            made = [
                str(POSTGRES[-1] / "initdb"),
                "-D",
                str(data),
                "-A",
                "trust",
                "-U",
                "postgres",
                "-N",
            ]
            subprocess.run(["runuser", "-u", "postgres", "--", *made], check=True, capture_output=True)
        return [
            "runuser", "-u", "postgres", "--", str(POSTGRES[-1] / "postgres"), "-D", str(data),
            "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.folder),
        ]  # fmt: skip

    def start(self) -> None:
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)  # of one that was killed
        super().start()

    def answers(self) -> bool:
        ready = [str(POSTGRES[-1] / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0

    def database(self, name: str, driver: str) -> str:
        """Make a database; its URL."""
        made = [
            str(POSTGRES[-1] / "createdb"),
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
            "-U",
            "postgres",
            name,
        ]
        subprocess.run(made, check=True, capture_output=True)
        return f"postgresql+{driver}://postgres@127.0.0.1:{self.port}/{name}"


class Store(Service):
    """An S3 store of real files: ``rclone serve s3``."""

    KEY, SECRET = "tester", "tester-secret-key"

    def command(self) -> list[str]:
        (self.folder / "files" / "xlgap").mkdir(parents=True, exist_ok=True)
        return [
            str(BIN / "rclone"), "serve", "s3", "--addr", f"127.0.0.1:{self.port}",
            "--auth-key", f"{self.KEY},{self.SECRET}", str(self.folder / "files"),
        ]  # fmt: skip

    @property
    def uri(self) -> str:
        """For an endpoint URL."""
        return f"http://127.0.0.1:{self.port}"


class Proxy:
    """Passes bytes on to a port of this machine, late where it is told so, or not at all."""

    def __init__(self, target: int) -> None:
        self.target, self.port = target, free_port()
        self.seconds, self.refuses = 0.0, False
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection there is, and refuse others until :attr:`refuses` is false again."""
        self.refuses = True
        for side in list(self._open):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            asking, _ = self._listener.accept()
            if self.refuses:
                asking.close()
                continue
            try:
                answering = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                asking.close()
                continue
            for pair in ((asking, answering), (answering, asking)):
                threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, to: socket.socket) -> None:
        self._open.add(source)
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                time.sleep(self.seconds)
                to.sendall(data)
        self._open.discard(source)
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_WR)


def ok(url: str) -> bool:
    """Whether a server answers a GET with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


@contextlib.contextmanager
def running(*services: Service) -> Iterator[None]:
    """All of them for the time of a ``with`` block, started in order."""
    started: list[Service] = []
    try:
        for service in services:
            started.append(service)
            service.start()
        yield
    finally:
        for service in reversed(started):
            service.stop()


if sys.platform != "linux":  # sessions and /proc are
    raise ImportError("tests with services need Linux")
