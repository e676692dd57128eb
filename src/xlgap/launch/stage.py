"""What a command does about the processes that train: start them, be one, or refuse to be several."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from xlgap.errors import ConfigError
from xlgap.launch import ranks, slurm
from xlgap.launch.asked import whole_number
from xlgap.launch.decide import Launch, decide
from xlgap.launch.supervise import supervise_again
from xlgap.layout import SCRATCH


def trains_here(words: Sequence[str], *, say: Callable[[str], object]) -> bool:
    """Whether this process trains, alone or as a rank; otherwise its ranks were started, and ended.

    Args:
        words: of the stage's command, without the program.
        say: is told where the ranks are started again.

    Raises:
        ConfigError: the environment asks for what is not allowed, see
            :func:`~xlgap.launch.decide.decide`.
        XlgapError: how the ranks ended, see :func:`~xlgap.launch.supervise.supervise_again`.
    """
    folder = SCRATCH / "launch" / f"{socket.gethostname()}-{os.getpid()}-{time.time_ns()}"
    launch = _decided(words, folder)
    if launch.command:
        supervise_again(lambda: _decided(words, folder), folder, say=say)
        return False
    os.environ.update(launch.variables)
    if int(os.environ.get("WORLD_SIZE") or "1") > 1:
        ranks.come()
    return True


def check_launcher() -> Launch:
    """What training stages would do in this environment, looked at now.

    Raises:
        ConfigError: see :func:`~xlgap.launch.decide.decide`.
    """
    return _decided((), Path())


def refuse_ranks(command: str) -> None:
    """Stop where a launcher has started several processes of a command that is one.

    Raises:
        ConfigError: it has, or a variable that would say so holds no number.
    """
    tasks = slurm.step_tasks(os.environ)
    started = tasks if tasks > 1 else whole_number(os.environ, "WORLD_SIZE", least=1) or 1
    if started > 1:
        raise ConfigError(
            f"'xlgap {command}' is one process, and {started} were started: call it once; training "
            "stages start their processes themselves (docs/launch.md)."
        )


def _decided(words: Sequence[str], folder: Path) -> Launch:
    host = socket.gethostname()
    return decide(os.environ, words, folder=folder.absolute(), host=host, port=_free_port())


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
