"""Whether a tracking server answers, told in seconds where MLflow tries for minutes."""

from __future__ import annotations

import json
import time
from typing import NoReturn

from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

from xlgap.errors import XlgapError
from xlgap.tracking.uri import VARIABLE, shown

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
PATIENCE = 60.0  # seconds, of a stage
AGAIN_SECONDS = 2.0
UNREACHED, UNREADY = "cannot be reached", "does not answer as MLflow (HTTP 5"
REFUSES = "refuses the user or the password"
EXPERIMENTS = "/api/2.0/mlflow/experiments/search?max_results=1"
REFUSED = {401, 403}  # HTTP: who are you; not you


_answered: set[str] = set()


def reach(uri: str, *, patience: float = PATIENCE) -> None:
    """Ask for an answer; a process that had one leaves later outages to MLflow's patience.

    Args:
        uri: a tracking URI of a server.
        patience: seconds for which it is asked again: a server that is started anew fails no stage.

    Raises:
        XlgapError: there is no answer, or it is none of MLflow's.
    """
    end = time.monotonic() + patience
    while uri not in _answered:
        said = asked(uri)
        if said is None:
            _answered.add(uri)
        elif not refuses(said) and time.monotonic() < end:
            time.sleep(AGAIN_SECONDS)
        else:
            refuse(uri, said)


def asked(uri: str) -> str | None:
    """What is wrong with a server, after one look, in words that follow its name; None: it answers."""
    patience = (CONNECT_SECONDS, ANSWER_SECONDS)
    try:
        answer = http_request(
            get_default_host_creds(uri),
            EXPERIMENTS,
            "GET",
            max_retries=0,
            timeout=patience,
            raise_on_status=False,
        )
    except MlflowException as error:
        return f"{UNREACHED} ({_reason(error)})"
    if answer.status_code in REFUSED:
        return f"{REFUSES} (HTTP {answer.status_code})"
    try:
        found = isinstance(json.loads(answer.text), dict)
    except ValueError:
        found = False
    return None if answer.ok and found else f"does not answer as MLflow (HTTP {answer.status_code})"


def refuses(said: str) -> bool:
    """Whether waiting does not help: what was ``asked`` is another server, or refuses the login."""
    return not said.startswith((UNREACHED, UNREADY))


def refuse(uri: str, said: str) -> NoReturn:
    """Raise what was ``said`` of a server as an error.

    Raises:
        XlgapError: always.
    """
    login = said.startswith(REFUSES)
    do = (
        "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD_FILE to a login that it knows"
        if login
        else f"start it, set {VARIABLE} to one that runs"
    )
    raise XlgapError(
        f"the MLflow server {shown(uri)} {said}; {do}, or unset {VARIABLE} to keep the runs in the "
        "checkout alone."
    )


def _reason(error: BaseException | None) -> str:
    """The operating system's word on a failed connection, at the root of what was made of it."""
    said = "no answer in time"
    while error is not None:
        if isinstance(error, OSError) and error.strerror:
            said = error.strerror
        error = error.__cause__ or error.__context__
    return said
