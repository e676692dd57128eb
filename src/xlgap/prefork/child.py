"""A child of the pre-fork server: it becomes the command that its caller asked for."""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import logging
import os
import random
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Mapping

from xlgap.prefork import client, protocol

_PR_SET_PDEATHSIG = 1


def run(
    connection: socket.socket, *, code: str, env: Mapping[str, str], added: Mapping[str, str]
) -> int:
    """Serve one connection: take the caller's place, run its command, return the exit code.

    Args:
        connection: to the caller, whose request was not read yet.
        code: the server's code version.
        env: the environment with which the server was started.
        added: variables that the preloaded libraries set while they were imported.
    """
    _leave_the_server()
    request, streams = protocol.receive_request(connection)
    reason = _mismatch(request, code=code, env=env, added=added)
    if reason is not None:
        print(f"refused {request.entry} {' '.join(request.argv)}: {reason}", file=sys.stderr)
        protocol.send_refusal(connection, reason)
        return 0
    _take_place(request, streams, added)
    protocol.send_running(connection)
    return _run_entry(request)


def _leave_the_server() -> None:
    """Undo what belongs to the server alone; follow it when it dies."""
    client.in_child = True
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    atexit._clear()
    gc.enable()


def _mismatch(
    request: protocol.Request, *, code: str, env: Mapping[str, str], added: Mapping[str, str]
) -> str | None:
    """Why this server must not run the request, or None.

    What the preloaded libraries set is no difference: a command that another child started has it.
    """
    if request.code != code:
        return "the source of xlgap changed since the server was started"
    ours = protocol.import_settings({**added, **env})
    theirs = protocol.import_settings({**added, **request.env})
    other = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    return f"other import-time settings: {', '.join(other)}" if other else None


def _take_place(request: protocol.Request, streams: list[int], added: Mapping[str, str]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    for text in (sys.stdout, sys.stderr):
        text.reconfigure(line_buffering=text is sys.stderr or text.isatty())  # type: ignore[union-attr]
    os.chdir(request.cwd)
    os.umask(request.umask)
    os.environ.clear()
    os.environ.update({**added, **request.env})
    sys.argv = [request.entry.partition(":")[0], *request.argv]
    if request.path is not None:
        sys.path.insert(0, request.path)
    random.seed()
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


def _run_entry(request: protocol.Request) -> int:
    """Call the entry as the interpreter would call a script; the exit code that it would have."""
    module, _, function = request.entry.partition(":")
    try:
        code = getattr(importlib.import_module(module), function)(list(request.argv))
    except SystemExit as stop:
        code = stop.code
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    return 0 if code is None else int(code)


def finish() -> None:
    """What the interpreter does at its end: wait for threads, run exit functions, flush."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
