"""A study that something happens to at a random moment, and what is left of it.

A round starts a study, waits until some stages are done, does harm, ends the harm, and runs the study
again until it is done. Then its answers, its lock file and its MLflow runs, here and at the server,
must be those of a study that nothing happened to.
"""

from __future__ import annotations

import compileall
import contextlib
import random
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from checkout import ROOT, STUDY, Checkout
from fault_carriers import Carrier, Command, Deployment, Machines
from fault_left import Left, Store, stuck
from fault_services import Servers, end_below, servers
from mlflow.tracking import MlflowClient

SMALL: dict[str, Any] = {
    **STUDY,
    "models": {"one": STUDY["models"]["one"]},
    "arms": {name: STUDY["arms"][name] for name in ("direct_en", "inter_en")},
    "tasks": {"lab_nli": STUDY["tasks"]["lab_nli"]},
    "pretrain": {**STUDY["pretrain"], "tokens": 4_000},
}
STAGE = re.compile(r"^  \S.*:$", re.MULTILINE)  # of dvc.lock
MOMENT = 1.5  # seconds after a stage's end, at most
ATTEMPTS = 3  # to run the study again after a fault


@dataclass
class World:
    """Servers, and a checkout in which nothing was computed, for any number of rounds.

    Attributes:
        folder: for the copies of rounds.
        fresh: the checkout.
        clones: of it, where the study runs on several machines.
        needs: what it was made for, see :func:`world`.
        servers: those that run.
        whole: what the undisturbed study left.
        seconds: that it took.
    """

    folder: Path
    fresh: Checkout
    clones: tuple[Checkout, ...]
    needs: frozenset[str]
    servers: Servers
    whole: Left | None = None
    seconds: float = 0.0
    _used: int = 0

    def undisturbed(self) -> None:
        """Run the study once as it should be."""
        began = time.monotonic()
        with self.round("whole", random.Random(0)) as found:
            found.carrier.start()
            assert found.carrier.ends() == 0, found.carrier.said()
            self.seconds = time.monotonic() - began
            lost = found.synced()
            assert not lost, lost
            self.whole = found.left()

    @contextlib.contextmanager
    def round(self, name: str, rng: random.Random) -> Iterator[Round]:
        """A copy of the checkout to do harm to; it goes afterwards, with all that works in it."""
        self._empty_server()
        folder = self.folder / name
        checkout = self.fresh.copy(folder / "study")
        clones = [one.copy(folder / f"clone{n}") for n, one in enumerate(self.clones)]
        self._used += 1
        for one in (checkout, *clones):
            self._has_remote(one, f"s3://dvc/{self._used}")
        known = self.servers.environment
        carrier: Carrier
        if clones:
            carrier = Machines(checkout, known, self.servers.prefect, clones)
        elif "worker" in self.needs:
            carrier = Deployment(checkout, known, self.servers.prefect)
        else:
            carrier = Command(checkout, known)
        try:
            yield Round(self, checkout, clones, carrier, rng)
        finally:
            carrier.close()
            end_below(folder)
            if checkout.folder.is_mount():
                subprocess.run(["umount", "--lazy", str(checkout.folder)], check=True)
            shutil.rmtree(folder, ignore_errors=True)

    def _has_remote(self, checkout: Checkout, address: str) -> None:
        """A place of the S3 store for this round alone."""
        s3: Any = self.servers.by_name.get("s3")
        if s3 is not None:
            (checkout.folder / ".dvc" / "config.local").write_text(
                "[core]\n    remote = s3\n"
                f"['remote \"s3\"']\n    url = {address}\n    endpointurl = {s3.endpoint}\n"
                f"    access_key_id = {s3.key}\n    secret_access_key = {s3.secret}\n"
            )

    def _empty_server(self) -> None:
        """Begin with no runs: what earlier rounds left stands under another name."""
        if "mlflow" in self.servers.by_name:
            client = MlflowClient(f"http://127.0.0.1:{self.servers.by_name['mlflow'].port}")
            found = client.get_experiment_by_name(f"xlgap/{self.fresh.params['study']['name']}")
            if found is not None:
                client.rename_experiment(found.experiment_id, f"round {found.experiment_id}")


