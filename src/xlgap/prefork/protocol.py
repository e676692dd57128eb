"""What client and server say to each other over a Unix stream socket.

The client sends its three standard streams as file descriptors with the length of a JSON request,
then the request. The child answers ``R`` (running) with its process id and a pidfd, or ``N`` with its
reason when it refuses; the server ends the conversation with ``X`` and the exit code. A client that
hangs up before that has died: its child is stopped.
"""

from __future__ import annotations

import array
import json
import os
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RUNNING, REFUSED, EXITED = b"R", b"N", b"X"
LENGTH = struct.Struct("!I")

# Settings that libraries read while they are imported: a server that was started with other ones
# would run the command differently, so it refuses.
IMPORT_TIME = (
    "ARROW_", "CUDA_", "DEEPSPEED_", "DS_", "HF_", "KMP_", "LANG", "LC_", "LD_", "MKL_", "NCCL_",
    "NVIDIA_", "OMP_", "OPENBLAS_", "PYTHON", "PYTORCH_", "TOKENIZERS_", "TORCH_", "TRANSFORMERS_",
)  # fmt: skip


class RefusedError(Exception):
    """The server must not run a command, for the reason given."""


@dataclass(frozen=True)
class Request:
    """A command to run.

    Attributes:
        entry: ``module:function``, called with ``argv``; returns an exit code or None.
        path: a directory to put on ``sys.path`` first, or None.
    """

    entry: str
    argv: Sequence[str]
    path: str | None
    cwd: str
    umask: int
    env: Mapping[str, str]
    code: str


def import_settings(env: Mapping[str, str]) -> dict[str, str]:
    """The part of ``env`` that matters while libraries are imported."""
    return {key: value for key, value in env.items() if key.startswith(IMPORT_TIME)}


def code_version() -> str:
    """Which interpreter, environment and xlgap source this process runs.

    The source is known by name, size and time of change of every module; reading their bytes would
    cost the client more than its whole budget.
    """
    root = Path(__file__).parents[1]
    entries = [sys.version, sys.prefix]
    folders = [str(root)]
    while folders:
        for entry in os.scandir(folders.pop()):
            if entry.name.endswith(".py"):
                status = entry.stat()
                entries.append(f"{entry.path}:{status.st_mtime_ns}:{status.st_size}")
            elif entry.name != "__pycache__" and entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
    return "\n".join(sorted(entries))


def send_request(connection: socket.socket, request: Request, streams: Sequence[int]) -> None:
    """Send a request with the caller's standard input, output and error."""
    body = json.dumps(asdict(request)).encode()
    socket.send_fds(connection, [LENGTH.pack(len(body))], list(streams))
    connection.sendall(body)


def receive_request(connection: socket.socket) -> tuple[Request, list[int]]:
    """The request and the three file descriptors that came with it.

    Raises:
        EOFError: the caller hung up before its request was complete.
    """
    header, fds, _, _ = socket.recv_fds(connection, LENGTH.size, 3)
    if len(header) < LENGTH.size or len(fds) != 3:
        raise EOFError("the caller hung up before it sent a command")
    (length,) = LENGTH.unpack(header)
    return Request(**json.loads(_exactly(connection, length))), fds


def _exactly(connection: socket.socket, length: int) -> bytes:
    parts = b""
    while len(parts) < length:
        part = connection.recv(min(length - len(parts), 65536))
        if not part:
            raise EOFError("the caller hung up in the middle of its command")
        parts += part
    return parts


def send_running(connection: socket.socket) -> None:
    """Tell the caller that this process runs its command; with a pidfd, by which it sends signals."""
    own = os.pidfd_open(os.getpid())
    socket.send_fds(connection, [RUNNING + LENGTH.pack(os.getpid())], [own])
    os.close(own)


def send_refusal(connection: socket.socket, reason: str) -> None:
    """Tell the caller to run its command by itself."""
    text = reason.encode()
    connection.sendall(REFUSED + LENGTH.pack(len(text)) + text)


def receive_running(connection: socket.socket) -> tuple[int, int]:
    """The child's process id and pidfd.

    Raises:
        RefusedError: the child does not run the command.
        EOFError: there is no child.
    """
    size = 1 + LENGTH.size
    message, ancillary, _, _ = connection.recvmsg(size, socket.CMSG_SPACE(array.array("i").itemsize))
    if len(message) != size or message[:1] not in (RUNNING, REFUSED):
        raise EOFError("the server ended before it started the command")
    (number,) = LENGTH.unpack(message[1:])
    if message[:1] == REFUSED:
        raise RefusedError(_exactly(connection, number).decode())
    fds = array.array("i")
    fds.frombytes(ancillary[0][2])
    return number, fds[0]


def peer_uid(connection: socket.socket) -> int:
    """The user at the other end of a Unix socket."""
    credentials = struct.Struct("3i")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    return int(credentials.unpack(raw)[1])
