"""Where runs are kept, and where they are forwarded to, without importing mlflow."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from xlgap.errors import ConfigError

VARIABLE = "MLFLOW_TRACKING_URI"
SQLITE = "sqlite:///"
WEB = ("http", "https")
DATABASES = ("postgresql", "mysql", "mssql")
ALLOWED = (
    "allowed are http://HOST:PORT, https://HOST and sqlite:///FILE; "
    f"set {VARIABLE} to one of them, or unset it to keep the runs in the checkout."
)


def store_uri(root: Path) -> str:
    """The store that runs are written to: ``mlflow.db`` in ``root``, or another SQLite file.

    ``MLFLOW_TRACKING_URI`` may name one. A relative file is in ``root``, too, wherever a stage runs.
    """
    named = os.environ.get(VARIABLE, "")
    uri = named if _of_sqlite(named) else f"{SQLITE}mlflow.db"
    path = sqlite_path(uri)
    if path is None or not path.name:
        return uri
    return SQLITE + str(root.resolve() / path)


def server_uri() -> str | None:
    """The shared server that runs are forwarded to: what else ``MLFLOW_TRACKING_URI`` names."""
    named = os.environ.get(VARIABLE, "")
    return named if named and not _of_sqlite(named) else None


def _of_sqlite(uri: str) -> bool:
    """Whether it is meant as a SQLite store, well formed or not."""
    return uri.partition(":")[0].partition("+")[0].lower() == "sqlite"


def sqlite_path(uri: str) -> Path | None:
    """The file of a SQLite URI, None for any other store; ``%20`` is no space (SQLAlchemy 2.0)."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) else None


def artifact_root(uri: str) -> str | None:
    """Where a SQLite store keeps its artifacts, beside itself; None where a server decides."""
    path = sqlite_path(uri)
    return (path.resolve().parent / "mlartifacts").as_uri() if path else None


def kind(uri: str) -> str:
    """What a tracking URI begins with, without the driver: ``http``, ``sqlite``, ``postgresql``."""
    return urlsplit(uri).scheme.partition("+")[0]


def shown(uri: str) -> str:
    """A tracking URI as it may be shown: without user, password and query.

    >>> shown("postgresql://me:secret@host/runs?sslpassword=secret")
    'postgresql://host/runs'
    """
    if uri.startswith(SQLITE):
        return uri
    return re.split(r"[?#]", re.sub(r"^([\w.+-]*://)?.*@", r"\1", uri), maxsplit=1)[0]


def without_logins(text: str) -> str:
    """``text`` with the user and password of every URI in it left out.

    >>> without_logins("no answer from http://me:secret@host:5000/api")
    'no answer from http://host:5000/api'
    """
    return re.sub(r"(?<=://)[^/\s]*@", "", text)


def check_uri(uri: str) -> None:
    """Check the form of a tracking URI; nothing is opened.

    Raises:
        ConfigError: it names no kind of store that runs can be written to, or it is malformed.
    """
    try:
        scheme, parts = kind(uri), urlsplit(uri)
        where = (parts.hostname, parts.port)
    except ValueError as error:
        raise ConfigError(
            f"{VARIABLE}: malformed host, port or password (write '/', '?', '#' and '@' in a "
            f"password as %2F, %3F, %23 and %40); {ALLOWED}"
        ) from error
    if scheme in WEB and not where[0]:
        raise ConfigError(f"{VARIABLE}: {scheme}:// without a host; {ALLOWED}")
    if scheme == "sqlite" and not re.fullmatch(rf"{SQLITE}[^?]*[^?/]", uri):
        raise ConfigError(f"{VARIABLE}: {scheme}: without a file, or with options; {ALLOWED}")
    if scheme in DATABASES:
        raise ConfigError(
            f"{VARIABLE}: {scheme}:// is a database, which keeps no artifacts: they would stay in a "
            f"folder of this machine; start a server on it ('mlflow server --backend-store-uri ... "
            f"--artifacts-destination ...') and give the server's address; {ALLOWED}"
        )
    if scheme not in {*WEB, "sqlite"}:
        got = f"the scheme {scheme!r}" if scheme else "a path, or a word without '://'"
        raise ConfigError(f"{VARIABLE}: got {got}; {ALLOWED}")
