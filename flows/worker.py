"""A Prefect worker in this checkout: ``python flows/worker.py [--pool POOL] [--limit N]``.

The same as ``prefect worker start``, with what the deployments expect of a worker's environment: the
checkout that they run in, and heartbeats often enough for a dead run to be noticed soon.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHECKOUT = "XLGAP_CHECKOUT"
ENVIRONMENT = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


def main(words: list[str]) -> None:
    """Become a worker; options are those of ``prefect worker start``."""
    if not os.environ.get("PREFECT_API_URL"):
        print(
            "error: no Prefect server is chosen; set PREFECT_API_URL, such as "
            "http://127.0.0.1:4200/api.",
            file=sys.stderr,
        )
        sys.exit(2)
    os.environ[CHECKOUT] = str(ROOT)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    pool = [] if {"--pool", "-p"} & set(words) else ["--pool", "xlgap"]
    command = [sys.executable, "-m", "prefect", "worker", "start", "--type", "process", *pool, *words]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main(sys.argv[1:])
