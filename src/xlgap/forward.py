"""A program that this one runs, and the signals that must reach it."""

from __future__ import annotations

import signal
import subprocess
from types import FrameType

from xlgap.errors import XlgapError

SIGNALLED = 128  # an exit code above it: ended by that signal, as shells have it


def run_and_forward_signals(command: list[str]) -> int:
    """Run a program; a stop that this process is asked for reaches it, too. Returns its exit code."""
    flow = subprocess.Popen(command)

    def forward(number: int, frame: FrameType | None) -> None:
        flow.send_signal(number)

    before = {n: signal.signal(n, forward) for n in (signal.SIGTERM, signal.SIGHUP)}
    try:
        while True:
            try:
                code = flow.wait()
                return code if code >= 0 else SIGNALLED - code
            except KeyboardInterrupt:
                continue  # the terminal has sent it to the flow as well, which stops its stages
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class FlowKilledError(XlgapError):
    """A signal ended the flow, which could not say so."""

    def __init__(self, code: int) -> None:
        super().__init__(f"signal {code - SIGNALLED} ended the study's flow; run it again to go on.")
        self.exit_code = code
