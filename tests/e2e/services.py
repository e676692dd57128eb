"""Real servers beside Prefect's: an S3 store on a directory, a PostgreSQL cluster."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from checkout import BIN, Checkout
from prefect_server import free_port

POSTGRES = "XLGAP_TEST_POSTGRES"  # set: Prefect's database is Debian's PostgreSQL, in place of SQLite
PROGRAMS = Path("/usr/lib/postgresql/15/bin")


@dataclass(frozen=True)
class S3:
    """A store with one bucket, ``dvc``."""

    endpoint: str
    key: str
    secret: str

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
    """rclone's S3 server on ``folder``."""
    (folder / "dvc").mkdir(parents=True)
    port = free_port()
    made = S3(f"http://127.0.0.1:{port}", "the-key-of-a-test", "the-secret-of-a-test")
    command = [BIN / "rclone", "serve", "s3", "--addr", f"127.0.0.1:{port}", "--config", "/dev/null"]
    login = ["--auth-key", f"{made.key},{made.secret}", "--vfs-cache-mode", "off", str(folder)]
    with subprocess.Popen([*command, *login], stderr=subprocess.DEVNULL) as process:
        try:
            _until_open(port)
            yield made
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL cluster in ``folder``; the URL that Prefect takes of a database in it."""
    account = pwd.getpwnam("postgres") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    folder.mkdir(parents=True)
    for path in (folder, *folder.parents):
        if not path.stat().st_mode & 0o005 and path.owner() != account.pw_name:
            path.chmod(path.stat().st_mode | 0o011)  # a way down for that account
    shutil.chown(folder, account.pw_name)
    data, port = folder / "data", free_port()

    def run(*words: str) -> None:
        subprocess.run(
            words, check=True, cwd=folder, user=account.pw_uid, group=account.pw_gid,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    run(str(PROGRAMS / "initdb"), "--pgdata", str(data), "--username", "prefect", "--auth", "trust")
    options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
    control = (str(PROGRAMS / "pg_ctl"), "--pgdata", str(data), "--wait")
    run(*control, "--options", options, "--log", str(folder / "log"), "start")
    try:
        run(str(PROGRAMS / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "prefect", "prefect")
        yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/prefect"
    finally:
        run(*control, "--mode", "fast", "stop")


@contextmanager
def database(folder: Path) -> Iterator[dict[str, str]]:
    """Variables of a Prefect server with the database that is asked for, in ``folder``."""
    if not os.environ.get(POSTGRES):
        yield {}
        return
    with postgres(folder / "postgres") as url:
        yield {"PREFECT_API_DATABASE_CONNECTION_URL": url}


def _until_open(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.1)
