"""The client of the pre-fork server: a command as a child of the server, as if it were our own."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence
from types import FrameType

from xlgap.prefork import protocol

ENTRY = "xlgap.__main__:main"
FORWARDED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)

in_child = False  # set in the server's children: they run their command and call no server


class Remote:
    """A command that runs in a child of the server. Closing it before its end stops the child."""

    def __init__(self, connection: socket.socket, pid: int, pidfd: int) -> None:
        self.pid = pid
        self._connection = connection
        self._pidfd = pidfd

    def signal(self, number: int) -> None:
        """Send a signal to the command; nothing happens when it has ended."""
        try:
            signal.pidfd_send_signal(self._pidfd, number)
        except ProcessLookupError:
            return

    def signal_group(self, number: int) -> None:
        """Send a signal to the command and to the processes that it started in its group."""
        try:
            signal.pidfd_send_signal(self._pidfd, 0)
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return

    def wait(self) -> int:
        """The command's exit code, 128 + N where signal N ended it.

        Raises:
            ConnectionError: the server ended before its child.
        """
        message = self._connection.recv(2)
        if message[:1] != protocol.EXITED or len(message) != 2:
            raise ConnectionError("the pre-fork server ended before the command did")
        self.close()
        return message[1]

    def close(self) -> None:
        """Release the connection; a command that still runs is stopped by the server."""
        self._connection.close()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1


def start(
    socket_path: str,
    argv: Sequence[str],
    *,
    entry: str = ENTRY,
    path: str | None = None,
    cwd: str | None = None,
    streams: Sequence[int] = (0, 1, 2),
) -> Remote | None:
    """Start a command in a child of the server at ``socket_path``.

    Args:
        socket_path: where the server listens.
        argv: arguments of ``entry``, without the program's name.
        entry: ``module:function`` that runs the command.
        path: a directory for the front of the child's ``sys.path``.
        cwd: the command's working directory, or None for this process's.
        streams: file descriptors that become the command's standard input, output and error.

    Returns:
        The running command, or None when no server listens or the server refuses, because it runs
        other code or was started with other import-time settings: then run it in this process.
    """
    found = _start(socket_path, _request(argv, entry, path, cwd), streams)
    return found if isinstance(found, Remote) else None


def _start(socket_path: str, request: protocol.Request, streams: Sequence[int]) -> Remote | str | None:
    """The running command, the reason why the server refuses it, or None without a server."""
    if in_child or not sys.platform.startswith("linux"):
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(socket_path)
        if protocol.peer_uid(connection) != os.getuid():
            raise ConnectionRefusedError(f"{socket_path} belongs to another user")
        protocol.send_request(connection, request, streams)
        return Remote(connection, *protocol.receive_running(connection))
    except protocol.RefusedError as refusal:
        connection.close()
        return str(refusal)
    except (ConnectionError, FileNotFoundError, EOFError):
        connection.close()
        return None


def call(
    socket_path: str, argv: Sequence[str], *, entry: str = ENTRY, path: str | None = None
) -> int | None:
    """Run a command through the server and wait for it; signals that we get go to it.

    Returns:
        Its exit code, or None when it must be run in this process, see :func:`start`.

    Raises:
        ConnectionError: the server ended before the command did.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    remote = _start(socket_path, _request(argv, entry, path, None), (0, 1, 2))
    if isinstance(remote, str):
        print(f"note: the pre-fork server does not run this command: {remote}", file=sys.stderr)
    if not isinstance(remote, Remote):
        return None

    def forward(number: int, frame: FrameType | None) -> None:
        remote.signal(number)

    before = {number: signal.signal(number, forward) for number in FORWARDED}
    try:
        return remote.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _request(argv: Sequence[str], entry: str, path: str | None, cwd: str | None) -> protocol.Request:
    mask = os.umask(0o077)
    os.umask(mask)
    return protocol.Request(
        entry=entry,
        argv=list(argv),
        path=path,
        cwd=cwd or os.getcwd(),  # noqa: PTH109 (pathlib costs a millisecond here)
        umask=mask,
        env=dict(os.environ),
        code=protocol.code_version(),
    )
