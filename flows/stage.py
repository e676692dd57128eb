"""One stage of the graph: ``dvc --wait-for-lock repro --single-item STAGE`` with its own log.

As a program (``python flows/stage.py FD [OPTIONS] STAGE``, where FD is a pipe that the flow holds
open, or :func:`main` in a child of the pre-fork server) this file is DVC's own command line, with a
quicker way to its lock file (``lockfile.py``) and an exit code for failures that a second attempt can
heal. Of studies on several machines it also moves inputs and results (``transfer.py``).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import lockfile
import transfer
from plan import Stage
from slots import slots_of
from xlgap import prefork
from xlgap.errors import XlgapError

LOGS = Path("journal", "logs")
CHECKPOINTS, MANIFEST = "scratch", "rank0.json"  # which a training's first process writes last
TRANSIENT = 75  # EX_TEMPFAIL of sysexits.h: killed from outside
HELD = 76  # another command of DVC works on the same files
ABSENT = 77  # nobody has run the stage on these inputs
HELD_SECONDS = 2.0  # until the next attempt
STOPPED = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})  # someone wanted the stage to end
POLITE_SECONDS, FIRM_SECONDS = 23.0, 4.0  # after SIGINT, SIGTERM; a worker kills a flow after 30


class StageFailedError(RuntimeError):
    """A stage ended with a non-zero exit code.

    Attributes:
        name: the stage.
        code: its exit code.
        last: the last lines of its log.
        log: where the whole log is.
        moved: whether a training of the study completed a checkpoint meanwhile.
        limit: the seconds that it may take, where it was stopped for having taken more.
    """

    def __init__(
        self,
        name: str,
        code: int,
        last: Sequence[str],
        log: Path,
        *,
        moved: bool = False,
        limit: float | None = None,
    ) -> None:
        self.name, self.code, self.last, self.log = name, code, tuple(last), log
        self.moved, self.limit = moved, limit
        super().__init__(f"stage '{name}' failed with exit code {code}: {self.reason}")

    @property
    def transient(self) -> bool:
        """Whether another attempt can heal it."""
        return self.code == TRANSIENT and self.limit is None

    @property
    def reason(self) -> str:
        """The line of the log that says most: the command's last one, or DVC's where it has none."""
        if self.limit is not None:
            return f"it was stopped after {self.limit:.0f} seconds, the most that it may take"
        told = [line.strip() for line in self.last if line.strip()]
        of_command = [line for line in told if not _of_dvc(line)]
        if told and "failed to run:" in told[-1] and of_command:
            return of_command[-1]
        return told[-1] if told else "it wrote nothing"


@dataclass
class Stages:
    """Runs stages in one directory, each as a process group of its own, and can stop them all.

    Attributes:
        directory: the study's directory.
        socket: of the pre-fork server, or None.
        limits: the most seconds that stages may take; one that is not named takes as long as it needs.
        options: of :func:`main`, for every stage.
    """

    directory: Path
    socket: str | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    _lifeline: tuple[int, int] = field(default_factory=os.pipe)
    _running: dict[str, prefork.Remote | subprocess.Popen[bytes]] = field(default_factory=dict)
    _late: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: bool = False

    def run(self, name: str, *, again: bool = False) -> float:
        """Run a stage to its end; while another command of DVC works on its files, wait for that.

        Args:
            name: the stage.
            again: run its command even where nothing changed.

        Returns:
            The seconds that it took.

        Raises:
            StageFailedError: it failed, took longer than it may, or :meth:`stop` ended it.
        """
        began, known = time.monotonic(), self._checkpoints()
        code, log = self._code(name, *self.options, *(["--force"] if again else [])), self.log(name)
        if code != 0:
            late = self.limits[name] if name in self._late else None
            moved = not self._checkpoints() <= known
            raise StageFailedError(name, code, tail(log), log, moved=moved, limit=late)
        return time.monotonic() - began

    def restore(self, name: str) -> bool:
        """Take a stage's result from where it ran; False where nobody has run it on these inputs.

        Raises:
            StageFailedError: it is there and could not be taken.
        """
        code = self._code(name, "--restore")
        if code not in {0, ABSENT}:
            raise StageFailedError(name, code, tail(self.log(name)), self.log(name))
        return code == 0

    def slots(self, stage: Stage) -> list[str]:
        """What a stage takes of the slots that a Prefect server hands out."""
        return slots_of(stage)

    def _code(self, name: str, *options: str) -> int:
        """Run a stage, again while another command of DVC works on its files; its exit code."""
        log = self.log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        with self._limited(name):
            while (code := self._run(name, (*options, name), log)) == HELD and name not in self._late:
                time.sleep(HELD_SECONDS)
        return code

    def log(self, name: str) -> Path:
        """The file with what a stage says."""
        return self.directory / LOGS / f"{name.replace('/', '_')}.log"

    @contextlib.contextmanager
    def _limited(self, name: str) -> Iterator[None]:
        """Stop a stage that takes longer than it may."""
        seconds = self.limits.get(name)
        if seconds is None:
            yield
            return
        self._late.discard(name)
        timer = threading.Timer(seconds, self._end_late, (name,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end_late(self, name: str) -> None:
        self._late.add(name)
        self._end(lambda: [p for n, p in list(self._running.items()) if n == name])

    def _checkpoints(self) -> set[tuple[str, int]]:
        """Those that are there, by their manifests and when these were written."""
        found = set()
        for folder, _, names in os.walk(self.directory / CHECKPOINTS):  # which may go meanwhile
            if MANIFEST in names:
                with contextlib.suppress(FileNotFoundError):
                    found.add((folder, Path(folder, MANIFEST).stat().st_mtime_ns))
        return found

    def _run(self, name: str, words: Sequence[str], log: Path) -> int:
        with self._lock, log.open("wb") as out:
            if self._stopping:
                return 128 + signal.SIGINT
            process = self._running[name] = self._start(words, out.fileno())
        try:
            return process.wait()
        except ConnectionError:
            return TRANSIENT
        finally:
            with self._lock:
                del self._running[name]

    def _start(self, words: Sequence[str], out: int) -> prefork.Remote | subprocess.Popen[bytes]:
        here = Path(__file__).resolve()
        with Path(os.devnull).open("rb") as nothing:
            if self.socket is not None:
                remote = prefork.start(
                    self.socket,
                    words,
                    entry=f"{here.stem}:main",
                    path=str(here.parent),
                    cwd=str(self.directory),
                    streams=(nothing.fileno(), out, out),
                )
                if remote is not None:
                    return remote
            return subprocess.Popen(
                [sys.executable, str(here), str(self._lifeline[0]), *words],
                cwd=self.directory,
                stdin=nothing,
                stdout=out,
                stderr=out,
                start_new_session=True,
                pass_fds=self._lifeline[:1],
            )

    def close(self) -> None:
        """Let go of what stages hold on to; none may be running."""
        for end in self._lifeline:
            os.close(end)

    def stop(self) -> None:
        """End all running stages: ask (checkpoints are written), then insist; start no new one."""
        with self._lock:
            self._stopping = True
        self._end(lambda: list(self._running.values()))

    def _end(self, processes: Callable[[], list[prefork.Remote | subprocess.Popen[bytes]]]) -> None:
        """Signal what ``processes`` finds until it finds nothing."""
        for number, seconds in ((signal.SIGINT, POLITE_SECONDS), (signal.SIGTERM, FIRM_SECONDS)):
            self._signal(processes, number)
            end = time.monotonic() + seconds
            while processes() and time.monotonic() < end:
                time.sleep(0.05)
        self._signal(processes, signal.SIGKILL)

    def _signal(
        self, processes: Callable[[], list[prefork.Remote | subprocess.Popen[bytes]]], number: int
    ) -> None:
        with self._lock:
            for process in processes():
                if isinstance(process, prefork.Remote):
                    process.signal_group(number)
                else:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, number)


def tail(log: Path, lines: int = 12) -> list[str]:
    """The last lines of a log."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16384))
        return file.read().decode("utf8", errors="replace").splitlines()[-lines:]


