"""Ends a process whose training does not move, so that whoever started it can start it again.

A rank waits for the others in calls that nothing but the end of the process ends: one that is gone,
that was stopped, or whose device hangs would otherwise hold all of them for seven days, as long as
they may wait for one that predicts alone. Where a stage trains, each step is watched; in all the rest
of it the ranks answer each other in a thread of their own, however long one of them works alone.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

import torch.distributed as dist
from torch import nn

from xlgap.errors import TrainingError, TryAgainError
from xlgap.launch.ranks import tell
from xlgap.training.engine import any_says, barrier, launched, process_group, rank, world_size
from xlgap.training.guard import lost_peer

T = TypeVar("T")
POLL = 0.25  # seconds of waiting for a disk until the ranks tell each other that they still do
ROLL_CALL = 1.0  # seconds from one answer of a rank to the next
LAST_WORD = 5.0  # seconds that an answer may take whose process ends


@contextmanager
def watched(seconds: float) -> Iterator[Watchdog]:
    """Watch in the block, and say in a sentence where another process is gone.

    Args:
        seconds: from beat to beat; 0 for any time.

    Raises:
        TryAgainError: it is.
    """
    watchdog = Watchdog(seconds)
    try:
        with watchdog.watching():
            yield watchdog
    except RuntimeError as error:
        if launched() and lost_peer(error):
            gone = TryAgainError(
                f"another process is gone ({watchdog.what}); run the same command again to go on from "
                "the last checkpoint."
            )
            gone.follows = True
            raise gone from error
        raise


@contextmanager
def together(*, threads: int, hang_seconds: float) -> Iterator[None]:
    """A :func:`~xlgap.training.engine.process_group` whose ranks answer each other to its end.

    Args:
        threads: of each process.
        hang_seconds: that one may not come, or not answer, until another one ends; 0 for any time.

    Raises:
        TryAgainError: another process is gone.
    """
    if not launched():
        with process_group(threads=threads):
            yield
        return
    with watched(hang_seconds) as watchdog:
        watchdog.beat("the start of all processes")
        with process_group(threads=threads):
            with _roll_call(watchdog, every=min(ROLL_CALL, hang_seconds / 4)):
                yield
                barrier()
            watchdog.beat("the end of all processes")


@contextmanager
def _roll_call(watchdog: Watchdog, *, every: float) -> Iterator[None]:
    """In the block every rank answers the one before it, the first one the last, in a thread.

    Not by a collective, in which the thread would wait when its process ends: each counts in the store
    by which the ranks have found each other.

    Args:
        watchdog: told of each answer.
        every: seconds from answer to answer; 0 for none.
    """
    if not every:
        watchdog.rest()
        yield
        return
    address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store, ending = dist.TCPStore(address, port, is_master=False), threading.Event()  # type: ignore[attr-defined]
    mine, theirs = (f"xlgap/answer{number % world_size()}" for number in (rank(), rank() + 1))
    what = f"the answer of process {(rank() + 1) % world_size()}"

    def answer() -> None:
        count, heard = 0, b""
        watchdog.beat(what)
        while not ending.wait(every):
            count += 1
            try:
                store.set(mine, str(count))
                told = store.get(theirs) if store.check([theirs]) else b""
            except RuntimeError:  # who keeps the store is gone: the launcher ends the others
                break
            if told != heard:
                heard = told
                watchdog.beat(what)
        watchdog.rest()

    answering = threading.Thread(target=answer, name="roll call", daemon=True)
    answering.start()
    try:
        yield
    finally:
        ending.set()
        answering.join(LAST_WORD)


class Watchdog:
    """Watches from :meth:`beat` to :meth:`beat`; a limit of 0 seconds is none.

    Attributes:
        what: is being done.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.what = "nothing yet"
        self._last: tuple[float, str] | None = None
        self._ended = threading.Event()

    def beat(self, what: str) -> None:
        """Something was done; ``what`` follows, at once."""
        self.what, self._last = what, (time.monotonic(), what)

    def rest(self) -> None:
        """What follows may take as long as it takes, to the next :meth:`beat`."""
        self._last = None

    @contextmanager
    def modules(self, what: str) -> Iterator[None]:
        """In the block every call of a module is a :meth:`beat`."""

        def beat(*_: Any) -> None:
            self.beat(what)

        self.beat(what)
        hook = nn.modules.module.register_module_forward_pre_hook(beat)
        try:
            yield
        finally:
            hook.remove()
            self.beat(what)

    @contextmanager
    def watching(self) -> Iterator[Watchdog]:
        """Watch inside the block."""
        if self._seconds > 0:
            threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        try:
            yield self
        finally:
            self._ended.set()

    def patiently(self, work: Callable[[], T], what: str) -> T:
        """What this rank's ``work`` with the disk gives; all ranks wait for the slowest.

        It runs in another thread and may not talk to other ranks. However long it takes, it is no hang
        while all of them answer.

        Raises:
            TrainingError: ``work`` failed on another rank; its own error is raised there.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="patient") as pool:
            working = pool.submit(work)
            waited = True
            while waited:
                self.beat(what)
                done = bool(wait([working], POLL).done)
                waited, failed = any_says(not done, done and working.exception() is not None)
        if failed and working.exception() is None:
            other = TrainingError(
                f"another process failed in {what}: see what it says, then run this again."
            )
            other.follows = True
            raise other
        return working.result()

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
