"""Files of hosts in the format that DeepSpeed and Open MPI share: ``HOST slots=N``, one a line."""

from __future__ import annotations

import re
from pathlib import Path

from xlgap.errors import ConfigError
from xlgap.launch.asked import HOSTFILE, MOST_HERE, MOST_PROCESSES, is_whole

_LINE = re.compile(r"(?P<host>\S+)\s+slots=(?P<slots>\S+)(\s+max[-_]slots=\d+)?")
_MARK = "\ufeff"
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


def read_hostfile(path: Path) -> dict[str, int]:
    """Processes of each host, in the file's order; empty lines and what follows a # say nothing.

    DeepSpeed reads the file itself, too, where it names several hosts: what only one of the two
    understands is refused.

    Raises:
        ConfigError: there is no such file, it names no host or one twice, a line is of another form,
            or it has more processes than train together anywhere.
    """
    try:
        lines = path.read_text(encoding="utf8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        said = f"{HOSTFILE}={path}: {why}; name a file with lines such as {_EXAMPLE}"
        raise ConfigError(said) from None
    if lines and lines[0].startswith(_MARK):
        raise ConfigError(
            f"{HOSTFILE}={path}: it starts with a byte order mark, which DeepSpeed takes for part of "
            "the first host's name; save it as UTF-8 without one."
        )
    found: dict[str, int] = {}
    for number, whole in enumerate(lines, 1):
        line = whole.partition("#")[0].strip()
        if not line:
            continue
        match, where = _LINE.fullmatch(line), f"{HOSTFILE}={path}, line {number}"
        if match is None:
            raise ConfigError(f"{where}: got {whole.strip()!r}, allowed is {_EXAMPLE}")
        host, slots = match["host"], match["slots"]
        if not is_whole(slots, least=1, most=MOST_HERE):
            raise ConfigError(
                f"{where}: slots={slots} of host '{host}' is no whole number from 1 to {MOST_HERE}; "
                "give a node's processes."
            )
        if host in found:
            raise ConfigError(f"{where}: host '{host}' stands there twice; give it one line.")
        found[host] = int(slots)
    if not found:
        raise ConfigError(f"{HOSTFILE}={path}: it names no host; it needs lines such as {_EXAMPLE}")
    if (processes := sum(found.values())) > MOST_PROCESSES:
        raise ConfigError(
            f"{HOSTFILE}={path}: its {processes} slots are more processes than {MOST_PROCESSES}; name "
            "fewer hosts."
        )
    return found


_EXAMPLE = "'node1 slots=8' (a host's name and its processes)."


def is_here(host: str, own: str) -> bool:
    """Whether ``host`` is this machine, whose own name is ``own``."""
    return host in _HERE or host.partition(".")[0] == own.partition(".")[0]
