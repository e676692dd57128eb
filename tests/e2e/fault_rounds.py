"""A study that something happens to at a random moment, and what is left of it.

A round starts a study, waits until some stages are done, does harm, ends the harm, and runs the study
again until it is done. Then its answers, its lock file and its MLflow runs must be those of a study
that nothing happened to.
"""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml
from checkout import STUDY, Checkout
from fault_services import Mlflow, Prefect, Proxy, Service, running

SMALL: dict[str, Any] = {
    **STUDY,
    "arms": {name: arm for name, arm in STUDY["arms"].items() if name != "inter_de"},
    "tasks": {"lab_nli": STUDY["tasks"]["lab_nli"]},
}
MOMENT = 1.5  # seconds after a stage's end, at most
ATTEMPTS = 3  # to run the study again after a fault
LIMIT = 420.0  # seconds that no run takes
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


@dataclass(frozen=True)
class Left:
    """What a study leaves that does not depend on what happened to it."""

    answers: bytes
    lock: Mapping[str, Any]  # whose stages stand in the order in which they ended
    runs: Mapping[str, Any]

    @classmethod
    def by(cls, checkout: Checkout, database: Path) -> Left:
        """In a checkout, and in the MLflow store of it."""
        folder = checkout.folder
        return cls(
            (folder / "report" / "answers.json").read_bytes(),
            yaml.safe_load((folder / "dvc.lock").read_text()),
            runs_in(database),
        )

    def lost(self, than: Left) -> list[str]:
        """What is not as it was undisturbed, in sentences."""
        found = []
        if self.answers != than.answers:
            found.append("answers.json differs")
        if self.lock != than.lock:
            names = than.lock["stages"].keys() | self.lock["stages"].keys()
            other = [n for n in names if self.lock["stages"].get(n) != than.lock["stages"].get(n)]
            found.append(f"dvc.lock differs: {', '.join(sorted(other)[:5])}")
        for name in sorted(than.runs.keys() | self.runs.keys()):
            mine, whole = self.runs.get(name), than.runs.get(name)
            if mine is None or whole is None:
                found.append(f"run {name} is {'missing' if mine is None else 'one too many'}")
                continue
            for what, want in whole.items():
                if mine[what] != want:
                    found.append(f"run {name}: {what} {_difference(mine[what], want)}")
        return found


def _difference(mine: Any, want: Any) -> str:
    if isinstance(mine, Mapping) and isinstance(want, Mapping):
        keys = [k for k in mine.keys() | want.keys() if mine.get(k) != want.get(k)]
        return "differ: " + ", ".join(f"{k}: {mine.get(k)} for {want.get(k)}" for k in sorted(keys)[:3])
    return f"{mine} for {want}"


def runs_in(database: Path) -> dict[str, Any]:
    """By name: how many current runs, their status, steps of each metric, last values of scores."""
    found: dict[str, Any] = {}
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as store:
        rows = store.execute(
            "select r.run_uuid, n.value, r.status from runs r join tags n on n.run_uuid = r.run_uuid "
            "and n.key = 'mlflow.runName' where r.run_uuid not in "
            "(select run_uuid from tags where key = 'xlgap.superseded')"
        ).fetchall()
        for run, name, status in rows:
            metrics = "select key, count(distinct step) from metrics where run_uuid = ? group by key"
            steps = {k: n for k, n in store.execute(metrics, [run]) if not k.startswith("event_")}
            last = store.execute("select key, value from latest_metrics where run_uuid = ?", [run])
            values = {k: v for k, v in last if k.startswith(("score", "dev_score", "gap", "params_"))}
            tags = dict(store.execute("select key, value from tags where run_uuid = ?", [run]))
            known = found.setdefault(name, {"runs": 0})
            known["runs"] += 1
            known |= {"status": status, "steps": steps, "values": values}
            known["restored"] = tags.get("xlgap.restored")
    return found


