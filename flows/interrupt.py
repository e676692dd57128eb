"""A stop that a signal asks for: Ctrl-C, a shell's ``kill``, a terminal that was closed.

The first signal raises KeyboardInterrupt, and the stop takes up to half a minute. What comes after it
must not disturb that: a signal to the process group reaches the flow twice, since ``xlgap run`` passes
its own on.
"""

from __future__ import annotations

import signal
from types import FrameType

_asked = False


def listen() -> None:
    """Stop at SIGTERM, and at SIGINT and SIGHUP unless they were ignored when this process started."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        ignored = signal.getsignal(number) is signal.SIG_IGN
        if number == signal.SIGTERM or not ignored:
            signal.signal(number, interrupt)
        elif number == signal.SIGINT:  # as a shell starts a job in the background
            signal.signal(number, _pass)


def interrupt(number: int, frame: FrameType | None) -> None:
    """The handler."""
    global _asked
    if not _asked:
        _asked = True
        raise KeyboardInterrupt


def _pass(number: int, frame: FrameType | None) -> None:
    """Do nothing, as before; but stages inherit no handler, and SIGINT is how they are stopped."""
