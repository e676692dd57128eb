"""A Prefect worker in this checkout: ``python flows/worker.py [--pool POOL] [--limit N]``.

The same as ``prefect worker start``, with what the deployments expect of a worker's environment: the
checkout that they run in, and heartbeats often enough for a dead run to be noticed soon; and the pool's
deployments refuse parameters that they do not have. Of the pool of single stages it also keeps a
pre-fork server, so that a stage does not import everything anew.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

from preload import PRELOAD
from xlgap.forward import run_and_forward_signals
from xlgap.prefork import launch
from xlgap.tracking.uri import without_logins

ROOT = Path(__file__).resolve().parents[1]
STAGES = "xlgap-stages"
CHECKOUT = "XLGAP_CHECKOUT"
ENVIRONMENT = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a worker until it is stopped; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="worker.py",
        description="Run a Prefect worker in this checkout.",
        epilog="Other options are those of 'prefect worker start': --name, --limit, --work-queue.",
    )
    parser.add_argument("--pool", default="xlgap", help="xlgap, or xlgap-stages for single stages")
    asked, words = parser.parse_known_args(argv)
    if not os.environ.get("PREFECT_API_URL"):
        print(
            "error: no Prefect server is chosen; set PREFECT_API_URL, such as "
            "http://127.0.0.1:4200/api.",
            file=sys.stderr,
        )
        return 2
    try:
        _close_schemas(asked.pool)
    except httpx.HTTPError as error:
        print(
            f"error: the Prefect server at {without_logins(os.environ['PREFECT_API_URL'])} does not "
            f"answer as it should ({type(error).__name__}); start it, or change PREFECT_API_URL.",
            file=sys.stderr,
        )
        return 1
    os.environ[CHECKOUT] = str(ROOT)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    command = [sys.executable, "-m", "prefect", "worker", "start", "--type", "process"]
    command += ["--pool", asked.pool, *words]
    if asked.pool != STAGES:
        os.execv(sys.executable, command)
    with launch.running(PRELOAD, log=ROOT / "journal" / "logs" / "prefork.log") as socket:
        if socket is not None:
            os.environ[launch.VARIABLE] = socket
        return run_and_forward_signals(command)


def _close_schemas(pool: str) -> None:
    from prefect.client.orchestration import get_client

    from provision import close_schemas

    with get_client(sync_client=True) as client:
        close_schemas(client, [pool])


if __name__ == "__main__":
    sys.exit(main())
