"""A Slurm of one node, this machine, from Debian's packages, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = (
    *("munged", "mungekey", "slurmctld", "slurmd"),
    *("sbatch", "srun", "scancel", "scontrol", "sinfo", "squeue"),
)
SBIN = ("/usr/sbin", "/sbin")  # not on every user's PATH
# A job is queued again until the credential of its first start has expired: by default 120 s.
_CONFIGURATION = """
ClusterName=xlgap
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=10
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
SchedulerParameters=sched_interval=1,bf_interval=2
PropagateResourceLimits=NONE
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 CoresPerSocket=2 State=UNKNOWN
PartitionName=debug Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def path() -> str:
    """PATH with the folders of daemons."""
    return os.pathsep.join((os.environ["PATH"], *SBIN))


def missing() -> str | None:
    """Why Slurm cannot run here; None where it can be tried."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=path()) is None]
    if absent:
        return f"needs Debian's slurm-wlm and munge: no {', '.join(absent)}"
    return None if os.geteuid() == 0 else "slurmd must be run by root"


@contextmanager
def slurm() -> Iterator[dict[str, str]]:
    """Run it; gives the variables by which its commands find it.

    Raises:
        RuntimeError: the node is not there within half a minute.
    """
    folder = Path(tempfile.mkdtemp(prefix="sl", dir="/tmp"))  # a socket's path is at most 107 bytes
    host = socket.gethostname().partition(".")[0]
    for name in ("state", "spool"):
        (folder / name).mkdir()
    text = _CONFIGURATION.format(folder=folder, host=host, ports=_free_ports(2))
    (folder / "slurm.conf").write_text(text)
    environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path()}
    key = folder / "munge.key"
    subprocess.run(["mungekey", "--create", f"--keyfile={key}"], env=environment, check=True)
    own = [f"--{what}-file={folder}/munge.{what}" for what in ("pid", "log", "seed")]
    munged = ["munged", "-F", "-f", f"--socket={folder}/munge.sock", f"--key-file={key}", *own]
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        for command in (munged, ["slurmctld", "-D", "-c"], ["slurmd", "-D", "-c"]):
            with (folder / f"{command[0]}.out").open("wb") as out:
                daemons.append(
                    subprocess.Popen(command, env={**os.environ, **environment}, stdout=out, stderr=out)
                )
            time.sleep(1.0)
        _wait_for_node(folder, environment)
        yield environment
    finally:
        subprocess.run(["scancel", "--signal=KILL", "--full", "--user=root"], env=environment)
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            _end(daemon)
        shutil.rmtree(folder, ignore_errors=True)


def _end(daemon: subprocess.Popen[bytes]) -> None:
    try:
        daemon.wait(20)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _wait_for_node(folder: Path, environment: dict[str, str]) -> None:
    deadline = time.monotonic() + 30
    state = ""
    while time.monotonic() < deadline:
        done = subprocess.run(
            ["sinfo", "--noheader", "--format=%T"], env=environment, capture_output=True, text=True
        )
        state = done.stdout.strip()
        if state == "idle":
            return
        time.sleep(0.5)
    said = "".join(p.read_text(errors="replace")[-600:] for p in folder.glob("*.out"))
    raise RuntimeError(f"no node of Slurm is idle, but {state!r}: {said}")


def _free_ports(count: int) -> Sequence[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
