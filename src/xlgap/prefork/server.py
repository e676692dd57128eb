"""The pre-fork server: imports once, then forks a child for each command.

It is started by :func:`xlgap.prefork.launch.running` and ends with the process that started it: its
standard input is a pipe whose other end that process holds. It has one thread, always: a fork copies
only the calling thread, and what another one held stays locked for ever in the child.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import shutil
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from xlgap.prefork import child, protocol

GRACE_SECONDS = 20.0  # from SIGTERM to SIGKILL: time to write a checkpoint

# Threads that libraries would start while they are imported. Children inherit NumPy's single BLAS
# thread, not the variables; torch's threads are each child's own matter.
SINGLE_THREAD = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "OPENBLAS_NUM_THREADS": "1"}


@dataclass
class Job:
    """A child that runs a command for the caller at the other end of ``connection``."""

    pid: int
    connection: socket.socket
    kill_at: float | None = None

    def stop(self) -> None:
        """Ask the child and its process group to end; see :meth:`Server.turn` for the rest."""
        if self.kill_at is None:
            self.kill_at = time.monotonic() + GRACE_SECONDS
            self.signal(signal.SIGTERM)

    def signal(self, number: int) -> None:
        """Signal the group; before the child has made one, the child."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


@dataclass
class Server:
    """Accepts callers, forks their children, reports their ends."""

    listening: socket.socket
    lifeline: int
    code: str
    env: dict[str, str]
    added: dict[str, str]
    jobs: dict[int, Job] = field(default_factory=dict)
    stopping: bool = False

    def serve(self) -> None:
        """Serve until SIGTERM or until the lifeline's other end is closed, then stop all children."""
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self.poll = select.poll()
        for fd in (self.listening.fileno(), self.lifeline, wake_read):
            self.poll.register(fd, select.POLLIN)
        self.private = (self.listening.fileno(), self.lifeline, wake_read, wake_write)
        while not self.stopping or self.jobs:
            self.turn(wake_read)

    def turn(self, wake_read: int) -> None:
        """Wait for one event and answer it."""
        deadlines = [job.kill_at for job in self.jobs.values() if job.kill_at is not None]
        timeout = max(0.0, min(deadlines) - time.monotonic()) * 1000 if deadlines else None
        for fd, _ in self.poll.poll(timeout):
            if fd == wake_read:
                os.read(wake_read, 4096)
            elif fd == self.lifeline:
                self._stop()
            elif fd == self.listening.fileno():
                self.accept()
            elif fd in self.jobs:
                self.poll.unregister(fd)
                self.jobs[fd].stop()
        self.reap()
        now = time.monotonic()
        for job in self.jobs.values():
            if job.kill_at is not None and now >= job.kill_at:
                job.signal(signal.SIGKILL)
                job.kill_at = now + GRACE_SECONDS

    def _stop(self, *_: object) -> None:
        if not self.stopping:
            self.stopping = True
            self.poll.unregister(self.listening.fileno())
            self.poll.unregister(self.lifeline)
            for job in self.jobs.values():
                job.stop()

    def accept(self) -> None:
        """Fork a child for the next caller."""
        connection, _ = self.listening.accept()
        if protocol.peer_uid(connection) != os.getuid():
            connection.close()
            return
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._child(connection)
        self.jobs[connection.fileno()] = Job(pid, connection)
        self.poll.register(connection.fileno(), select.POLLRDHUP)

    def _child(self, connection: socket.socket) -> NoReturn:
        code = 1
        try:
            for fd in (*self.private, *self.jobs):
                os.close(fd)
            code = child.run(connection, code=self.code, env=self.env, added=self.added)
            child.finish()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code & 0xFF)

    def reap(self) -> None:
        """Report the children that have ended to their callers."""
        for fd, job in list(self.jobs.items()):
            pid, status = os.waitpid(job.pid, os.WNOHANG)
            if pid == 0:
                continue
            code = os.waitstatus_to_exitcode(status)
            with contextlib.suppress(KeyError):
                self.poll.unregister(fd)
            with contextlib.suppress(ConnectionError):
                job.connection.sendall(protocol.EXITED + bytes([code if code >= 0 else 128 - code]))
            job.connection.close()
            del self.jobs[fd]
            if job.kill_at is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)


def preload(modules: Sequence[str]) -> dict[str, str]:
    """Import modules and keep this process single-threaded.

    Args:
        modules: names of modules; ``module:function`` also calls the function.

    Returns:
        The environment variables that the imports set.

    Raises:
        RuntimeError: a module started a thread, so that no process may be forked.
    """
    before = dict(os.environ)
    os.environ.update(SINGLE_THREAD)
    gc.disable()
    for name in modules:
        module, _, function = name.partition(":")
        imported = importlib.import_module(module)
        if function:
            getattr(imported, function)()
        threads = [p.read_text().strip() for p in Path("/proc/self/task").glob("*/comm")]
        if len(threads) > 1:
            raise RuntimeError(
                f"importing {name!r} started threads ({', '.join(threads)}): no process can be forked "
                "safely after that; leave it out of the modules to preload."
            )
    gc.freeze()
    added = {k: v for k, v in os.environ.items() if before.get(k) != v and k not in SINGLE_THREAD}
    for name in SINGLE_THREAD:
        os.environ.pop(name)
    return added


def main(argv: Sequence[str]) -> int:
    """``python -m xlgap.prefork.server FD MODULE...``: serve the listening socket FD."""
    env = dict(os.environ)
    listening = socket.socket(fileno=int(argv[0]))
    lifeline = os.dup(0)
    code = protocol.code_version()
    added = preload(argv[1:])
    folder = Path(listening.getsockname()).parent
    Server(listening, lifeline, code, env, added).serve()
    shutil.rmtree(folder)  # here, since the process that made it may have been killed
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
