"""Starting and stopping the pre-fork server."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from xlgap.prefork.server import GRACE_SECONDS

VARIABLE = "XLGAP_PREFORK_SOCKET"


@contextlib.contextmanager
def running(modules: Sequence[str], *, log: Path) -> Iterator[str | None]:
    """A pre-fork server for the time of a ``with`` block.

    Callers may connect at once: they wait until the imports are done. At the end of the block, or
    when this process dies in whatever way, the server stops its children and ends.

    Args:
        modules: what to import before forking.
        log: a file for the server's own messages.

    Yields:
        The path of its socket, in a directory that only this user can enter; None where the system
        has no pidfd and peer credentials (anything but Linux): commands then run by themselves.
    """
    if not sys.platform.startswith("linux"):
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="xlgap-"))
    path = folder / "prefork"
    log.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listening, log.open("ab") as out:
        listening.bind(str(path))
        listening.listen(128)
        server = subprocess.Popen(
            [sys.executable, "-m", "xlgap.prefork.server", str(listening.fileno()), *modules],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            pass_fds=[listening.fileno()],
            start_new_session=True,
            env={k: v for k, v in os.environ.items() if k != VARIABLE},
        )
    try:
        yield str(path)
    finally:
        _end(server)
        if folder.exists():
            shutil.rmtree(folder)


def _end(server: subprocess.Popen[bytes]) -> None:
    """Close the lifeline and wait; the server gives its children time, then kills them."""
    assert server.stdin is not None
    server.stdin.close()
    try:
        server.wait(GRACE_SECONDS + 10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
