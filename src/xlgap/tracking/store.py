"""Where MLflow keeps runs: a SQLite file, opened by one process at a time, or a server."""

from __future__ import annotations

import contextlib
import glob
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy import Engine, event

from xlgap.errors import XlgapError
from xlgap.formats import sync
from xlgap.tracking.reach import PATIENCE, reach
from xlgap.tracking.uri import SQLITE, VARIABLE, artifact_root, check_uri, sqlite_path

MAGIC = b"SQLite format 3\0"  # how every such file begins
_checked: set[Path] = set()
HEADER = 100  # bytes; of them 16 to 17 are the size of a page, 28 to 31 how many there are


def initialise(uri: str) -> None:
    """Create the store's database, once before many processes open it side by side.

    Raises:
        ConfigError, XlgapError: see :func:`open_client`; a server is asked once.
    """
    with open_client(uri, patience=0) as client:
        client.search_experiments(max_results=1)


@contextlib.contextmanager
def open_client(uri: str, *, patience: float = PATIENCE) -> Iterator[MlflowClient]:
    """A client; a SQLite store is opened by one process at a time: the first one makes its tables.

    Args:
        uri: the tracking URI.
        patience: seconds for which a server that does not answer is asked again.

    Raises:
        ConfigError: the URI names no store that runs can be written to.
        XlgapError: the file is no SQLite database, or the server does not answer.
    """
    check_uri(uri)
    path = sqlite_path(uri)
    if path is None:
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # two lines a run
        reach(uri, patience=patience)
        yield MlflowClient(uri)
        return
    with _lock(path):
        if path.exists():
            _check(path)
        if not path.exists() or not path.stat().st_size:
            _checked.add(path)
            _make_tables(path)
        yield MlflowClient(uri)


def _lock(path: Path) -> contextlib.AbstractContextManager[object]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(f"{path}.lock", poll_interval=0.005).acquire()
    except OSError as error:
        raise XlgapError(
            f"{path}: cannot be made or opened ({os.strerror(error.errno or 0)}); "
            f"give a file in a directory that can be written to, or unset {VARIABLE}."
        ) from error


def _check(path: Path) -> None:
    """Look at the file's first bytes, once a process, and before SQLite opens it.

    A process that closes a file loses all its locks on it (POSIX), SQLite's own, too; another process
    then takes itself for the last one and removes what was written ahead from under this one.
    """
    if path in _checked:
        return
    if path.is_dir():
        raise XlgapError(f"{path}: a directory, not a SQLite database; give a file in it.")
    with path.open("rb") as file:
        head = file.read(HEADER)
    away = "move it away, and MLflow's runs are begun anew."
    if head and not head.startswith(MAGIC):
        raise XlgapError(f"{path}: no SQLite database; {away}")
    page, pages = int.from_bytes(head[16:18]), int.from_bytes(head[28:32])
    if path.stat().st_size < (65536 if page == 1 else page) * pages and not _sound(path):
        raise XlgapError(f"{path}: truncated, it had {pages} pages of {page} bytes; {away}")
    _checked.add(path)


def _sound(path: Path) -> bool:
    """Whether SQLite finds no fault: a file is short while what was written ahead moves into it."""
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.OperationalError:  # in use: no sign of damage
        return True
    except sqlite3.DatabaseError:
        return False


def write_back(uri: str) -> None:
    """Move what a SQLite store has written ahead into its one file."""
    path = sqlite_path(uri)
    if path is not None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def experiment_id(client: MlflowClient, uri: str, name: str) -> str:
    """The id of an experiment, which is made when it is not there.

    Raises:
        XlgapError: it was deleted; MLflow keeps its name until it is gone for good.
    """
    found = client.get_experiment_by_name(name)
    if found is not None:
        if found.lifecycle_stage == "deleted":
            raise XlgapError(
                f"the MLflow experiment '{name}' was deleted; bring it back with 'mlflow experiments "
                f"restore --experiment-id {found.experiment_id}', or take another 'study.name'."
            )
        return str(found.experiment_id)
    try:
        return str(client.create_experiment(name, artifact_location=artifact_root(uri)))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return str(client.get_experiment_by_name(name).experiment_id)


def _make_tables(path: Path) -> None:
    """Make a new store beside its place and move it there: a store that is there has all its tables.

    SQLite is to write ahead: a commit then waits for the disk once. The hundred steps of making the
    tables do not wait for it at all, the whole file does in the end.
    """
    new = path.with_name(f"{path.name}.new")
    for left in new.parent.glob(f"{glob.escape(new.name)}*"):  # by a process that was killed
        left.unlink()
    opened = []

    def hurry(connection: Any, record: object) -> None:
        with contextlib.suppress(sqlite3.OperationalError):  # a file system without shared memory
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        opened.append(connection)

    event.listen(Engine, "connect", hurry)
    try:
        MlflowClient(SQLITE + str(new)).search_experiments(max_results=1)
    finally:
        event.remove(Engine, "connect", hurry)
        for connection in opened:  # before the file gets its name, which others open
            connection.close()
    sync(new)
    new.rename(path)
