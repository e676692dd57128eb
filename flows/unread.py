"""Flows go on when nobody reads what they print: the worker that did was killed."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading


def survive_our_reader() -> None:
    """From now on have standard output and error go nowhere as soon as the other end is closed.

    A worker reads what its flows print. Without one, the next line would end the flow (rich leaves the
    process for it) and commands that it starts. What counts is in logs of stages, and on the server.
    """
    ends = [stream.fileno() for stream in (sys.stdout, sys.stderr) if stream is not None]
    for end in ends:
        threading.Thread(target=_let_go, args=(end,), daemon=True).start()


def _let_go(end: int) -> None:
    closed = select.poll()
    closed.register(end, 0)  # no event but that of a pipe whose reader is gone
    closed.poll()
    with contextlib.suppress(OSError):  # it was closed here
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, end)
        os.close(nowhere)
