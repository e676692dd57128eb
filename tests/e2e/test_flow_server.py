"""The flow against a real Prefect server, without deployments."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from prefect_server import running_server
from toy import ENVIRONMENT, STAGES, Toy

from slots import CPU, GPU, TRACKING, has_gpu

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


def test_against_a_server(tmp_path: Path) -> None:
    """It gets a named task run for each stage, with the tags that it has limits for."""
    (tmp_path / "toy").mkdir()
    toy = Toy(tmp_path / "toy")
    with running_server(tmp_path / "prefect", {**os.environ, **ENVIRONMENT}) as server:
        known = {k: server.environment[k] for k in ("PREFECT_HOME", "PREFECT_API_URL")}
        with toy.start("--no-prefork", **known) as process:
            assert process.wait(240) == 0, (toy.folder / "errors").read_text()

        def ended() -> dict[str, set[str]]:
            rows = server.post("task_runs/filter")
            return {row["name"]: set(row["tags"]) for row in rows if row["state_type"] == "COMPLETED"}

        server.until(lambda: ended().keys() == STAGES, "all task runs", 30)  # booked when they ended
        assert ended()["finetune@one-x"] == {"finetune", "train", GPU if has_gpu() else CPU, TRACKING}
        assert ended()["prepare@x"] == {"prepare", "light", "cpu"}
