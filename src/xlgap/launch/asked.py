"""What the user asks for by ``XLGAP_`` variables, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xlgap.errors import ConfigError, suggestion

LAUNCHER = "XLGAP_LAUNCHER"
PROCESSES = "XLGAP_PROCESSES"
HOSTFILE = "XLGAP_HOSTFILE"
RENDEZVOUS = "XLGAP_RENDEZVOUS"
NODES = "XLGAP_NODES"
NODE_RANK = "XLGAP_NODE_RANK"
WORKERS = "XLGAP_WORKERS"
"""How many stages share this machine; the flow tells its stages."""

LAUNCHERS = ("auto", "none", "torchrun", "deepspeed", "slurm")
MOST_PROCESSES = 100_000
"""Of all nodes; of as many devices studies are planned."""
MOST_HERE = 1024
"""On one node."""
MOST_PORT = 65535
_MOST_DIGITS = 20


@dataclass(frozen=True)
class Asked:
    """The variables' values.

    Attributes:
        launcher: one of :data:`LAUNCHERS`.
        processes: on each node; None where nothing is said.
        hostfile: a file of hosts, one a line.
        rendezvous: host and port of the first of several nodes.
        nodes: how many take part in the rendezvous.
        node_rank: which of them this is, from 0.
    """

    launcher: str = "auto"
    processes: int | None = None
    hostfile: Path | None = None
    rendezvous: tuple[str, int] | None = None
    nodes: int | None = None
    node_rank: int | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Asked:
        """Read ``environment``; an empty variable says nothing.

        Raises:
            ConfigError: a value that is not allowed, or one variable without another.
        """
        launcher = environment.get(LAUNCHER) or "auto"
        if launcher not in LAUNCHERS:
            raise ConfigError(f"{LAUNCHER}: unknown launcher {launcher!r}; {_meant(launcher)}")
        sharing(environment)
        hostfile = environment.get(HOSTFILE)
        asked = cls(
            launcher=launcher,
            processes=whole_number(environment, PROCESSES, least=1, most=MOST_HERE),
            hostfile=Path(hostfile) if hostfile else None,
            rendezvous=_endpoint(environment.get(RENDEZVOUS)),
            nodes=whole_number(environment, NODES, least=1),
            node_rank=whole_number(environment, NODE_RANK, least=0),
        )
        asked._refuse_contradictions()
        return asked

    def _refuse_contradictions(self) -> None:
        if self.hostfile is not None and self.rendezvous is not None:
            raise ConfigError(
                f"{HOSTFILE} and {RENDEZVOUS} are both set, and are two ways to reach other nodes: "
                "unset one of them."
            )
        if self.rendezvous is not None and self.launcher not in {"auto", "torchrun"}:
            raise ConfigError(
                f"{LAUNCHER}={self.launcher} takes no {RENDEZVOUS}, which auto and torchrun do: unset "
                "one of them."
            )
        for name, number in ((NODES, self.nodes), (NODE_RANK, self.node_rank)):
            if number is not None and self.rendezvous is None:
                raise ConfigError(
                    f"{name}={number} says nothing without {RENDEZVOUS}: set that to HOST:PORT of the "
                    f"first node, or unset {name}."
                )
        if self.nodes is not None and self.node_rank is not None and self.node_rank >= self.nodes:
            raise ConfigError(
                f"{NODE_RANK}={self.node_rank} is not below {NODES}={self.nodes}; nodes count from 0."
            )
        if self.nodes is not None and self.nodes * self.wanted > MOST_PROCESSES:
            raise ConfigError(
                f"{NODES}={self.nodes} with {PROCESSES}={self.wanted} on each makes more processes "
                f"than {MOST_PROCESSES}: ask for fewer."
            )

    @property
    def wanted(self) -> int:
        """Processes on this node."""
        return self.processes or 1


def whole_number(
    environment: Mapping[str, str], name: str, *, least: int, most: int = MOST_PROCESSES
) -> int | None:
    """The number that a variable holds; None where it is not set, or empty.

    Raises:
        ConfigError: it is no whole number from ``least`` to ``most``.
    """
    text = environment.get(name)
    if not text:
        return None
    if not is_whole(text, least=least, most=most):
        raise ConfigError(f"{name}: got {text!r}, allowed is a whole number from {least} to {most}.")
    return int(text)


def is_whole(text: str, *, least: int, most: int) -> bool:
    """Whether a text is a whole number from ``least`` to ``most``.

    >>> [is_whole(text, least=1, most=8) for text in ("8", "9", "0", "-1", "two", "", "1" * 5000)]
    [True, False, False, False, False, False, False]
    """
    digits = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return digits and least <= int(text) <= most


def sharing(environment: Mapping[str, str]) -> int:
    """How many stages share this machine, by :data:`WORKERS`; 1 where nothing is said.

    Raises:
        ConfigError: it is no whole number from 1.
    """
    return whole_number(environment, WORKERS, least=1) or 1


def _meant(launcher: str) -> str:
    near = suggestion(launcher.lower(), LAUNCHERS)
    return near if near.startswith("allowed") else f"{near} Allowed: {', '.join(LAUNCHERS)}."


def _endpoint(text: str | None) -> tuple[str, int] | None:
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not is_whole(port, least=1, most=MOST_PORT):
        raise ConfigError(
            f"{RENDEZVOUS}: got {text!r}, allowed is HOST:PORT of the first node, as in node1:29500."
        )
    return host, int(port)
