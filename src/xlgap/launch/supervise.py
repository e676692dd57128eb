"""Running a launcher: a stop reaches its processes once, their end becomes a sentence and a code."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import psutil

from xlgap.errors import Interrupted, TrainingError, XlgapError
from xlgap.launch import ranks
from xlgap.launch.decide import Launch
from xlgap.prefork.launch import VARIABLE as PREFORK
from xlgap.prefork.protocol import IMPORT_TIME

KILLED = 128 + signal.SIGKILL
PATIENCE = 30.0
"""Seconds that DeepSpeed's launcher gives its ranks after a stop."""
STARTS = 9
"""Of the ranks of a stage, at most: each has half the micro-batch of the one before it."""
_PDEATHSIG = 1
# What training reads besides the settings that libraries read while they are imported.
_TRAVELS = (
    *IMPORT_TIME, "AWS_", "DO_NOT_TRACK", "DVC_", "FI_", "GLOO_", "GOOGLE_", "MLFLOW_", "PATH",
    "PREFECT_", "TORCH", "TP_", "UCX_", "XLGAP_",
)  # fmt: skip
_STAYS = frozenset({PREFORK, "CUDA_VISIBLE_DEVICES", "LD_PRELOAD"})
# What torch says in a rank whose peer is gone (gloo; NCCL; the store of the rendezvous).
_PEER_GONE = ("closed by peer", "reset by peer", "remote process exited", "Broken pipe")


class RankError(XlgapError):
    """What a rank has told, with its exit code; ``adjusted``: the next start does otherwise."""

    def __init__(self, sentence: str, code: int, *, adjusted: bool = False) -> None:
        self.exit_code, self.adjusted = code, adjusted
        super().__init__(sentence)


class RankLostError(TrainingError):
    """A rank was killed from outside: running the stage again goes on from its last checkpoint."""

    exit_code = KILLED


def supervise(launch: Launch, folder: Path) -> None:
    """Run ``launch.command`` to its end.

    Args:
        launch: with a command.
        folder: where ranks leave word; made and removed here.

    Raises:
        Interrupted: a signal asked for a stop.
        RankError: a rank ended with an error, whose sentence it is.
        RankLostError: a rank was killed.
        TrainingError: the launcher failed before there was a rank.
    """
    folder.mkdir(parents=True)
    try:
        environment = {k: v for k, v in os.environ.items() if k != PREFORK}
        environment[ranks.FOLDER] = str(folder.resolve())
        if launch.launcher == "pdsh":
            _write_environment(folder / "environment.json", environment)
            environment = {k: v for k, v in environment.items() if not k.startswith("MLFLOW_")}
        process = subprocess.Popen(
            launch.command, env=environment, start_new_session=True, preexec_fn=_follow
        )
        with _passed_on(launch, process) as stop:
            code = process.wait()
            if stop.count and launch.launcher == "pdsh":
                _wait_for_words(folder)
        outcome = _outcome(launch, folder, code if code >= 0 else 128 - code, stopped=bool(stop.count))
        if outcome is not None:
            raise outcome
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def supervise_again(
    launched: Callable[[], Launch], folder: Path, *, say: Callable[[str], object]
) -> None:
    """:func:`supervise`, once more each time that a rank has noted what the next start does otherwise.

    A rank whose memory has run out cannot tell the others, who wait for it in a step: all end, and the
    next start has half the micro-batch. So it is where all ranks are on this node; of several nodes
    another one would not know.

    Args:
        launched: makes the command of each start, on a port of its own.
        folder: see :func:`supervise`.
        say: is told of each start but the first.

    Raises:
        XlgapError: see :func:`supervise`; the last of :data:`STARTS` times.
    """
    for start in range(1, STARTS + 1):
        launch = launched()
        try:
            supervise(launch, folder)
            return
        except RankError as error:
            if not (error.adjusted and launch.one_node) or start == STARTS:
                raise
            say(f"{error} It is run again here: {start} of {STARTS - 1} times.")


def _wait_for_words(folder: Path) -> None:
    """DeepSpeed's launcher ends at once on a stop, while the ranks on other hosts save their state."""
    end = time.monotonic() + PATIENCE
    while ranks.have_come(folder) - ranks.words(folder).keys() and time.monotonic() < end:
        time.sleep(0.1)


def _follow() -> None:
    """In the launcher: end when this process dies, in whatever way."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGTERM)


def _write_environment(path: Path, environment: Mapping[str, str]) -> None:
    """For this user alone: there may be passwords of stores in it."""
    held = {k: v for k, v in environment.items() if k.startswith(_TRAVELS) and k not in _STAYS}
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(json.dumps(held), encoding="utf8")


class _Stop:
    """Passes a stop on: the first asks each rank for a checkpoint, a second one kills."""

    def __init__(self, launch: Launch, process: subprocess.Popen[bytes]) -> None:
        self.count, self._launch, self._process = 0, launch, process

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count == 1:
            self._ask()
        elif self._launch.launcher in ("slurm", "pdsh"):
            self._process.terminate()
        else:
            for process in self._tree(recursive=True):
                process.kill()
            self._process.kill()

    def _ask(self) -> None:
        if self._launch.launcher == "slurm":
            self._process.send_signal(ranks.STOP)
            return
        # torchrun and DeepSpeed's launcher give the ranks 30 s and kill them: what asks us gives more
        started = [] if self._launch.local is None else self._tree(recursive=False)
        for process in started:
            process.terminate()
        if not started:
            self._process.terminate()

    def _tree(self, *, recursive: bool) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self._process.pid).children(recursive=recursive)
        return []


@contextmanager
def _passed_on(launch: Launch, process: subprocess.Popen[bytes]) -> Iterator[_Stop]:
    """Signals that ask for a stop reach the ranks in this block, but those that are ignored."""
    stop = _Stop(launch, process)
    asked = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
    heard = [n for n in asked if n == signal.SIGTERM or signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _peer_gone(word: ranks.Word) -> bool:
    return any(said in word.sentence for said in _PEER_GONE)


def _outcome(launch: Launch, folder: Path, code: int, *, stopped: bool) -> XlgapError | None:
    """The error that the launcher's end amounts to."""
    if code == 0:
        return None
    told, there = ranks.words(folder), ranks.have_come(folder)
    # what came first says more than what followed from it; an error of ours, more than an exception
    first = min(
        told.values(), key=lambda w: (w.follows or _peer_gone(w), w.code == 1, w.when), default=None
    )
    silent = there - told.keys()
    if first is not None and not (silent and _peer_gone(first)):
        return RankError(first.sentence, first.code, adjusted=first.adjusted)
    if stopped:
        return Interrupted("stopped; run the same command again to go on.")
    if there:
        which = f"process {min(silent)}" if len(silent) == 1 else "a process"
        return RankLostError(
            f"{which} of the training was killed, for want of memory perhaps; run the same command "
            "again, it goes on from the last checkpoint."
        )
    return TrainingError(
        f"{launch.command[0] if launch.launcher == 'slurm' else launch.launcher} ended with exit code "
        f"{code} before a process of the stage ran; what it said stands above."
    )
