"""Runs go to the shared server in the background: one process beside the stages, not one of them.

A stage looks whether it is there (a lock, a tenth of a millisecond) and starts it where it is not. It
sends what is new every few seconds and ends by itself when nothing is left to send, or when the server
stays away; what was not sent then is sent by the next one, or by ``xlgap sync``. No stage waits for it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from xlgap.errors import XlgapError
from xlgap.tracking.uri import VARIABLE, server_uri, sqlite_path, without_logins

EVERY = 5.0  # seconds between two looks at the store, unless SECONDS says otherwise
SECONDS = "XLGAP_FORWARD_SECONDS"
IDLE = 60.0  # seconds without news after which it ends
AWAY = 900.0  # seconds without the server after which it ends
LONGEST_PAUSE = 30.0  # seconds, between attempts at a server that is away
BUSY = 600.0  # seconds for which a pass waits for another one
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}
"""MLflow's own attempts and seconds for an answer; the user's settings come first."""

_log = logging.getLogger("xlgap.forward")


def ensure_forwarder(store: str) -> None:
    """Start the process that forwards the runs of ``store``, unless there is no server, or it runs.

    Args:
        store: the URI of the local store.
    """
    path = sqlite_path(store)
    if server_uri() is None or path is None or not path.is_file():
        return
    try:
        with _single(path).acquire(timeout=0):
            pass
    except (Timeout, OSError):
        return  # it runs, or cannot: 'xlgap sync' says why
    log = log_file(path)
    with contextlib.suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            subprocess.Popen(
                [sys.executable, "-m", "xlgap.tracking.forward", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # it outlives the stage that started it
            )


def log_file(path: Path) -> Path:
    """What the process of the store ``path`` has said."""
    return path.parent / ".xlgap" / "forward.log"


def _single(path: Path) -> FileLock:
    return FileLock(f"{path}.forward")


@contextlib.contextmanager
def _pass(path: Path) -> Iterator[None]:
    """One pass at a time, of the process in the background and of commands."""
    try:
        held = FileLock(f"{path}.sync").acquire(timeout=BUSY)
    except Timeout as error:
        raise XlgapError(f"another process sends the runs of {path}; wait for its end.") from error
    with held:
        yield


def forward(store: str, uri: str, *, patience: float, advance: Callable[[int, int], None]) -> str:
    """Send what the server ``uri`` lacks of ``store``; returns a sentence on what was done.

    Args:
        store: URI of the local store.
        uri: of the server.
        patience: seconds for which a server that does not answer is asked again.
        advance: told how many runs are done, and of how many.

    Raises:
        ConfigError: the address or the login is malformed.
        XlgapError: the server does not answer, refuses the login, or did not take a run.
    """
    from xlgap.tracking.local import read_store
    from xlgap.tracking.login import use_login_files
    from xlgap.tracking.store import open_client
    from xlgap.tracking.sync import Forward, Sent

    path = sqlite_path(store)
    use_login_files()
    _be_patient()
    with open_client(uri, patience=patience) as client:
        if path is None or not path.is_file():
            return Sent().sentence(uri)
        with _pass(path), read_store(path) as local:
            return Forward(local, uri, client).all_runs(advance).sentence(uri)


def _be_patient() -> None:
    for variable, value in PATIENCE.items():
        os.environ.setdefault(variable, value)


def main(path: Path) -> None:
    """Forward the runs of the store ``path`` until nothing is left."""
    while True:
        try:
            held = _single(path).acquire(timeout=0)
        except Timeout:
            return
        with held:
            seen = _follow(path)
        if seen is None or _version(path) == seen:  # else news came at the last moment
            return


def _version(path: Path) -> int | None:
    """When the store was last written, in ns."""
    files = [path, path.with_name(f"{path.name}-wal")]
    return max((file.stat().st_mtime_ns for file in files if file.is_file()), default=None)


def _follow(path: Path) -> int | None:
    """Send until there were no news for a while; what was sent last, None where it gave up."""
    from xlgap.tracking.local import read_store
    from xlgap.tracking.sync import Forward

    uri = server_uri()
    if uri is None:
        return None
    _be_patient()
    known: dict[str, str] = {}
    every = _every()
    seen, answered, news, pause = None, time.monotonic(), time.monotonic(), every
    while time.monotonic() - news < IDLE:
        now = _version(path)
        if now is None:
            return None
        if now != seen:
            news = time.monotonic()
            try:
                with _client(uri) as client, _pass(path), read_store(path) as local:
                    Forward(local, uri, client, known).all_runs()
            except XlgapError as error:
                if time.monotonic() - answered > AWAY:
                    _log.warning("gave up: %s", without_logins(str(error)))
                    return None
                _log.warning("%s", without_logins(str(error)))
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            seen, answered, pause = now, time.monotonic(), every
        time.sleep(every)
    return seen


def _every() -> float:
    """Seconds between two looks; what is no number is told, and has no say."""
    said = os.environ.get(SECONDS) or str(EVERY)
    try:
        return max(0.1, float(said))
    except ValueError:
        _log.warning("%s: got %r, which is no number of seconds; it is %s.", SECONDS, said, EVERY)
        return EVERY


@contextlib.contextmanager
def _client(uri: str) -> Iterator[object]:
    from xlgap.tracking.login import use_login_files
    from xlgap.tracking.store import open_client

    use_login_files()
    with open_client(uri, patience=0) as client:
        yield client


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    if os.environ.get(VARIABLE):
        main(Path(sys.argv[1]))
