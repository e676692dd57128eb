"""A picture of a study's flow run in Prefect's UI, for the manual.

    python docs/prefect_views.py --run ID [--api URL] [--out docs/images]

Opens the run's page on the Prefect server in a headless Chromium, without a network, and waits for the
graph of its stages; see :mod:`screenshots` for what it needs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import httpx
from screenshots import ROOT, browser

from xlgap.errors import ConfigError, XlgapError

OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
PICTURE = "prefect-run.png"
STATE = "return document.body.innerText.includes(arguments[0])"
GRAPH = """
const drawn = document.querySelector('.flow-run-graph canvas, [class*="run-graph"] canvas');
return drawn && drawn.width > 100 && drawn.height > 100;
"""
EXPECTED = ("/favicon.ico", "/ico/undefined.svg")
"""Parts of what the page says on the console although nothing is wrong."""


def shoot_run(api: str, run: str, out: Path) -> Path:
    """Take the picture of a flow run.

    Args:
        api: the server's address, with ``/api``.
        run: the flow run's id.
        out: the folder for :data:`PICTURE`.

    Raises:
        XlgapError: Chromium is missing, the page did not show what it should, or complained.
    """
    page = api.removesuffix("/").removesuffix("/api")
    name = _name(api, run)
    picture = out / PICTURE
    with (
        tempfile.TemporaryDirectory(prefix="xlgap-") as folder,
        browser(Path(folder), OFFLINE) as window,
    ):
        window.open(f"{page}/runs/flow-run/{run}")
        try:
            window.wait("the run's name", STATE, name)
            window.wait("the graph of its stages", GRAPH)
        except XlgapError:
            window.shoot(picture.with_suffix(".failed.png"))
            raise
        time.sleep(2)  # the stages move to their places
        window.shoot(picture)
        complaints = [said for said in window.complaints() if not any(e in said for e in EXPECTED)]
    if complaints:
        raise XlgapError(f"the page of run {run} complains: {complaints[0]}")
    return picture


def _name(api: str, run: str) -> str:
    return str(httpx.get(f"{api.removesuffix('/')}/flow_runs/{run}").raise_for_status().json()["name"])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="A picture of a flow run in Prefect's UI.")
    parser.add_argument("--run", required=True, help="the flow run's id")
    parser.add_argument("--api", default=os.environ.get("PREFECT_API_URL"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    arguments = parser.parse_args()
    try:
        if arguments.api is None:
            raise ConfigError("no Prefect server is chosen; give --api or set PREFECT_API_URL.")
        print(shoot_run(arguments.api, arguments.run, arguments.out))
    except XlgapError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
