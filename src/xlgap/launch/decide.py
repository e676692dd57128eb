"""Which launcher starts a stage's processes, from the environment alone; pure but for the hostfile.

``auto`` takes the first of these that holds:

1. a launcher has started this process (``TORCHELASTIC_RUN_ID``, or ``RANK`` and ``WORLD_SIZE``): train
   here;
2. it is one of several tasks of a Slurm step: train here, with ranks from Slurm's variables;
3. ``XLGAP_HOSTFILE``: DeepSpeed's launcher, over pdsh and ssh where it names several hosts;
4. ``XLGAP_RENDEZVOUS``: torchrun as one of several nodes, each of which runs the same command;
5. a Slurm job with several tasks: ``srun``;
6. ``XLGAP_PROCESSES`` above 1: torchrun on this node;
7. else one process.
"""

from __future__ import annotations

import base64
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xlgap.errors import ConfigError
from xlgap.launch import slurm
from xlgap.launch.asked import (
    HOSTFILE,
    LAUNCHER,
    MOST_PORT,
    NODE_RANK,
    NODES,
    PROCESSES,
    RENDEZVOUS,
    Asked,
    whole_number,
)
from xlgap.launch.hostfile import is_here, read_hostfile

PLACES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_LAUNCHED = "TORCHELASTIC_RUN_ID"
_VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What to do to have a stage's processes.

    Attributes:
        launcher: ``none``, ``torchrun``, ``deepspeed``, ``pdsh`` (on several hosts) or ``slurm``.
        command: to start them; empty where this process is one of them, or the only one.
        variables: for this process where there is no command.
        local: how many the command starts on this machine; None where Slurm or other hosts decide.
        one_node: whether the command starts all of them, on one machine.
    """

    launcher: str = "none"
    command: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    local: int | None = None
    one_node: bool = False


def decide(
    environment: Mapping[str, str],
    words: Sequence[str],
    *,
    folder: Path,
    host: str,
    port: int,
    which: Callable[[str], str | None] = shutil.which,
) -> Launch:
    """What starts the processes of a training stage.

    Args:
        environment: of this process.
        words: of the command, without the program: ``finetune MODEL ARM TASK``.
        folder: where processes on other hosts find their environment.
        host: this machine's name.
        port: a free one of this machine.
        which: finds programs.

    Raises:
        ConfigError: a variable's value is not allowed, or contradicts another or the machine.
    """
    asked = Asked.of(environment)
    if _is_launched(environment):
        return Launch()
    found = _started(environment, words, asked, folder=folder, host=host, port=port, which=which)
    if not found.command and not found.variables:
        _refuse_part_of_a_rank(environment)
    return found


def _started(
    environment: Mapping[str, str],
    words: Sequence[str],
    asked: Asked,
    *,
    folder: Path,
    host: str,
    port: int,
    which: Callable[[str], str | None],
) -> Launch:
    """For a process that no other launcher has started."""
    tasks = slurm.step_tasks(environment)
    name = _automatic(environment, asked, tasks) if asked.launcher == "auto" else asked.launcher
    if name == "slurm":
        return _slurm(environment, words, asked, tasks, which)
    if name == "deepspeed":
        return _deepspeed(environment, words, asked, folder=folder, host=host, port=port, which=which)
    if asked.hostfile is not None:
        raise ConfigError(
            f"{LAUNCHER}={name} starts nothing on other hosts, but {HOSTFILE} is set: unset it, or use "
            f"{LAUNCHER}=deepspeed."
        )
    if name == "torchrun":
        return _torchrun(environment, words, asked)
    if asked.launcher == "none" and asked.wanted > 1:
        raise ConfigError(
            f"{LAUNCHER}=none starts no process, but {PROCESSES}={asked.processes} asks for several: "
            "unset one of them."
        )
    return Launch()


def _automatic(environment: Mapping[str, str], asked: Asked, tasks: int) -> str:
    """The launcher that ``auto`` stands for."""
    if asked.hostfile is not None:
        return "deepspeed"
    if asked.rendezvous is not None:
        return "torchrun"
    if tasks > 1:
        return "slurm"
    in_step = tasks == 1  # whoever starts one task has the others started by what it runs
    if slurm.in_job(environment) and not in_step and slurm.job_ranks(environment, asked) > 1:
        return "slurm"
    return "torchrun" if asked.wanted > 1 else "none"


def _is_launched(environment: Mapping[str, str]) -> bool:
    """Whether a launcher has started this process as one of several.

    Raises:
        ConfigError: it has, but did not say all that a rank must know.
    """
    ranks = whole_number(environment, "WORLD_SIZE", least=1) or 1
    for name in ("LOCAL_WORLD_SIZE", "LOCAL_SIZE"):
        whole_number(environment, name, least=1)
    whole_number(environment, "MASTER_PORT", least=1, most=MOST_PORT)
    numbers = {name: whole_number(environment, name, least=0) for name in ("RANK", "LOCAL_RANK")}
    by_torchrun = _LAUNCHED in environment
    if ranks == 1 or (numbers["RANK"] is None and not by_torchrun):
        return by_torchrun
    absent = [name for name in PLACES if not environment.get(name)]
    if absent:
        raise ConfigError(
            f"RANK and WORLD_SIZE say that this is one of {ranks} processes, but {', '.join(absent)} "
            "is not set; set it, or unset these two."
        )
    for name, number in numbers.items():
        if number is not None and number >= ranks:
            raise ConfigError(f"{name}={number} is not below WORLD_SIZE={ranks}; ranks count from 0.")
    return True


def _refuse_part_of_a_rank(environment: Mapping[str, str]) -> None:
    """Stop where one process alone would train, and a variable says that it is one of several."""
    for name, other, least in (("WORLD_SIZE", "RANK", 2), ("RANK", "WORLD_SIZE", 1)):
        number = environment.get(name) or "0"
        if int(number) >= least:
            raise ConfigError(
                f"{name}={number} says that this is one of several processes, but {other} says "
                f"otherwise, or is not set: set {', '.join(PLACES)}, or unset {name}."
            )


def _slurm(
    environment: Mapping[str, str],
    words: Sequence[str],
    asked: Asked,
    tasks: int,
    which: Callable[[str], str | None],
) -> Launch:
    if not slurm.in_job(environment):
        raise ConfigError(
            f"{LAUNCHER}=slurm, but this is no Slurm job ({slurm.JOB} is not set): submit it, as in "
            f"'sbatch launch/slurm.sbatch run', or unset {LAUNCHER}."
        )
    if asked.hostfile is not None:
        raise ConfigError(f"{LAUNCHER}=slurm takes its hosts from the job: unset {HOSTFILE}.")
    if tasks > 1:
        return Launch(launcher="slurm", variables=slurm.rank_variables(environment))
    ranks = slurm.job_ranks(environment, asked)
    if tasks == 1 and ranks > 1:
        raise ConfigError(
            f"{LAUNCHER}=slurm starts {ranks} processes, but this is inside of an srun of one task: "
            f"call it in the batch script itself, or use {LAUNCHER}=torchrun."
        )
    if ranks == 1:
        return Launch()
    _require("srun", which, "Slurm's commands must be on PATH.")
    command = slurm.srun(words, environment, asked, ranks)
    return Launch(launcher="slurm", command=command, one_node=slurm.on_one_node(environment))


def _torchrun(environment: Mapping[str, str], words: Sequence[str], asked: Asked) -> Launch:
    """By torchrun on this node, which is the only one, or one of several that a user starts."""
    _devices(environment, asked.wanted)
    launcher = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={asked.wanted}"]
    if asked.rendezvous is None:
        if asked.wanted == 1:
            return Launch()
        where = ["--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0"]
    else:
        where = _nodes(environment, asked, *asked.rendezvous)
    command = (*launcher, *where, "-m", "xlgap", *words)
    one_node = asked.rendezvous is None
    return Launch(launcher="torchrun", command=command, local=asked.wanted, one_node=one_node)


def _nodes(environment: Mapping[str, str], asked: Asked, host: str, port: int) -> list[str]:
    """Of several nodes the first has rank 0: it writes what DVC looks for there."""
    nodes, node_rank = asked.nodes or slurm.step_nodes(environment), asked.node_rank
    if node_rank is None and slurm.step_tasks(environment) > 0:
        node_rank = whole_number(environment, "SLURM_NODEID", least=0)
    if nodes is None or node_rank is None:
        raise ConfigError(
            f"{RENDEZVOUS} is set: say of how many nodes ({NODES}) and which one this is, from 0 "
            f"({NODE_RANK}); srun says both by itself."
        )
    if node_rank >= nodes:
        raise ConfigError(f"{NODE_RANK}={node_rank} is not below {NODES}={nodes}; nodes count from 0.")
    place = [f"--nnodes={nodes}", f"--node-rank={node_rank}"]
    return [*place, "--rdzv-backend=static", f"--master-addr={host}", f"--master-port={port}"]


def _deepspeed(
    environment: Mapping[str, str],
    words: Sequence[str],
    asked: Asked,
    *,
    folder: Path,
    host: str,
    port: int,
    which: Callable[[str], str | None],
) -> Launch:
    hosts = {host: asked.wanted} if asked.hostfile is None else read_hostfile(asked.hostfile)
    if asked.hostfile is not None and asked.processes is not None:
        hosts = _fewer(hosts, asked)
    if len(hosts) > 1:
        return _pdsh(environment, words, asked, hosts, folder=folder, port=port, which=which)
    ((only, slots),) = hosts.items()
    if not is_here(only, host):
        raise ConfigError(
            f"{HOSTFILE}={asked.hostfile} names '{only}' alone, and this machine is '{host}': run the "
            "command there, or name several hosts."
        )
    if slots == 1:
        return Launch()
    # The `deepspeed` command asks by ssh even for localhost, leaves the processes behind when it is
    # stopped, and ends with 0 where a signal killed them: we call what it calls on a node.
    command = (
        *(sys.executable, "-u", "-m", "deepspeed.launcher.launch"),
        f"--world_info={_encoded({only: _devices(environment, slots)})}",
        *("--master_addr=127.0.0.1", f"--master_port={environment.get('MASTER_PORT') or port}"),
        *("--no_local_rank", "--log_level=warning", "--module", "xlgap", *words),
    )
    return Launch(launcher="deepspeed", command=command, local=slots, one_node=True)


def _fewer(hosts: Mapping[str, int], asked: Asked) -> dict[str, int]:
    """As many processes a host as asked for.

    Raises:
        ConfigError: a host has fewer slots.
    """
    for name, slots in hosts.items():
        if asked.wanted > slots:
            raise ConfigError(
                f"{PROCESSES}={asked.processes}, but host '{name}' has slots={slots} in "
                f"{asked.hostfile}: ask for fewer, or unset {PROCESSES}."
            )
    return dict.fromkeys(hosts, asked.wanted)


def _devices(environment: Mapping[str, str], processes: int) -> list[str]:
    """The first devices of those that are visible; DeepSpeed's launcher shows a rank all of these.

    Raises:
        ConfigError: ``CUDA_VISIBLE_DEVICES`` names fewer.
    """
    named = environment.get(_VISIBLE)
    if named is None:
        return [str(number) for number in range(processes)]
    visible = named.split(",")
    if not visible[0] or visible[0].startswith("-"):  # none: training is on the CPU
        return ["-1"] * processes
    if len(visible) < processes:
        raise ConfigError(
            f"{processes} processes on this node need a device each, but {_VISIBLE}={named} names "
            f"{len(visible)}: ask for fewer processes, or name more devices."
        )
    return visible[:processes]


def _encoded(devices: Mapping[str, Sequence[str]]) -> str:
    return base64.urlsafe_b64encode(json.dumps(devices).encode()).decode()


def _pdsh(
    environment: Mapping[str, str],
    words: Sequence[str],
    asked: Asked,
    hosts: Mapping[str, int],
    *,
    folder: Path,
    port: int,
    which: Callable[[str], str | None],
) -> Launch:
    """DeepSpeed's launcher on several hosts; each process starts as ``python -m xlgap.launch``."""
    why = f"{asked.hostfile} names {len(hosts)} hosts, which DeepSpeed reaches by pdsh over ssh."
    for program in ("pdsh", "ssh"):
        _require(program, which, why)
    first = next(iter(hosts))
    if is_here(first, "localhost") and not environment.get("MASTER_ADDR"):
        raise ConfigError(
            f"{asked.hostfile}: the first of {len(hosts)} hosts is '{first}', by which the others find "
            "themselves: write its name, or set MASTER_ADDR."
        )
    trimmed = [] if asked.processes is None else [f"--num_gpus={asked.processes}"]
    command = (
        *(sys.executable, "-u", "-m", "deepspeed.launcher.runner"),
        *(f"--hostfile={asked.hostfile}", "--launcher=pdsh", "--no_ssh_check", *trimmed),
        f"--master_addr={environment.get('MASTER_ADDR') or first}",
        f"--master_port={environment.get('MASTER_PORT') or port}",
        *("--no_local_rank", "--log_level=warning", "--module", "xlgap.launch"),
        *(str(folder / "environment.json"), *words),
    )
    return Launch(launcher="pdsh", command=command)


def _require(program: str, which: Callable[[str], str | None], why: str) -> None:
    if which(program) is None:
        raise ConfigError(f"'{program}' is not installed or not on PATH: {why}")
