"""The flow runs DVC's graph in parallel: what runs, what does not, and what is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from toy import ENVIRONMENT, FLOWS, STAGES, Toy, alive, wait_dead

pytestmark = pytest.mark.e2e

DVC_ONLY = ("dvc.cli.parser", "dvc.commands.repro", "dvc.repo.reproduce", "dvc.stage.run")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return Toy(tmp_path)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prefect's temporary server, once for this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("prefect")))
        patch.setenv("PREFECT_SERVER_LOGGING_LEVEL", "CRITICAL")
        patch.syspath_prepend(str(FLOWS))
        from prefect.testing.utilities import prefect_test_harness

        with prefect_test_harness(server_startup_timeout=120):
            yield


def grid(toy: Toy, *, workers: int = 2, preload: tuple[str, ...] = DVC_ONLY):
    from grid import grid as run

    return run(toy.folder, workers, preload=preload)


def test_runs_everything_once_then_nothing(toy: Toy, engine: None) -> None:
    summary = grid(toy)
    assert set(summary.done) == STAGES
    assert sorted(toy.ran()) == sorted(
        ["x", "y", "one-x", "one-y", "two-x", "two-y", "score-x", "score-y", "summary"]
    )
    assert (toy.folder / "all").read_text() == "xxyy"
    log = (toy.folder / "journal" / "logs" / "summary.log").read_text()
    assert "Running stage 'summary'" in log

    again = grid(toy)
    assert again.up_to_date == STAGES
    assert not again.done
    assert toy.ran() == []
    status = subprocess.run(
        [sys.executable, "-m", "dvc", "status"], cwd=toy.folder, capture_output=True, text=True
    )
    assert status.stdout == "Data and pipelines are up to date.\n"


def test_only_what_changed_runs_again(toy: Toy, engine: None) -> None:
    grid(toy)
    toy.ran()
    toy.models(one={"layers": 2, "width": 32}, two={"layers": 8, "width": 64})
    summary = grid(toy)
    assert sorted(toy.ran()) == ["two-x", "two-y"]
    assert summary.up_to_date >= {"finetune@one-x", "score@x", "summary"}  # same bytes: no rerun

    (toy.folder / "source" / "x").write_text("x, but only its first letter counts")
    grid(toy)
    assert toy.ran() == ["x"]

    (toy.folder / "source" / "x").write_text("z")
    grid(toy)
    assert sorted(toy.ran()) == ["one-x", "score-x", "summary", "two-x", "x"]
    assert (toy.folder / "all").read_text() == "zzyy"


def test_a_failed_stage_stops_only_what_needs_it(toy: Toy, engine: None) -> None:
    from dispatch import StudyFailedError

    toy.cell("case $DVC_STAGE in *one-x) echo 'the loss is not finite' >&2; exit 3;; esac")
    with pytest.raises(StudyFailedError) as caught:
        grid(toy)
    summary = caught.value.summary
    assert set(summary.failed) == {"finetune@one-x"}
    assert summary.failed["finetune@one-x"].reason == "the loss is not finite"
    assert summary.blocked == {"score@x", "summary"}
    assert set(summary.done) == STAGES - {"finetune@one-x", "score@x", "summary"}
    assert toy.ran().count("one-x") == 1  # no second attempt: it could not heal

    toy.cell(":")
    assert set(grid(toy).done) == {"finetune@one-x", "score@x", "summary"}


def test_a_killed_stage_gets_a_second_attempt(toy: Toy, engine: None) -> None:
    toy.cell("case $DVC_STAGE in *one-x) [ -e second ] || { touch second; kill -9 $$; };; esac")
    assert set(grid(toy).done) == STAGES
    assert toy.ran().count("one-x") == 2


def test_without_the_server_stages_run_the_same(toy: Toy, engine: None) -> None:
    summary = grid(toy, preload=())
    assert set(summary.done) == STAGES
    assert not (toy.folder / "journal" / "logs" / "prefork.log").exists()


def test_workers_run_side_by_side_and_no_more(toy: Toy, engine: None) -> None:
    toy.cell(
        "mkdir -p now; touch now/$$; ls now | wc -l >> many; sleep 1.5; "
        "ls now | wc -l >> many; rm now/$$"
    )
    grid(toy, workers=2)
    assert max(int(n) for n in (toy.folder / "many").read_text().split()) == 2


def test_a_second_run_of_the_same_study_is_refused(toy: Toy, engine: None) -> None:
    from filelock import FileLock

    from xlgap.errors import ResultError

    (toy.folder / "journal").mkdir()
    with (
        FileLock(toy.folder / "journal" / "grid.lock"),
        pytest.raises(ResultError, match="another run"),
    ):
        grid(toy)


def _until(path: Path, process: subprocess.Popen[str]) -> list[int]:
    """Process ids that stages have written, as soon as two of them have."""
    end = time.monotonic() + 90
    while True:
        pids = [int(pid) for pid in path.read_text().split()] if path.exists() else []
        if len(pids) == 2:
            return pids
        assert process.poll() is None, (path.parent / "errors").read_text()
        assert time.monotonic() < end, "the stages did not start"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "options"),
    [
        (signal.SIGINT, ()),
        (signal.SIGTERM, ("--no-prefork",)),
        (signal.SIGKILL, ()),
        (signal.SIGKILL, ("--no-prefork",)),
    ],
)
def test_nothing_is_left_behind(
    toy: Toy,
    tmp_path_factory: pytest.TempPathFactory,
    number: signal.Signals,
    options: tuple[str, ...],
) -> None:
    toy.cell("echo $$ >> pids; exec sleep 300")
    home = tmp_path_factory.mktemp("prefect")
    with toy.start(*options, PREFECT_HOME=str(home)) as process:
        pids = _until(toy.folder / "pids", process)
        family = {p.pid: p.cmdline() for p in psutil.Process(process.pid).children(recursive=True)}
        process.send_signal(number)
        process.wait(60)
    errors = (toy.folder / "errors").read_text()
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130
        assert "run it again" in errors
        assert "Traceback" not in errors
    assert family.keys() >= set(pids)
    for pid, command in family.items():
        if number == signal.SIGKILL and "uvicorn" in command:
            os.kill(
                pid, signal.SIGTERM
            )  # Prefect's own server outlives a killed flow; our parts do not
        wait_dead(pid)


@pytest.mark.slow
def test_against_a_server(toy: Toy, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A real Prefect server gets a named task run for each stage, and takes the deployments."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = str(tmp_path_factory.mktemp("prefect"))
    api = f"http://127.0.0.1:{port}/api"
    environment = {**os.environ, "PREFECT_HOME": home, "PREFECT_API_URL": api}
    command = [str(Path(sys.executable).with_name("prefect")), "server", "start", "--port", str(port)]
    with (
        (tmp_path / "server.log").open("wb") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            _wait_healthy(api, server)
            with toy.start("--no-prefork", PREFECT_HOME=home, PREFECT_API_URL=api) as process:
                assert process.wait(240) == 0, (toy.folder / "errors").read_text()
            assert _task_runs(api) == STAGES
            _deploy(environment)
            assert _deployments(api) == {"study": "flows/dispatch.py:grid_flow"}
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)
    assert not alive(server.pid)


def _deploy(environment: dict[str, str]) -> None:
    """What prefect.yaml says to do."""
    prefect = [str(Path(sys.executable).with_name("prefect")), "--no-prompt"]
    for command in (["work-pool", "create", "xlgap", "--type", "process"], ["deploy", "--all"]):
        subprocess.run([*prefect, *command], cwd=FLOWS.parent, env=environment, check=True)


def _deployments(api: str) -> dict[str, str]:
    import httpx

    rows = httpx.post(f"{api}/deployments/filter", json={}).json()
    return {row["name"]: row["entrypoint"] for row in rows}


def _wait_healthy(api: str, server: subprocess.Popen[bytes]) -> None:
    import httpx

    end = time.monotonic() + 120
    while time.monotonic() < end:
        assert server.poll() is None, "the server ended"
        try:
            if httpx.get(f"{api}/health").status_code == 200:
                return
        except httpx.ConnectError:
            time.sleep(0.2)
    raise AssertionError("the server did not start")


def _task_runs(api: str) -> set[str]:
    """Names of the completed task runs; the server books them a moment after they end."""
    import httpx

    end = time.monotonic() + 30
    names: set[str] = set()
    while names != STAGES and time.monotonic() < end:
        rows = httpx.post(f"{api}/task_runs/filter", json={}).json()
        names = {row["name"] for row in rows if row["state_type"] == "COMPLETED"}
        time.sleep(0.5)
    return names
