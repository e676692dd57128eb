"""Who asks a tracking server: user and password from the environment, or from files that it names.

MLflow reads ``MLFLOW_TRACKING_USERNAME`` and ``MLFLOW_TRACKING_PASSWORD`` itself. Where a secret is a
file, ``..._FILE`` names it; it is read by the process that talks to the server, and by no other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from xlgap.errors import ConfigError

VARIABLES = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")
SUFFIX = "_FILE"
_PUT: dict[str, str] = {}  # by this process: files may change while it runs


def use_login_files() -> None:
    """Put what the files say where MLflow looks for it.

    Raises:
        ConfigError: a file cannot be read or is empty, or the variable is set as well.
    """
    for variable in VARIABLES:
        named = os.environ.get(variable + SUFFIX)
        if not named:
            continue
        found, there = _read(variable, named), os.environ.get(variable)
        if there and there not in {found, _PUT.get(variable)}:
            raise ConfigError(
                f"{variable} and {variable}{SUFFIX} are both set and differ; unset one of them."
            )
        if there != found:
            os.environ[variable] = _PUT[variable] = found


@contextmanager
def login_files() -> Iterator[None]:
    """What the files say is where MLflow looks for it, and no longer at the end of the block.

    For processes that start others: a password is in the environment of no stage.

    Raises:
        ConfigError: see :func:`use_login_files`.
    """
    before = {variable: os.environ.get(variable) for variable in VARIABLES}
    try:
        use_login_files()
        yield
    finally:
        for variable, value in before.items():
            if value is None:
                os.environ.pop(variable, None)
                _PUT.pop(variable, None)


def _read(variable: str, named: str) -> str:
    try:
        found = Path(named).read_text(encoding="utf8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(
            f"{variable}{SUFFIX}: {named} cannot be read ({why}); give a file that this user can read."
        ) from error
    if not found:
        raise ConfigError(f"{variable}{SUFFIX}: {named} is empty; write the value into it.")
    return found


def refuse_password(option: str, uri: str) -> None:
    """Refuse an address with a password on the command line, where every user of the machine sees it.

    Raises:
        ConfigError: ``uri`` has one.
    """
    try:
        told = urlsplit(uri).password is not None or "password" in urlsplit(uri).query
    except ValueError:
        told = "@" in uri
    if told:
        raise ConfigError(
            f"{option}: the address has a password, which the process list shows; leave it out and set "
            f"{VARIABLES[0]} and {VARIABLES[1]}{SUFFIX}, or put the address into MLFLOW_TRACKING_URI."
        )
