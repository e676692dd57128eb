"""What carries a study out: a command, a deployment's worker, workers on several machines."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import psutil
from checkout import Checkout
from prefect_server import FINAL, PREFECT, PrefectServer

LIMIT = 420.0  # seconds that no run takes
SILENCE = 60  # seconds without a heartbeat after which a flow run is crashed; they come every 30


class Carrier(ABC):
    """Starts a study, again and again, and knows whether it has ended."""

    @abstractmethod
    def start(self, **environment: str) -> None:
        """Begin the study, with more variables."""

    @abstractmethod
    def running(self) -> bool:
        """Whether it has not ended."""

    @abstractmethod
    def ends(self) -> int:
        """Wait for its end; its exit code."""

    @abstractmethod
    def processes(self) -> list[psutil.Process]:
        """All of it, on all machines."""

    @abstractmethod
    def said(self) -> str:
        """The end of what it wrote."""

    @abstractmethod
    def close(self) -> None:
        """End it."""


class Command(Carrier):
    """``xlgap run``."""

    def __init__(self, checkout: Checkout, known: Mapping[str, str]) -> None:
        self._checkout, self._known = checkout, known
        self._log = checkout.folder.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        with self._log.open("ab") as said:
            self._process = subprocess.Popen(
                ["xlgap", "run", "--workers", "2"], cwd=self._checkout.folder,
                stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
                env={**self._checkout.environment, **self._known, **environment},
            )  # fmt: skip

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ends(self) -> int:
        assert self._process is not None
        return self._process.wait(timeout=LIMIT)

    def processes(self) -> list[psutil.Process]:
        return [] if self._process is None else family(self._process.pid)

    def said(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]

    def close(self) -> None:
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self._process is not None:
            self._process.wait()


class Deployment(Carrier):
    """The deployment ``study/study``, carried out by a worker in the checkout."""

    asked: Mapping[str, Any] = {"workers": 2}

    def __init__(
        self, checkout: Checkout, known: Mapping[str, str], server: PrefectServer | None
    ) -> None:
        assert server is not None
        self._checkout, self._known, self._server = checkout, known, server
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self._run: str | None = None

    @staticmethod
    def prepare(server: PrefectServer | None, checkout: Checkout) -> None:
        """Have a server know the deployments."""
        assert server is not None
        silence = ("--silence", str(SILENCE))
        server.command(
            sys.executable, "flows/provision.py", "--no-slots", *silence, cwd=checkout.folder
        )
        server.command(*PREFECT, "deploy", "--all", cwd=checkout.folder)

    def start(self, **environment: str) -> None:
        self.start_workers(**environment)
        self._run = self._server.run_deployment("study/study", **self.asked)

    def start_workers(self, **environment: str) -> None:
        """Start the worker, unless it is there."""
        self._worker("coordinator", self._checkout, **environment)

    def _worker(self, name: str, checkout: Checkout, *words: str, **environment: str) -> None:
        known = self.workers.get(name)
        if known is not None and known.poll() is None:
            return
        more = {**self._known, **environment, "PYTHONPATH": str(checkout.folder / "src")}
        self.workers[name] = self._server.worker(checkout.folder, name, *words, **more)

    def running(self) -> bool:
        return self._run is not None and self._server.state(self._run)["type"] not in FINAL

    def ends(self) -> int:
        assert self._run is not None
        return int(self._server.until_final(self._run, seconds=LIMIT)["type"] != "COMPLETED")

    def processes(self) -> list[psutil.Process]:
        return [one for worker in self.workers.values() for one in family(worker.pid)]

    def said(self) -> str:
        state = None if self._run is None else self._server.state(self._run)["message"]
        return f"{state}\n{self._server.said()}"[-3000:]

    def close(self) -> None:
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self.running():  # or the next run of the deployment waits for this one
            cancelled = {"type": "CANCELLED", "message": "its round is over"}
            self._server.post(f"flow_runs/{self._run}/set_state", state=cancelled, force=True)


class Machines(Deployment):
    """The same, with trainings in clones that have workers of their own."""

    asked: Mapping[str, Any] = {"workers": 2, "spread": True}

    def __init__(
        self,
        checkout: Checkout,
        known: Mapping[str, str],
        server: PrefectServer | None,
        clones: Sequence[Checkout],
    ) -> None:
        super().__init__(checkout, known, server)
        self._clones = clones

    def start_workers(self, **environment: str) -> None:
        super().start_workers(**environment)
        for clone in self._clones:
            words = ("--pool", "xlgap-stages", "--limit", "1")
            self._worker(clone.folder.name, clone, *words, **environment)


def family(pid: int) -> list[psutil.Process]:
    """A process and all beneath it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        me = psutil.Process(pid)
        return [me, *me.children(recursive=True)]
    return []
