"""Prefect's temporary server, which must not end before the flow that it serves.

Prefect starts it as a child in the flow's own process group: a Ctrl-C in the terminal, or a shell's
``kill`` of a job, would reach both, and a flow whose server is gone waits a minute before it gives up.
A killed flow, on the other hand, would leave it behind.
"""

from __future__ import annotations

import atexit
import subprocess
from functools import partial
from typing import Any

from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import PREFECT_API_URL


def on_a_server() -> bool:
    """Whether the flow talks to a server that outlives it, where people see tags and limit them.

    For a task with tags Prefect asks its server for slots before the task starts. The temporary server
    often answers that its database is locked, since it is booking the task that has just ended, and
    Prefect asks again after two seconds: half a second for each stage, on average.
    """
    return PREFECT_API_URL.value() is not None


class _Server(SubprocessASGIServer):
    """Prefect's temporary server in a session of its own."""

    def _run_uvicorn_command(self) -> subprocess.Popen[Any]:
        popen = subprocess.Popen
        subprocess.Popen = partial(popen, start_new_session=True)  # Prefect's method takes no options
        try:
            server = super()._run_uvicorn_command()
        finally:
            subprocess.Popen = popen
        _end_with_us(server.pid)
        return server


def start_engine() -> None:
    """Start the temporary server, unless another one is configured; it ends with this process."""
    if on_a_server():
        return
    _Server().start()  # one a process: Prefect's own code finds it running


def _end_with_us(pid: int) -> None:
    """Stop a process when this one is killed: a shell waits for the end of a pipe that it holds."""
    watch = ["/bin/sh", "-c", 'read -r told; [ "$told" ] || kill "$0"', str(pid)]
    watcher = subprocess.Popen(watch, stdin=subprocess.PIPE, start_new_session=True)
    atexit.register(watcher.communicate, b"an orderly end\n")
