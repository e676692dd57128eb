"""What can happen to a study, and how it ends where it does not end by itself."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import yaml
from fault_carriers import Deployment, family
from fault_rounds import Fault, Round

MEGABYTE = 2**20
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


def _words(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


def is_flow(process: psutil.Process) -> bool:
    """The coordinator."""
    words = _words(process)
    return "grid.py" in words or "prefect.engine" in words


def is_server(process: psutil.Process) -> bool:
    """What forks the commands."""
    parent = process.parent()
    return "xlgap.prefork.server" in _words(process) and parent is not None and is_flow(parent)


def _forked(process: psutil.Process) -> bool:
    parent = process.parent()
    return parent is not None and "xlgap.prefork.server" in _words(process) and is_server(parent)


def is_stage(process: psutil.Process) -> bool:
    """DVC, at work on a stage: it has started the stage's command."""
    return _forked(process) and bool(process.children())


def is_command(process: psutil.Process) -> bool:
    """What a stage has started: a training, a preparation, a report."""
    return _forked(process) and not process.children()


def killed(which: Callable[[psutil.Process], bool]) -> Callable[[Round], None]:
    """Kill one such process as soon as there is one."""
    return lambda study: study.kill_soon(which)


def service_killed(name: str) -> Callable[[Round], None]:
    """Kill a server with all its processes; it is back after one to six seconds."""

    def harm(study: Round) -> None:
        service = study.world.servers.by_name[name]
        service.stop(signal.SIGKILL)
        time.sleep(study.rng.uniform(1, 6))
        service.start()

    return harm


def worker_killed(study: Round) -> None:
    """Kill the worker of a deployment alone; the next run has a new one."""
    _deployment(study).workers["coordinator"].kill()


def machine_lost(study: Round) -> None:
    """Kill the worker of a clone that carries out a stage, or all its processes; it comes back."""
    carrier = _deployment(study)
    clones = [name for name in carrier.workers if name != "coordinator"]
    while carrier.running():
        busy = [name for name in clones if any(map(is_flow, _living(carrier, name)))]
        if busy:
            break
        time.sleep(0.1)
    else:
        return
    found = _living(carrier, study.rng.choice(busy))
    if study.rng.random() < 0.5:
        found = [p for p in found if "worker" in _words(p)]
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    time.sleep(study.rng.uniform(1, 6))
    carrier.start_workers()


def _living(carrier: Deployment, name: str) -> list[psutil.Process]:
    found = []
    for process in family(carrier.workers[name].pid):
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            if process.cmdline():
                found.append(process)
    return found


def _deployment(study: Round) -> Deployment:
    assert isinstance(study.carrier, Deployment)
    return study.carrier


def slow(study: Round) -> None:
    """Half a second for every packet to the servers and back, for ten seconds."""
    for proxy in study.world.servers.proxies.values():
        proxy.seconds = 0.5
    time.sleep(10)
    for proxy in study.world.servers.proxies.values():
        proxy.seconds = 0.0


def refusing(study: Round) -> None:
    """No connection to any server for one to eight seconds."""
    for proxy in study.world.servers.proxies.values():
        proxy.cut()
    time.sleep(study.rng.uniform(1, 8))
    for proxy in study.world.servers.proxies.values():
        proxy.refuses = False


