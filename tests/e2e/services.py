"""Real servers beside Prefect's: an S3 store on a directory, a PostgreSQL cluster."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from checkout import BIN, Checkout
from prefect_server import free_port

PROGRAMS = Path("/usr/lib/postgresql/15/bin")  # Debian's
HAS_POSTGRES = PROGRAMS.is_dir()


@dataclass
class S3:
    """A store on a directory, with the buckets ``dvc`` and ``mlflow``: rclone's S3 server.

    It can be stopped and started again on the same port and files.
    """

    folder: Path
    key: str = "the-key-of-a-test"
    secret: str = "the-secret-of-a-test"
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it is there."""
        for bucket in ("dvc", "mlflow"):
            (self.folder / bucket).mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        command = [BIN / "rclone", "serve", "s3", "--addr", f"127.0.0.1:{self.port}"]
        command += ["--config", "/dev/null", "--auth-key", f"{self.key},{self.secret}"]
        self.process = subprocess.Popen(
            [*command, "--vfs-cache-mode", "off", str(self.folder)], stderr=subprocess.DEVNULL
        )
        _until_open(self.port)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(20)
            self.process = None

    def is_remote_of(self, checkout: Checkout) -> None:
        """Make it a checkout's DVC remote, for this machine alone."""
        checkout.dvc("remote", "add", "--local", "--default", "s3", "s3://dvc/xlgap")
        for name, value in (
            ("endpointurl", self.endpoint),
            ("access_key_id", self.key),
            ("secret_access_key", self.secret),
        ):
            checkout.dvc("remote", "modify", "--local", "s3", name, value)


@contextmanager
def s3_store(folder: Path) -> Iterator[S3]:
    """A store on ``folder`` for the time of a block."""
    made = S3(folder)
    made.start()
    try:
        yield made
    finally:
        made.stop()


class Postgres:
    """A PostgreSQL cluster in ``folder``, which can be stopped and started again.

    It listens on TCP alone: a socket's path in a test's folder may be longer than its 107 bytes.

    Args:
        folder: is made.
        password: that it asks for; none where it is empty.
    """

    def __init__(self, folder: Path, *, password: str = "") -> None:
        self.folder, self.port, self._password = folder, free_port(), password
        root = os.geteuid() == 0
        self._account = pwd.getpwnam("postgres") if root else pwd.getpwuid(os.geteuid())
        folder.mkdir(parents=True)
        for path in (folder, *folder.parents):
            if not path.stat().st_mode & 0o005 and path.owner() != self._account.pw_name:
                path.chmod(path.stat().st_mode | 0o011)  # a way down for that account
        shutil.chown(folder, self._account.pw_name)
        file = folder / "password"
        file.write_text(password or "none")
        shutil.chown(file, self._account.pw_name)
        words = ("--auth", "scram-sha-256" if password else "trust", "--pwfile", str(file))
        self._run("initdb", "--pgdata", self._data, "--username", "owner", *words)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [str(PROGRAMS / program), *words], check=True, cwd=self.folder,
            user=self._account.pw_uid, group=self._account.pw_gid,
            stdout=subprocess.DEVNULL, env={**os.environ, "PGPASSWORD": self._password},
        )  # fmt: skip

    def _control(self, *words: str) -> None:
        self._run("pg_ctl", "--pgdata", self._data, "--wait", *words)

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-h 127.0.0.1 -p {self.port} -c unix_socket_directories= -c fsync=off"
        self._control("--options", options, "--log", str(self.folder / "log"), "start")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it: in good order, or all its processes by SIGKILL."""
        if number != signal.SIGKILL:
            self._control("--mode", "fast", "stop")
            return
        first = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        main = psutil.Process(first)
        family = [main, *main.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, 20)

    def url(self, name: str, driver: str) -> str:
        """The URL of a new database."""
        at = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "owner")
        self._run("createdb", *at, name)
        login = f"owner:{self._password}" if self._password else "owner"
        return f"postgresql+{driver}://{login}@127.0.0.1:{self.port}/{name}"


@contextmanager
def postgres(folder: Path, *, password: str = "") -> Iterator[Postgres]:
    """A PostgreSQL cluster in ``folder`` for the time of a block."""
    made = Postgres(folder, password=password)
    made.start()
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def database(folder: Path) -> Iterator[dict[str, str]]:
    """Variables of a Prefect server on PostgreSQL in ``folder``; none, for SQLite, without it."""
    if not HAS_POSTGRES:
        yield {}
        return
    with postgres(folder / "postgres") as made:
        yield {"PREFECT_API_DATABASE_CONNECTION_URL": made.url("prefect", "asyncpg")}


def _until_open(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.1)