def _of_dvc(line: str) -> bool:
    return line.startswith(("Running stage ", "> ", "ERROR: failed to reproduce"))


class _Cause(logging.Handler):
    """Remembers the exception with which DVC's command line ended."""

    error: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the exception of an error message."""
        if record.exc_info:
            self.error = record.exc_info[1]


def main(argv: Sequence[str]) -> int:
    """``dvc --wait-for-lock repro --single-item [--force] STAGE``, and what travels before and after.

    Args:
        argv: the stage, after options: ``--inputs=FILE``, have the outs in the workspace whose entries
            of ``dvc.lock`` are in a JSON file; ``--restore``, run nothing, but take the result of a run
            elsewhere; ``--push``, bring the result to the remote; ``--force``, DVC's own.

    Returns:
        DVC's exit code, :data:`HELD`, :data:`ABSENT` where nothing can be restored, or
        :data:`TRANSIENT` when a second attempt can heal the failure.
    """
    from dvc.lock import LockError

    *options, name = argv
    lockfile.install()
    inputs = next((o.partition("=")[2] for o in options if o.startswith("--inputs=")), None)
    try:
        if inputs is not None:
            _take_inputs(Path(inputs))
        if "--restore" in options and not _restorable(name):
            return ABSENT
        code = _repro(["--force", name] if "--force" in options else [name])
        if code == 0 and "--push" in options:
            _push(name)
    except LockError:
        return HELD
    except (OSError, XlgapError) as error:  # of the remote, above all: its network, its disk
        print(f"error: {error}", file=sys.stderr)
        return TRANSIENT
    return code


def _take_inputs(file: Path) -> None:
    from dvc.repo import Repo

    wanted = json.loads(file.read_bytes())
    with Repo(".", _wait_for_lock=True) as repo:
        transfer.accept(repo, Path(), wanted)
        transfer.pull(repo, wanted)


def _restorable(name: str) -> bool:
    from dvc.repo import Repo

    with Repo(".", _wait_for_lock=True) as repo:
        return transfer.restorable(repo, name)


def _push(name: str) -> None:
    from dvc.repo import Repo

    with Repo(".", _wait_for_lock=True) as repo:
        transfer.push(repo, [name])


def _repro(words: Sequence[str]) -> int:
    """DVC's command line, in this process."""
    from dvc.cli import main as dvc

    cause = _Cause()
    logger = logging.getLogger("dvc")
    logger.addHandler(cause)
    try:
        code = int(dvc(["--wait-for-lock", "repro", "--single-item", *words]))
    finally:
        logger.removeHandler(cause)
    return _kind(cause.error) or code if code else 0


def _kind(error: BaseException | None) -> int | None:
    """The exit code for a held lock, or where another attempt may do better.

    A stage says that itself, or was ended by a signal that nobody sent to stop it.
    """
    from dvc.lock import LockError
    from dvc.stage.exceptions import StageCmdFailedError

    while error is not None:
        if isinstance(error, LockError):
            return HELD
        if isinstance(error, StageCmdFailedError):
            status = int(str(error).rpartition("exited with ")[2] or 0)
            if status == TRANSIENT:  # it says so itself, see xlgap.errors
                return TRANSIENT
            number = -status if status < 0 else status - 128
            return TRANSIENT if number > 0 and number not in STOPPED else None
        error = error.__cause__ or error.__context__
    return None


def _follow(lifeline: int) -> None:
    """End this process and the command that it runs when the flow that holds the pipe is gone."""
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_follow, args=(int(sys.argv[1]),), daemon=True).start()
    sys.exit(main(sys.argv[2:]))