@dataclass
class World:
    """Servers, and a checkout in which nothing was computed, for any number of rounds."""

    folder: Path
    fresh: Checkout
    services: Mapping[str, Service]
    proxies: Mapping[str, Proxy] = field(default_factory=dict)
    whole: Left | None = None
    seconds: float = 0.0

    def environment(self) -> dict[str, str]:
        """Of the study's commands: where the servers are, through the proxies."""
        found = {}
        if "mlflow" in self.services:
            found["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{self.proxies['mlflow'].port}"
        if "prefect" in self.services:
            found["PREFECT_API_URL"] = f"http://127.0.0.1:{self.proxies['prefect'].port}/api"
        return found

    def database(self, checkout: Checkout) -> Path:
        """The MLflow store of a checkout."""
        served = self.services.get("mlflow")
        return (served.folder if served else checkout.folder) / "mlflow.db"

    def undisturbed(self) -> None:
        """Run the study once as it should be."""
        began = time.monotonic()
        with self.round("whole", random.Random(0)) as found:
            found.start()
            assert found.ends() == 0, found.said()
            self.seconds = time.monotonic() - began
            self.whole = found.left()

    @contextlib.contextmanager
    def round(self, name: str, rng: random.Random) -> Iterator[Round]:
        """A copy of the checkout to do harm to; it goes afterwards."""
        self._empty_stores()
        folder = self.folder / name
        checkout = self.fresh.copy(folder)
        made = Round(self, checkout, rng)
        try:
            yield made
        finally:
            made.end_all()
            if folder.is_mount():
                subprocess.run(["umount", "--lazy", str(folder)], check=True)
            shutil.rmtree(folder, ignore_errors=True)

    def _empty_stores(self) -> None:
        """Begin with no runs: what earlier rounds left is no part of this one."""
        for service in self.services.values():
            if isinstance(service, Mlflow):
                service.kill()
                for file in service.folder.glob("mlflow.db*"):
                    file.unlink()
                service.start()


@dataclass
class Round:
    """One study, harmed once."""

    world: World
    checkout: Checkout
    rng: random.Random
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """Of the checkout."""
        return self.checkout.folder

    def start(self) -> None:
        """Begin the study."""
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as said:
            self.process = subprocess.Popen(
                ["xlgap", "run", "--workers", "2"],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                start_new_session=True,
                env={**self.checkout.environment, **self.world.environment(), **self.extra},
            )  # fmt: skip

    def said(self) -> str:
        """The end of what its commands wrote."""
        return (self.folder.parent / f"{self.folder.name}.log").read_text(errors="replace")[-3000:]

    def wait(self) -> int:
        """Until a random number of stages are done, and a moment longer; how many were done then."""
        assert self.process is not None
        assert self.world.whole is not None
        stages = self.rng.randrange(len(self.world.whole.lock["stages"]))
        while self.done() < stages and self.process.poll() is None:
            time.sleep(0.05)
        time.sleep(self.rng.uniform(0, MOMENT))
        assert self.process.poll() is None, f"the study ended before the harm: {self.said()}"
        return self.done()

    def done(self) -> int:
        """How many stages have an entry in the lock file."""
        try:
            return len(yaml.safe_load((self.folder / "dvc.lock").read_text())["stages"])
        except (FileNotFoundError, TypeError, yaml.YAMLError):  # not there yet, or being written
            return 0

    def ends(self) -> int:
        """Wait for the study's end; its exit code."""
        assert self.process is not None
        return self.process.wait(timeout=LIMIT)

    def processes(self) -> list[psutil.Process]:
        """All of the study."""
        assert self.process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            me = psutil.Process(self.process.pid)
            return [me, *me.children(recursive=True)]
        return []

    def kill(self, which: Callable[[psutil.Process], bool]) -> bool:
        """SIGKILL one such process of the study, drawn at random; whether there was one."""
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if which(process):
                    found.append(process)
        if not found:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            self.rng.choice(found).kill()
        return True

    def kill_soon(self, which: Callable[[psutil.Process], bool]) -> None:
        """Kill the first one from now on that there is."""
        while not self.kill(which):
            assert self.process is not None
            if self.process.poll() is not None:
                return
            time.sleep(0.02)

    def left(self) -> Left:
        """What the study left."""
        return Left.by(self.checkout, self.world.database(self.checkout))

    def stuck(self) -> list[str]:
        """Locks that nobody holds any more and that stop others."""
        found = []
        done = self.checkout.run("dvc", "status", "--json", check=False, timeout=120)
        if done.returncode != 0 or json.loads(done.stdout or "{}"):
            found.append(f"dvc status: {done.stdout[-300:]}{done.stderr[-300:]}")
        held = self.folder / ".dvc" / "tmp" / "rwlock"
        entries = json.loads(held.read_text() or "{}") if held.is_file() else {}
        for path, holders in (pair for kind in entries.values() for pair in kind.items()):
            for one in holders if isinstance(holders, list) else [holders]:
                if psutil.pid_exists(one["pid"]):  # DVC takes no notice of the dead
                    found.append(f"{held.name}: {path} is held by {one}")
        return found

    def end_all(self) -> None:
        """Leave no process behind."""
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self.process is not None:
            self.process.wait()


@dataclass(frozen=True)
class Found:
    """How a round ended.

    Attributes:
        stages: how many were done when the harm began.
        at: seconds after the study's start at which it began.
        code: the exit code of the disturbed run.
        again: how often it was run again until it was done.
        lost: what is not as it should be.
    """

    stages: int
    at: float
    code: int
    again: int
    lost: list[str]


def one_round(world: World, fault: Fault, seed: int) -> Found:
    """Do harm once, at a moment that ``seed`` says."""
    assert world.whole is not None
    rng = random.Random(f"{fault.name} {seed}")
    with world.round(f"{fault.name}-{seed}", rng) as study:
        if fault.before is not None:
            study.extra |= fault.before(study)
        began = time.monotonic()
        study.start()
        stages = study.wait()
        at = time.monotonic() - began
        try:
            fault.harm(study)
        finally:
            code = study.ends()
        again = 0
        while code != 0 or again == 0:
            if again == ATTEMPTS:
                return Found(stages, at, code, again, [f"still exit code {code}: {study.said()}"])
            again += 1
            study.extra.clear()
            study.start()
            code = study.ends()
        return Found(stages, at, code, again, [*study.left().lost(world.whole), *study.stuck()])


@dataclass(frozen=True)
class Fault:
    """Harm to a study that runs.

    Attributes:
        name: short.
        what: is done, for a table.
        harm: does it, and undoes what does not end by itself.
        before: makes the study harmable; more of its environment.
        needs: services.
    """

    name: str
    what: str
    harm: Callable[[Round], None]
    before: Callable[[Round], dict[str, str]] | None = None
    needs: frozenset[str] = frozenset()


@contextlib.contextmanager
def world(folder: Path, needs: frozenset[str]) -> Iterator[World]:
    """A study run once, undisturbed, with the servers that faults need, behind proxies."""
    made: dict[str, Service] = {}
    for name, kind in (("mlflow", Mlflow), ("prefect", Prefect)):
        if name in needs:
            made[name] = kind(folder / name)
    with running(*made.values()):
        proxies = {name: Proxy(service.port) for name, service in made.items()}
        fresh = Checkout.make(folder / "fresh", SMALL)
        found = World(folder / "rounds", fresh, made, proxies)
        found.folder.mkdir()
        found.undisturbed()
        yield found
