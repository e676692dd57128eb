"""How many processes a training stage would have in this environment; nothing is started."""

from __future__ import annotations

from collections.abc import Mapping

from xlgap.launch import slurm
from xlgap.launch.asked import Asked
from xlgap.launch.hostfile import read_hostfile


def training_processes(environment: Mapping[str, str]) -> tuple[int, int]:
    """Processes that train together, of all nodes and of this one.

    Args:
        environment: as :func:`~xlgap.launch.decide.decide` reads it.

    Raises:
        ConfigError: a variable's value is not allowed, or a hostfile is not as it should be.
    """
    asked = Asked.of(environment)
    if asked.hostfile is not None:
        slots = read_hostfile(asked.hostfile).values()
        here = asked.processes or max(slots)
        return (here * len(slots) if asked.processes else sum(slots)), here
    if asked.rendezvous is None and slurm.in_job(environment) and asked.launcher in {"auto", "slurm"}:
        ranks, nodes = slurm.job_ranks(environment, asked), slurm.job_nodes(environment)
        return ranks, -(-ranks // nodes)
    several = asked.nodes or slurm.step_nodes(environment) if asked.rendezvous else None
    return asked.wanted * (several or 1), asked.wanted