def small_disk(study: Round) -> dict[str, str]:
    """Move the checkout to a small file system of its own."""
    kept = study.folder.with_name(study.folder.name + "-kept")
    study.folder.rename(kept)
    study.folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(study.folder)], check=True)
    shutil.copytree(kept, study.folder, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(kept)
    return {}


def full_disk(study: Round) -> None:
    """Nothing can be written any more for two to ten seconds."""
    ballast = study.folder / ".ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * MEGABYTE)
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0")
    time.sleep(study.rng.uniform(2, 10))
    ballast.unlink()


def second_run(study: Round) -> None:
    """Another person runs the study in the same checkout."""
    known = study.world.servers.environment
    other = study.checkout.xlgap("run", "--workers", "2", check=False, timeout=400, **known)
    said = other.stdout + other.stderr
    if other.returncode != 0 and "another run of the study" not in said:
        raise AssertionError(f"the second run ended with {other.returncode}: {said[-2000:]}")


def faked_clock(study: Round) -> dict[str, str]:
    """Have the study read its clock from a file."""
    stamp = study.folder.with_name(study.folder.name + ".clock")
    stamp.write_text("+0\n")
    return {
        "LD_PRELOAD": str(FAKETIME[-1]),
        "FAKETIME_TIMESTAMP_FILE": str(stamp),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def clock_jump(study: Round) -> None:
    """The clock goes back a day, or three days ahead."""
    stamp = study.folder.with_name(study.folder.name + ".clock")
    stamp.write_text(study.rng.choice(["-1d\n", "+3d\n"]))


def no_cache(study: Round) -> None:
    """DVC's cache is removed."""
    for _ in range(3):  # while others write into it
        shutil.rmtree(study.folder / ".dvc" / "cache", ignore_errors=True)


def outs(study: Round) -> list[Path]:
    """Files of stages that are done, as ``dvc.lock`` names them: those that DVC knows."""
    with suppress(FileNotFoundError):
        stages = yaml.safe_load((study.folder / "dvc.lock").read_text())["stages"].values()
        found = [study.folder / out["path"] for stage in stages for out in stage.get("outs", ())]
        files = [p for out in found for p in ([out] if out.is_file() else sorted(out.rglob("*")))]
        return [path for path in files if path.is_file() and path.stat().st_size]
    return []


def spoilt(study: Round) -> None:
    """A byte of an out is another one."""
    while not (found := outs(study)):
        time.sleep(0.1)
    path = study.rng.choice(found)
    with suppress(FileNotFoundError):
        path.chmod(0o644)
        data = bytearray(path.read_bytes())
        data[study.rng.randrange(len(data))] ^= 0xFF
        path.write_bytes(data)


BOTH = frozenset({"prefect", "mlflow"})
NETWORK = BOTH | {"network"}
POSTGRES = BOTH | {"postgres", "s3"}
WORKER = BOTH | {"worker"}
MACHINES = BOTH | {"worker", "machines", "s3", "postgres"}

FAULTS = [
    Fault("flow", "SIGKILL of the flow that coordinates", killed(is_flow)),
    Fault("stage", "SIGKILL of DVC at work on a stage", killed(is_stage)),
    Fault("command", "SIGKILL of a stage's command, a training or another", killed(is_command)),
    Fault("prefork", "SIGKILL of the server that forks the commands", killed(is_server)),
    Fault("mlflow", "SIGKILL of the MLflow server", service_killed("mlflow")),
    Fault("prefect", "SIGKILL of the Prefect server", service_killed("prefect")),
    Fault("twice", "the same study is run a second time meanwhile", second_run),
    Fault("clock", "the clock goes back a day, or three ahead", clock_jump, before=faked_clock),
    Fault("cache", "DVC's cache is removed", no_cache),
    Fault("outs", "a byte of an out is another one", spoilt),
    Fault("disk", "no byte is free", full_disk, before=small_disk, needs=frozenset()),
    Fault("slow", "every packet to the servers is half a second late", slow, needs=NETWORK),
    Fault("refused", "the servers refuse connections", refusing, needs=NETWORK),
    Fault(
        "postgres",
        "SIGKILL of PostgreSQL, which Prefect's and MLflow's servers are on",
        service_killed("postgres"),
        needs=POSTGRES,
    ),
    Fault(
        "artifacts",
        "SIGKILL of the S3 store with MLflow's artifacts",
        service_killed("s3"),
        needs=POSTGRES,
    ),
    Fault("worker", "SIGKILL of the worker of the deployment", worker_killed, needs=WORKER),
    Fault("deployed", "SIGKILL of the flow's process under a worker", killed(is_flow), needs=WORKER),
    Fault(
        "machine",
        "several machines: SIGKILL of a worker that trains, or of all its processes",
        machine_lost,
        needs=MACHINES,
    ),
    Fault(
        "remote",
        "several machines: SIGKILL of the S3 store, DVC's remote",
        service_killed("s3"),
        needs=MACHINES,
    ),
]
