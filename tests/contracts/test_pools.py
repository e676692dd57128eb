"""Work pools and deployments, checked without any server or cluster."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FLOWS = ROOT / "flows"
POOLS = ROOT / "launch" / "pools"


@pytest.fixture(autouse=True)
def _flows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FLOWS))
    monkeypatch.chdir(ROOT)


def manifest(**values: Any) -> dict[str, Any]:
    """The job that the pool's template makes, as Prefect fills it in."""
    from prefect.utilities.templating import apply_values

    template = json.loads((POOLS / "kubernetes.json").read_bytes())
    known = template["variables"]["properties"]
    filled = {name: entry["default"] for name, entry in known.items() if "default" in entry} | values
    made: dict[str, Any] = apply_values(template["job_configuration"]["job_manifest"], filled)
    container = made["spec"]["template"]["spec"]["containers"][0]
    # what prefect-kubernetes does with the two when it starts a job
    container["env"] = [{"name": k, "value": v} for k, v in container["env"].items()]
    container["args"] = str(container["args"]).split()
    made["metadata"]["labels"] = {"prefect.io/flow-run-id": "0"}
    return made


@pytest.mark.parametrize("gpus", [0, 8])
def test_a_job_is_one_that_kubernetes_takes(gpus: int) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    made = manifest(command="python -m prefect.engine", name="run", labels={}, gpus=gpus)
    kubernetes_validate.validate(made, "1.31", strict=True)
    pod = made["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == gpus
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["command"] + container["args"] == [
        "/usr/bin/env",
        "python",
        "-m",
        "prefect.engine",
    ]
    assert made["spec"]["backoffLimit"] == 0  # the flow decides what is tried again


@pytest.mark.parametrize("name", ["docker", "kubernetes"])
def test_templates_use_only_variables_that_they_declare(name: str) -> None:
    from prefect.utilities.templating import find_placeholders

    template = json.loads((POOLS / f"{name}.json").read_bytes())
    used = {placeholder.name for placeholder in find_placeholders(template["job_configuration"])}
    assert used <= template["variables"]["properties"].keys()


def test_deployments_are_of_flows_that_take_their_parameters() -> None:
    from prefect.flows import load_flow_from_entrypoint

    from provision import POOLS as PROVISIONED

    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert {d["name"] for d in deployments} >= {"study", "refresh", "audit", "report", "stage"}
    for deployment in deployments:
        flow = load_flow_from_entrypoint(deployment["entrypoint"])
        taken = inspect.signature(flow.fn).parameters
        assert deployment.get("parameters", {}).keys() <= taken.keys()
        assert deployment["work_pool"]["name"] in PROVISIONED
        for schedule in deployment.get("schedules", []):
            assert schedule["active"] is False
            assert schedule["timezone"]
    assert "prefect" in sys.modules