@dataclass
class Round:
    """One study, harmed once.

    Attributes:
        world: where.
        checkout: of the study; of several machines, the coordinator's.
        clones: of the other machines.
        carrier: what carries it out.
        rng: draws moments and victims.
    """

    world: World
    checkout: Checkout
    clones: list[Checkout]
    carrier: Carrier
    rng: random.Random

    @property
    def folder(self) -> Path:
        """Of the checkout."""
        return self.checkout.folder

    def wait(self) -> int:
        """Until a random number of stages are done, and a moment longer; how many were done then."""
        assert self.world.whole is not None
        stages = self.rng.randrange(len(self.world.whole.lock["stages"]) - 1)
        while self.done() < stages and self.carrier.running():
            time.sleep(0.1)
        time.sleep(self.rng.uniform(0, MOMENT))
        return self.done()

    def done(self) -> int:
        """How many stages have an entry in the lock file."""
        try:
            return len(STAGE.findall((self.folder / "dvc.lock").read_text()))
        except FileNotFoundError:
            return 0

    def kill(self, which: Callable[[psutil.Process], bool]) -> bool:
        """SIGKILL one such process of the study, drawn at random; whether there was one."""
        found = []
        for process in self.carrier.processes():
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
        while self.carrier.running() and not self.kill(which):
            time.sleep(0.02)

    def synced(self) -> list[str]:
        """Have the server get all runs; what it says where it does not."""
        if "mlflow" not in self.world.servers.by_name:
            return []
        known = self.world.servers.environment
        done = [one.xlgap("sync", check=False, **known) for one in (self.checkout, *self.clones)]
        return [f"xlgap sync: {one.stderr[-300:]}" for one in done if one.returncode != 0]

    def left(self) -> Left:
        """What the study left: on several machines the server has the runs of all."""
        stores, server = {}, self.world.servers.store
        if not self.clones:
            url = f"sqlite:///{self.folder}/mlflow.db"
            stores["here"] = Store(url, self.folder / "mlartifacts")
        if server is not None:
            stores["server"] = server
        return Left.by(self.folder, stores)


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


@dataclass(frozen=True)
class Fault:
    """Harm to a study that runs.

    Attributes:
        name: short.
        what: is done, for a table.
        harm: does it, and undoes what does not end by itself.
        before: makes the study harmable; more of its environment.
        needs: of the world, see :func:`world`.
    """

    name: str
    what: str
    harm: Callable[[Round], None]
    before: Callable[[Round], dict[str, str]] | None = None
    needs: frozenset[str] = frozenset({"prefect", "mlflow"})


def one_round(world: World, fault: Fault, seed: int) -> Found:
    """Do harm once, at a moment that ``seed`` says."""
    assert world.whole is not None
    rng = random.Random(f"{fault.name} {seed}")
    with world.round(f"{fault.name}-{seed}", rng) as study:
        extra = {} if fault.before is None else fault.before(study)
        began = time.monotonic()
        study.carrier.start(**extra)
        stages = study.wait()
        at = time.monotonic() - began
        try:
            assert study.carrier.running(), f"it ended before the harm: {study.carrier.said()}"
            fault.harm(study)
        finally:
            code = study.carrier.ends()
        for again in range(1, ATTEMPTS + 1):  # noqa: B007
            study.carrier.start()
            if study.carrier.ends() == 0:
                break
        else:
            said = f"it was run {again} times again and still fails: {study.carrier.said()}"
            return Found(stages, at, code, again, [said])
        lost = [*study.synced(), *study.left().lost(world.whole), *stuck(study.checkout)]
        return Found(stages, at, code, again, lost)


@contextlib.contextmanager
def world(folder: Path, needs: frozenset[str], whole: Left | None = None) -> Iterator[World]:
    """A study run once, undisturbed, with what faults need.

    Args:
        folder: for all of it.
        needs: servers (``prefect``, ``mlflow``, ``postgres`` for both, ``s3``), ``network``: proxies
            before them; ``worker``: a deployment carries the study out; ``machines``: on several.
        whole: what it leaves undisturbed, where that is known.
    """
    fresh = Checkout.make(folder / "fresh", SMALL)
    shutil.copy(ROOT / "prefect.yaml", fresh.folder)
    shutil.copytree(ROOT / "launch", fresh.folder / "launch")
    fresh.commit("deployments")
    for one in ("src", "flows"):
        compileall.compile_dir(fresh.folder / one, quiet=2)  # once, not in every copy
    clones: tuple[Checkout, ...] = ()
    if "machines" in needs:
        clones = _clones(folder, fresh)
    known = {**fresh.environment, "AWS_EC2_METADATA_DISABLED": "true"}
    with servers(folder, needs, known) as started:
        if "worker" in needs:
            Deployment.prepare(started.prefect, fresh)
        found = World(folder / "rounds", fresh, clones, needs, started, whole)
        found.folder.mkdir()
        if whole is None:
            found.undisturbed()
        yield found


def _clones(folder: Path, fresh: Checkout) -> tuple[Checkout, ...]:
    """Two clones of a checkout, which all have one git remote."""
    origin = folder / "origin.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(fresh.folder), str(origin)], check=True)
    fresh.git("remote", "add", "origin", str(origin))
    fresh.git("push", "-q", "--set-upstream", "origin", "main")
    made = [folder / name for name in ("one", "two")]
    for one in made:
        subprocess.run(["git", "clone", "-q", str(origin), str(one)], check=True)
    return tuple(Checkout(one) for one in made)
