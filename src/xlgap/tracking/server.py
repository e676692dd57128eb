"""The server of the MLflow UI: a group of processes, ended when the one that started it is stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys

from xlgap.errors import ConfigError

HOST = "127.0.0.1"
PATIENCE = 10.0  # seconds for requests that are under way when the server is told to end


def check_port(port: int) -> None:
    """Check that a server could listen there.

    Raises:
        ConfigError: it is no port, or it is taken.
    """
    if not 1 <= port <= 65535:
        raise ConfigError(f"--port: got {port}, allowed is 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ConfigError(
                f"--port: {port} cannot be used ({os.strerror(error.errno or 0)}); "
                "give another one, for example --port 5001."
            ) from error


def serve(uri: str, *, port: int) -> None:
    """Run the MLflow UI on a store until it ends by itself.

    Raises:
        KeyboardInterrupt: Ctrl-C, SIGTERM or SIGHUP; the server and its workers have ended.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    command = [sys.executable, "-m", "mlflow", "ui", "--host", HOST, "--port", str(port)]
    hidden = {**os.environ, "MLFLOW_BACKEND_STORE_URI": uri}  # a password is no argument to list
    server = subprocess.Popen(command, env=hidden, process_group=0)
    try:
        server.wait()
    finally:
        _end(server)


def _end(leader: subprocess.Popen[bytes]) -> None:
    """End the group of ``leader``: by request, then, or after one more Ctrl-C, by force."""
    expected = (ProcessLookupError, subprocess.TimeoutExpired, KeyboardInterrupt)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(*expected):
            os.killpg(leader.pid, number)
            leader.wait(PATIENCE)
