"""What a Prefect server must have before ``prefect deploy --all``: ``python flows/provision.py``.

Work pools, the slots that stages of all flows and machines share, and the rule that marks flow runs as
crashed whose process is gone. Run it again at any time: what is there is brought to what is asked for.
Deployments that are there already refuse parameters that they do not have, see :func:`close_schemas`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from prefect.automations import Automation
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.filters import WorkPoolFilter, WorkPoolFilterName
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound

from engine import on_a_server
from slots import CPU, GPU, TRACKING
from xlgap.errors import ConfigError, XlgapError

TEMPLATES = Path(__file__).resolve().parents[1] / "launch" / "pools"
POOLS = {
    "xlgap": "process",
    "xlgap-stages": "process",
    "xlgap-docker": "docker",
    "xlgap-kubernetes": "kubernetes",
}
"""Work pools and their types; ``xlgap-stages`` runs single stages on other machines."""
HEARTBEAT = "prefect.flow-run.heartbeat"
ENDS = tuple(f"prefect.flow-run.{end}" for end in ("Completed", "Failed", "Cancelled", "Crashed"))
LEAST_SILENCE = 35  # seconds; Prefect sends a heartbeat every 30 at most


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="provision.py", description="Prepare a Prefect server.")
    parser.add_argument("--gpu", type=int, default=1, help="stages at once that train on GPUs")
    parser.add_argument("--cpu", type=int, default=4, help="stages at once that need no GPU")
    parser.add_argument(
        "--tracking", type=int, default=8, help="stages at once that write to the MLflow store"
    )
    parser.add_argument(
        "--silence", type=int, default=180, help="seconds without a heartbeat until a run is crashed"
    )
    parser.add_argument(
        "--no-slots", action="store_true", help="for a server on SQLite: slots cost it seconds a stage"
    )
    asked = parser.parse_args(argv)
    try:
        slots = {GPU: asked.gpu, CPU: asked.cpu, TRACKING: asked.tracking}
        done = provision({} if asked.no_slots else slots, silence=asked.silence)
    except XlgapError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print("\n".join(done))
    return 0


def provision(slots: dict[str, int], *, silence: int) -> list[str]:
    """Bring a server to what is asked for; returns a line for each thing that is there then.

    Args:
        slots: how many of each there are.
        silence: seconds without a heartbeat after which a flow run is taken for dead.

    Raises:
        ConfigError: no server is chosen; a number is too small.
    """
    if not on_a_server():
        raise ConfigError(
            "no Prefect server is chosen; set PREFECT_API_URL, such as http://127.0.0.1:4200/api."
        )
    for name, number in slots.items():
        if number < 1:
            raise ConfigError(
                f"--{name}: got {number}, but a slot that nobody can take stops all runs."
            )
    if silence < LEAST_SILENCE:
        raise ConfigError(
            f"--silence: got {silence}, but heartbeats come every 30 seconds; take {LEAST_SILENCE} "
            "or more."
        )
    done = []
    with get_client(sync_client=True) as client:
        for name, kind in POOLS.items():
            _pool(client, name, kind)
            done.append(f"work pool {name} ({kind})")
        for name, number in slots.items():
            client.upsert_global_concurrency_limit_by_name(f"tag:{name}", number)
            done.append(f"slots {name}: {number}")
        close_schemas(client, tuple(POOLS))
    _silence_is_a_crash(silence)
    done.append(f"flow runs without a heartbeat for {silence} s are crashed")
    return done


def _pool(client: SyncPrefectClient, name: str, kind: str) -> None:
    template: dict[str, Any] = {}
    file = TEMPLATES / f"{kind}.json"
    if file.is_file():
        template = json.loads(file.read_bytes())
    try:
        client.read_work_pool(name)
    except ObjectNotFound:
        client.create_work_pool(WorkPoolCreate(name=name, type=kind, base_job_template=template))
        return
    if template:
        client.update_work_pool(name, WorkPoolUpdate(base_job_template=template))


def close_schemas(client: SyncPrefectClient, pools: Sequence[str]) -> None:
    """Have the server refuse parameters that a deployment does not have.

    ``prefect deploy`` (3.8) makes schemas that allow any others; of a run with one the process ends
    before the run has begun, with an exit code for a message.

    Args:
        client: of the server.
        pools: whose deployments.
    """
    of_pools = WorkPoolFilter(name=WorkPoolFilterName(any_=list(pools)))
    for found in client.read_deployments(work_pool_filter=of_pools):
        schema = found.parameter_openapi_schema
        if schema and schema.get("additionalProperties") is not False:
            closed = {**schema, "additionalProperties": False}
            client.update_deployment(found.id, DeploymentUpdate(parameter_openapi_schema=closed))


def _silence_is_a_crash(silence: int) -> None:
    """Have the server mark runs as crashed that neither ended nor sent a heartbeat for a while."""
    wanted = Automation(
        name="xlgap: flow runs whose process is gone",
        description="Marks a flow run as crashed that stopped sending heartbeats.",
        trigger=EventTrigger(
            after={HEARTBEAT},
            expect={HEARTBEAT, *ENDS},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=silence),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"No heartbeat for {silence} seconds: its worker or machine is gone. What its "
                "stages finished is kept; run it again to go on.",
            )
        ],
    )
    try:
        found = Automation.read(name=wanted.name)
    except ValueError:
        wanted.create()
        return
    wanted.id = found.id
    wanted.update()


if __name__ == "__main__":
    sys.exit(main())
