"""Programs that a benchmark starts, with a limit of time for each."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import psutil


def run(program: list[str], *, seconds: float) -> str:
    """What a program prints.

    Raises:
        RuntimeError: it failed, or took too long.
    """
    with subprocess.Popen(
        [sys.executable, *program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            told, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            end_with_children(process.pid)
            raise RuntimeError(f"not done after {seconds:.0f} s") from error
        except BaseException:
            end_with_children(process.pid)
            raise
    if process.returncode:
        raise RuntimeError(errors[-1500:])
    return told


def end_with_children(pid: int) -> None:
    """Kill a process and those that it has started, which would keep the device; wait for their end."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.suspend()  # it starts no other meanwhile
        ended = [process, *process.children(recursive=True)]
        for one in ended:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(ended, timeout=10)
