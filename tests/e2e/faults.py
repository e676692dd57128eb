"""Trainings that tests do harm to, from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from xlgap.errors import Interrupted

PROGRAM = Path(__file__).parents[1] / "programs" / "fault_training.py"
MALLOC = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536"}
LIMIT = 120.0  # seconds that nothing here takes


class Server:
    """Starts trainings fast, see ``tests/programs/fault_training.py``."""

    def __init__(self) -> None:
        read, write = os.pipe()
        self._answers = os.fdopen(read)
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), "--serve", str(write)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[write],
            text=True,
            # freed memory leaves the address space, which a test limits
            env={**os.environ, "OMP_NUM_THREADS": "1", **MALLOC},
        )
        os.close(write)

    def ask(self, **request: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._answers.readline())

    def start(self, folder: Path, *words: str, ranks: int = 1) -> Training:
        """Train in ``folder``; of several ranks none is watched by a launcher."""
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        pids = [
            self.ask(
                folder=str(folder),
                words=words,
                environment={
                    "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(ranks),
                    "LOCAL_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
                }
                if ranks > 1
                else {},
            )
            for rank in range(ranks)
        ]  # fmt: skip
        return Training(self, folder, pids)

    def store(self, folder: Path) -> None:
        """Give ``folder`` an MLflow store without runs."""
        folder.mkdir(parents=True, exist_ok=True)
        self.ask(store=str(folder))

    def run(self, folder: Path, *words: str, ranks: int = 1) -> dict[str, Any]:
        """Train to the end; what was found."""
        training = self.start(folder, *words, ranks=ranks)
        assert training.codes() == [0] * ranks, training.said()
        return training.facts()

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=LIMIT)


@dataclass
class Training:
    """One that runs, or has run."""

    server: Server
    folder: Path
    pids: list[int]

    def kill(self, number: signal.Signals, *, rank: int = 0) -> None:
        os.kill(self.pids[rank], number)

    def code(self, rank: int, *, seconds: float = LIMIT) -> int | None:
        found: int | None = self.server.ask(wait=self.pids[rank], seconds=seconds)
        return found

    def codes(self) -> list[int | None]:
        return [self.code(rank) for rank in range(len(self.pids))]

    def said(self, rank: int = 0) -> str:
        path = self.folder / f"said{rank}"
        return path.read_text() if path.is_file() else ""

    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "facts.json").read_text())
        return found

    def until(self, happened: Callable[[], object]) -> None:
        end = time.monotonic() + LIMIT
        while not happened():
            assert time.monotonic() < end, self.said()
            time.sleep(0.005)

    def until_step(self, step: int) -> None:
        """Wait for a complete checkpoint of that step or a later one."""
        self.until(lambda: max(written(self.folder), default=0) >= step)

    def stop(self, *, rank: int = 0) -> None:
        """Stop it as a scheduler does."""
        self.kill(signal.SIGTERM, rank=rank)
        assert set(self.codes()) == {Interrupted.exit_code}, self.said()
        assert "the state is saved, run the same command again" in self.said()


def written(folder: Path) -> list[int]:
    """Steps of the checkpoints that look complete from outside."""
    manifests = (folder / "scratch").glob("step*/rank0.json")
    return [int(path.parent.name.removeprefix("step")) for path in manifests]


@contextmanager
def small_disk(place: Path, *, kilobytes: int) -> Iterator[None]:
    """A file system of that size in ``place``; skips the test where this user may not mount one."""
    place.mkdir(parents=True)
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
    with suppress(FileNotFoundError):
        if subprocess.run(mounted, capture_output=True, check=False).returncode == 0:
            try:
                yield
            finally:
                subprocess.run(["umount", "-l", str(place)], check=True)
            return
    pytest.skip("this user may not mount a tmpfs")


def runs(folder: Path) -> list[tuple[str, str]]:
    """Id and status of the MLflow runs."""
    with sqlite3.connect(folder / "mlflow.db") as store:
        return list(store.execute("select run_uuid, status from runs"))


def tags(folder: Path) -> dict[str, str]:
    """The tags that say what happened."""
    with sqlite3.connect(folder / "mlflow.db") as store:
        found = store.execute("select key, value from tags where key like 'xlgap.event.%'")
        return {key.removeprefix("xlgap.event."): value for key, value in found}


def told(folder: Path) -> dict[str, set[int]]:
    """The steps of which the store has figures, by the figures' names, of all its runs."""
    found: dict[str, set[int]] = defaultdict(set)
    with sqlite3.connect(folder / "mlflow.db") as store:
        for key, step in store.execute("select key, step from metrics"):
            found[key].add(step)
    return found


def loss_of(found: dict[str, Any]) -> list[float | None]:
    """By step, in order."""
    return [found["losses"][key] for key in sorted(found["losses"], key=int)]
