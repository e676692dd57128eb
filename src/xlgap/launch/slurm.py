"""Slurm: the ranks that ``srun`` has started, and the command that starts them.

The variables are those of ``man sbatch`` and ``man srun``, OUTPUT ENVIRONMENT VARIABLES.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence

from xlgap.errors import ConfigError
from xlgap.launch.asked import MOST_PROCESSES, PROCESSES, Asked, is_whole, whole_number

JOB, STEP = "SLURM_JOB_ID", "SLURM_STEP_ID"
_NO_STEP_FROM = 0xFFFFFFF0  # of the batch script itself, of an interactive shell
_PORTS, _PORTS_FROM = 10_000, 20_000  # below those that Linux gives to clients
_MOST_NUMBER = 2**32 - 1  # of a job
_PER_NODE = "SLURM_STEP_TASKS_PER_NODE"
_TASKS = re.compile(r"(?P<tasks>[1-9][0-9]{0,5})(\(x(?P<nodes>[1-9][0-9]{0,5})\))?")
_NUMBERS = re.compile(r"\[([0-9]+)[0-9,-]*\]")
_FIRST = re.compile(r"((?:[^\[\],\s]|\[[0-9]+[0-9,-]*\])+)(?:,|$)")


def in_job(environment: Mapping[str, str]) -> bool:
    """Whether this process is part of a job."""
    return bool(environment.get(JOB))


def step_tasks(environment: Mapping[str, str]) -> int:
    """How many tasks ``srun`` has started, of which this process is one; 0 outside of a step.

    Raises:
        ConfigError: Slurm's variable holds no such number.
    """
    step = environment.get(STEP, "")
    if not in_job(environment) or not is_whole(step, least=0, most=_NO_STEP_FROM - 1):
        return 0
    return whole_number(environment, "SLURM_STEP_NUM_TASKS", least=1) or 1


def step_nodes(environment: Mapping[str, str]) -> int | None:
    """Nodes of the step that this process is a task of; None outside of one.

    Raises:
        ConfigError: Slurm's variable holds no number.
    """
    in_step = step_tasks(environment) > 0
    return _number(environment, "SLURM_STEP_NUM_NODES") if in_step else None


def rank_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """What torch and DeepSpeed read, for one task of a step.

    All tasks derive the same address: the step's first node, and a port of the job's and step's
    numbers; ``MASTER_ADDR`` and ``MASTER_PORT`` go before these. Where a task sees one device alone
    (``--gpus-per-task=1``), that one has number 0 for every task.

    Raises:
        ConfigError: a variable that Slurm sets is not there, or holds no such number.
    """
    names = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_NODELIST")
    absent = [name for name in names if not environment.get(name)]
    if absent:
        raise ConfigError(
            f"this is a task of a Slurm step, but {', '.join(absent)} is not set; let srun start it."
        )
    rank, world, local, nodes = (environment[name] for name in names)
    for name in ("SLURM_PROCID", "SLURM_LOCALID"):
        whole_number(environment, name, least=0)
    here = _tasks_here(environment)
    job = whole_number(environment, JOB, least=1, most=_MOST_NUMBER) or 1
    number = 31 * job + int(environment[STEP])
    visible = environment.get("CUDA_VISIBLE_DEVICES", "")
    alone = bool(visible) and "," not in visible
    one_node = environment.get("SLURM_STEP_NUM_NODES", "1") == "1"
    return {
        "RANK": rank,
        "WORLD_SIZE": world,
        "LOCAL_RANK": "0" if alone else local,
        "LOCAL_WORLD_SIZE": here,
        "LOCAL_SIZE": here,
        "MASTER_ADDR": environment.get("MASTER_ADDR")
        or ("127.0.0.1" if one_node else first_host(nodes)),
        "MASTER_PORT": environment.get("MASTER_PORT") or str(_PORTS_FROM + number % _PORTS),
    }


def _tasks_here(environment: Mapping[str, str]) -> str:
    """Tasks of the step on this node, of a list such as ``2(x3),1``."""
    node = whole_number(environment, "SLURM_NODEID", least=0) or 0
    listed = environment.get(_PER_NODE) or "1"
    tasks = "1"
    for part in listed.split(","):
        match = _TASKS.fullmatch(part)
        if match is None:
            raise ConfigError(
                f"{_PER_NODE}: got {listed!r}, allowed is a list such as 2(x3),1; let srun set it."
            )
        tasks, node = match["tasks"], node - int(match["nodes"] or "1")
        if node < 0:
            break
    return tasks


def first_host(nodes: str) -> str:
    """The first name of a list of hosts as Slurm writes it.

    >>> first_host("gpu[07-09,12],login1"), first_host("node3,node5"), first_host("r[1-2]n[3-4]")
    ('gpu07', 'node3', 'r1n3')

    Raises:
        ConfigError: it is no such list.
    """
    match = _FIRST.match(nodes)
    if match is None:
        raise ConfigError(f"SLURM_STEP_NODELIST: {nodes!r} is no list of hosts; set MASTER_ADDR.")
    return _NUMBERS.sub(r"\1", match[1])


def job_ranks(environment: Mapping[str, str], asked: Asked) -> int:
    """How many ranks a job has room for: its tasks, or the processes asked for on each of its nodes.

    Raises:
        ConfigError: more are asked for than the job has tasks, or than train together anywhere.
    """
    nodes = _nodes(environment)
    tasks = _number(environment, "SLURM_NTASKS", "SLURM_NPROCS")
    if asked.processes is None:
        return tasks or 1
    ranks = asked.processes * (nodes or 1)
    if tasks and ranks > tasks:
        raise ConfigError(
            f"{PROCESSES}={asked.processes} on {nodes or 1} node(s) makes {ranks} processes, but the "
            f"Slurm job has {tasks} task(s): submit it with --ntasks-per-node={asked.processes}, or "
            "ask for fewer."
        )
    if ranks > MOST_PROCESSES:
        raise ConfigError(
            f"{PROCESSES}={asked.processes} on {nodes} nodes makes more processes than "
            f"{MOST_PROCESSES}: ask for fewer."
        )
    return ranks


def on_one_node(environment: Mapping[str, str]) -> bool:
    """Whether a job has one node alone."""
    return _nodes(environment) == 1


def job_nodes(environment: Mapping[str, str]) -> int:
    """How many nodes a job has; 1 where Slurm does not say."""
    return _nodes(environment) or 1


def _nodes(environment: Mapping[str, str]) -> int | None:
    return _number(environment, "SLURM_JOB_NUM_NODES", "SLURM_NNODES")


def _number(environment: Mapping[str, str], *names: str) -> int | None:
    """Of the first of these variables that is set.

    Raises:
        ConfigError: it holds no such number.
    """
    return next((n for name in names if (n := whole_number(environment, name, least=1))), None)


def srun(
    words: Sequence[str], environment: Mapping[str, str], asked: Asked, ranks: int
) -> tuple[str, ...]:
    """The command that starts a stage's ranks in this job.

    A rank that dies ends the others. Ranks get this process's environment even where the job was
    submitted with another ``--export``, and as many CPUs as the job has for a task.
    """
    options = [f"--ntasks={ranks}", "--kill-on-bad-exit=1", "--input=none", "--export=ALL"]
    if asked.processes is not None:
        options.append(f"--ntasks-per-node={asked.processes}")
    if environment.get("SLURM_CPUS_PER_TASK"):
        options.append(f"--cpus-per-task={environment['SLURM_CPUS_PER_TASK']}")
    return ("srun", *options, sys.executable, "-m", "xlgap", *words)
