"""Ends a process whose training does not move, so that whoever started it can start it again.

A rank waits for the others in calls that nothing but the end of the process ends: one that is gone,
that was stopped, or whose device hangs would otherwise hold all of them for seven days, as long as
they may wait for one that predicts alone.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from xlgap.errors import TryAgainError
from xlgap.launch.ranks import tell


class Watchdog:
    """Watches from :meth:`beat` to :meth:`beat`; a limit of 0 seconds is none."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last: tuple[float, str] | None = None
        self._ended = threading.Event()

    def beat(self, what: str) -> None:
        """Something was done; ``what`` follows, at once."""
        self._last = (time.monotonic(), what)

    def rest(self) -> None:
        """What follows may take as long as it takes."""
        self._last = None

    @contextmanager
    def watching(self) -> Iterator[Watchdog]:
        """Watch inside the block."""
        if self._seconds > 0:
            threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        try:
            yield self
        finally:
            self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(min(1.0, self._seconds / 4)):
            last = self._last
            if last is not None and time.monotonic() - last[0] > self._seconds:
                self._end(last[1])

    def _end(self, what: str) -> None:
        """With what every thread was doing, which tells who waited for whom."""
        error = TryAgainError(
            f"no progress for {self._seconds:g} seconds in {what}: this process or one that it waits "
            "for hangs or is gone. Run the same command again to go on from the last checkpoint, or "
            "raise 'train.hang_seconds' if this takes so long."
        )
        sys.stderr.write(f"error: {error} What each thread does:\n")
        sys.stderr.flush()
        faulthandler.dump_traceback(sys.stderr, all_threads=True)
        sys.stderr.flush()
        try:
            tell(error)  # the launcher has an exit code of its own
        finally:
            os._exit(error.exit_code)
