"""The flow against a real Prefect server, without deployments."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import ROOT
from prefect_server import PrefectServer, running_server
from toy import ENVIRONMENT, STAGES, Toy

from slots import CPU, GPU, TRACKING, has_gpu

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A server that a study has run against."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "toy").mkdir()
    toy = Toy(folder / "toy")
    with running_server(folder / "prefect", {**os.environ, **ENVIRONMENT}) as made:
        known = {k: made.environment[k] for k in ("PREFECT_HOME", "PREFECT_API_URL")}
        with toy.start("--no-prefork", **known) as process:
            assert process.wait(240) == 0, (toy.folder / "errors").read_text()
        yield made


def test_against_a_server(server: PrefectServer) -> None:
    """It gets a named task run for each stage, with the tags that it has limits for."""

    def ended() -> dict[str, set[str]]:
        rows = server.post("task_runs/filter")
        return {row["name"]: set(row["tags"]) for row in rows if row["state_type"] == "COMPLETED"}

    server.until(lambda: ended().keys() == STAGES, "all task runs", 30)  # booked when they ended
    assert ended()["finetune@one-x"] == {"finetune", "train", GPU if has_gpu() else CPU, TRACKING}
    assert ended()["prepare@x"] == {"prepare", "light", "cpu"}
    (run,) = server.post("flow_runs/filter")
    assert run["name"] == "toy"


@pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("chromedriver")),
    reason="needs Chromium: apt-get install chromium chromium-driver",
)
def test_the_graph_of_the_run_is_drawn(
    server: PrefectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a browser without network, and without an error on the console."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    from prefect_views import shoot_run

    (run,) = server.post("flow_runs/filter")
    assert shoot_run(server.api, run["id"], tmp_path).stat().st_size > 20_000


def test_a_stage_that_no_worker_takes_or_begins(
    server: PrefectServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first is said, the second ends: a worker's machine died before the first heartbeat."""
    from prefect import flow
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, temporary_settings
    from prefect.states import Pending, Scheduled

    import away

    monkeypatch.setattr(away, "NOBODY_SECONDS", 1.0)
    monkeypatch.setattr(away, "BEGIN_SECONDS", 2.0)

    @flow(name="none")
    def none() -> None:
        pass

    with temporary_settings({PREFECT_API_URL: server.api}), get_client(sync_client=True) as client:
        run = client.create_flow_run(none, state=Scheduled())
        taking = threading.Timer(4, client.set_flow_run_state, (run.id, Pending()))
        taking.start()
        state = away.Away(here=None, plan=None, commit="")._ended(run.id, "finetune@a-b-c")
        taking.join()
        assert state.is_crashed()
        assert state.message.startswith("a worker took it and did not begin within 2 seconds; ")
    assert capsys.readouterr().err.count("finetune@a-b-c has waited for a worker for ") == 1
