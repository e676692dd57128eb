"""A message to a team's webhook when a flow run has failed or crashed.

The address is a secret, since who knows it can post there: it comes from the Prefect block
``Secret`` named ``xlgap-webhook``, or from the environment (``XLGAP_WEBHOOK``, or a file that
``XLGAP_WEBHOOK_FILE`` names), and it is never logged. Without one nobody is told.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from prefect.blocks.system import Secret
from prefect.logging.loggers import flow_run_logger
from prefect.settings import PREFECT_UI_URL

if TYPE_CHECKING:
    from prefect.client.schemas.objects import Flow, FlowRun, State

VARIABLE, BLOCK = "XLGAP_WEBHOOK", "xlgap-webhook"
SECONDS = 10.0  # that the other side has to answer


def tell(flow: Flow, flow_run: FlowRun, state: State) -> None:
    """The hook: post what failed as JSON; a webhook that does not answer fails nothing.

    Prefect calls it by position for what failed, and by these names for what crashed.
    """
    address = _address()
    if address is None:
        return
    page = f"{PREFECT_UI_URL.value()}/runs/flow-run/{flow_run.id}" if PREFECT_UI_URL.value() else ""
    told = {
        "text": f"{flow.name} {flow_run.name}: {state.name}. {state.message or ''}".strip(),
        "flow": flow.name,
        "run": flow_run.name,
        "id": str(flow_run.id),
        "state": state.name,
        "message": state.message,
        "page": page,
    }
    try:
        httpx.post(address, json=told, timeout=SECONDS).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:  # whose text may hold the address
        flow_run_logger(flow_run).warning(
            "the webhook was not told of the failure: %s", type(error).__name__
        )


def _address() -> str | None:
    if found := os.environ.get(VARIABLE):
        return found
    if path := os.environ.get(f"{VARIABLE}_FILE"):
        return Path(path).read_text(encoding="utf8").strip() or None
    try:
        return str(Secret.load(BLOCK).get()) or None
    except ValueError:  # no such block
        return None
