"""The flow runs DVC's graph in parallel: what runs, what does not, and what is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from prefect_server import new_home
from toy import ENVIRONMENT, FLOWS, STAGES, Toy, wait_dead

from xlgap.errors import ConfigError

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
    assert _dvc(toy, "status") == "Data and pipelines are up to date.\n"


def test_the_lock_file_is_the_one_that_dvc_writes(toy: Toy, tmp_path: Path, engine: None) -> None:
    grid(toy)
    (tmp_path / "plain").mkdir()
    plain = Toy(tmp_path / "plain")
    _dvc(plain, "repro", "-q")
    ours, theirs = ((t.folder / "dvc.lock").read_text() for t in (toy, plain))
    assert _entries(ours) == _entries(theirs)  # stages may end in another order
    assert len(_entries(ours)) == 1 + len(STAGES)
    log = toy.folder / "journal" / "logs" / "prepare@x.log"
    assert "Updating lock file" not in log.read_text()  # DVC says so when it writes the whole file

    _dvc(toy, "commit", "-f")  # has DVC write every stage again
    assert (toy.folder / "dvc.lock").read_text() == ours

    (toy.folder / "dvc.lock").write_text("# a note\n" + ours)
    (toy.folder / "source" / "x").write_text("z")
    assert "prepare@x" in grid(toy).done
    assert (toy.folder / "dvc.lock").read_text().startswith("# a note\n")
    assert "Updating lock file" in log.read_text()
    assert _dvc(toy, "status") == "Data and pipelines are up to date.\n"


def _dvc(toy: Toy, *words: str) -> str:
    command = [sys.executable, "-m", "dvc", *words]
    return subprocess.run(command, cwd=toy.folder, check=True, capture_output=True, text=True).stdout


def _entries(lock: str) -> list[str]:
    """The text before the first stage, and that of each stage."""
    return sorted(re.split(r"^(?=  \S)", lock, flags=re.MULTILINE))


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


def test_a_stage_that_gets_on_is_tried_again_a_few_times(toy: Toy, engine: None) -> None:
    """One that ends early without a checkpoint gets one more attempt, with new ones it gets five."""
    from dispatch import StudyFailedError

    saves = "step=scratch/digest/phase0/step$(date +%N) && mkdir -p $step && touch $step/rank0.json"
    for saved, attempts in ((":", 2), (saves, 6)):
        toy.cell(f"case $DVC_STAGE in *one-x) {saved}; exit 75;; esac")
        with pytest.raises(StudyFailedError) as caught:
            grid(toy)
        assert set(caught.value.summary.failed) == {"finetune@one-x"}
        assert toy.ran().count("one-x") == attempts


def test_a_stage_waits_for_another_command_of_dvc(toy: Toy, engine: None) -> None:
    """As `dvc repro` does, it holds an out for as long as it works on it."""
    with subprocess.Popen(["sleep", "15"]) as other:
        threading.Thread(target=other.wait).start()  # an ended process that nobody waits for stays
        held = {str(toy.folder / "x.data"): {"pid": other.pid, "cmd": "dvc repro"}}
        (toy.folder / ".dvc" / "tmp" / "rwlock").write_text(json.dumps({"write": held, "read": {}}))
        assert set(grid(toy).done) == STAGES
        assert other.poll() == 0
    assert toy.ran().count("x") == 1


def test_a_deployment_without_the_server_runs_the_same(toy: Toy, engine: None) -> None:
    from dispatch import grid_flow

    assert set(grid_flow(str(toy.folder), preload=()).done) == STAGES
    assert not (toy.folder / "journal" / "logs" / "prefork.log").exists()


@pytest.mark.parametrize("how", [(), ("--no-prefork",)])
def test_stages_find_our_commands_without_an_active_environment(toy: Toy, how: tuple[str, ...]) -> None:
    toy.cell("command -v dvc > where")
    with toy.start(*how, PATH="/usr/bin:/bin") as process:
        assert process.wait(120) == 0, (toy.folder / "errors").read_text()
    assert Path((toy.folder / "where").read_text().strip()).parent == Path(sys.executable).parent


def test_a_deployment_finds_our_commands_and_its_study(
    toy: Toy, engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dispatch import grid_flow

    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    toy.cell("command -v dvc > where")
    grid_flow(str(toy.folder), preload=())
    assert Path((toy.folder / "where").read_text().strip()).parent == Path(sys.executable).parent
    with pytest.raises(ConfigError, match="there is no study"):
        grid_flow(str(toy.folder / "source"), preload=())
    assert not (toy.folder / "source" / "journal").exists()


def test_workers_run_side_by_side_and_no_more(toy: Toy, engine: None) -> None:
    toy.cell(
        "mkdir -p now; touch now/$$; ls now | wc -l >> many; sleep 1.5; "
        "ls now | wc -l >> many; rm now/$$"
    )
    grid(toy, workers=2)
    assert max(int(n) for n in (toy.folder / "many").read_text().split()) == 2


def test_a_second_run_of_the_same_study_is_refused(toy: Toy, engine: None) -> None:
    from xlgap.alone import alone
    from xlgap.errors import ResultError

    (toy.folder / "dvc.lock").write_text("what the other run has written so far\n")
    with alone(toy.folder), pytest.raises(ResultError, match="another run"):
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


@pytest.mark.parametrize("preload", [DVC_ONLY, ()])
def test_stages_know_the_run_of_the_flow(toy: Toy, engine: None, preload: tuple[str, ...]) -> None:
    from prefect.client.orchestration import get_client

    toy.cell("echo $XLGAP_FLOW_RUN_ID >> runs")
    grid(toy, preload=preload)
    (run,) = set((toy.folder / "runs").read_text().splitlines())
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(run).name == toy.folder.name
    assert "XLGAP_FLOW_RUN_ID" not in os.environ


def test_stages_know_how_many_share_the_machine(
    toy: Toy, engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grid import grid as run

    monkeypatch.delenv("XLGAP_WORKERS", raising=False)
    toy.cell("echo $XLGAP_WORKERS >> all-share")
    run(toy.folder, 3, preload=())
    assert set((toy.folder / "all-share").read_text().split()) == {"3"}
    toy.cell("echo $XLGAP_WORKERS >> one-share")
    toy.models(one={"layers": 3}, two={"layers": 5})
    run(toy.folder, 3, {"train": 1}, ())
    assert set((toy.folder / "one-share").read_text().split()) == {"1"}
    assert "XLGAP_WORKERS" not in os.environ
    monkeypatch.setenv("XLGAP_WORKERS", "8")  # as someone sets it who starts several flows
    toy.cell("echo $XLGAP_WORKERS >> many-share")
    toy.models(one={"layers": 4}, two={"layers": 6})
    run(toy.folder, 3, preload=())
    assert set((toy.folder / "many-share").read_text().split()) == {"8"}
    assert os.environ["XLGAP_WORKERS"] == "8"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "send", "options"),
    [
        (signal.SIGINT, os.killpg, ()),  # as Ctrl-C does in a terminal
        (signal.SIGTERM, os.kill, ("--no-prefork",)),
        (signal.SIGHUP, os.killpg, ()),  # as a terminal does that is closed
        (signal.SIGKILL, os.kill, ()),
        (signal.SIGKILL, os.kill, ("--no-prefork",)),
    ],
)
def test_nothing_is_left_behind(
    toy: Toy,
    tmp_path_factory: pytest.TempPathFactory,
    number: signal.Signals,
    send: Callable[[int, int], None],
    options: tuple[str, ...],
) -> None:
    toy.cell("echo $$ >> pids; exec sleep 300")
    home = new_home(tmp_path_factory.mktemp("prefect"))
    with toy.start(*options, PREFECT_HOME=str(home)) as process:
        pids = _until(toy.folder / "pids", process)
        family = {p.pid: p.cmdline() for p in psutil.Process(process.pid).children(recursive=True)}
        send(process.pid, number)
        process.wait(20)
    errors = (toy.folder / "errors").read_text()
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130
        assert errors == "interrupted: its stages were stopped; run it again to go on.\n"
    assert family.keys() >= set(pids)
    assert any("uvicorn" in command for command in family.values())
    for pid in family:
        wait_dead(pid)


def test_a_kill_before_the_first_stage_leaves_no_server(
    toy: Toy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home, end = tmp_path_factory.mktemp("prefect"), time.monotonic() + 60
    with toy.start(PREFECT_HOME=str(home)) as process:
        servers: list[psutil.Process] = []
        while not servers and time.monotonic() < end:
            family = psutil.Process(process.pid).children(recursive=True)
            servers = [p for p in family if "uvicorn" in p.cmdline()]
            time.sleep(0.02)
        assert servers, "Prefect's server was not started"
        process.kill()
    assert not (toy.folder / "ran").exists()
    for server in servers:
        wait_dead(server.pid)


SLOW_TO_STOP = """
import os, signal, sys, time
def stop(number, frame):
    time.sleep(3)
    os.system(f"echo {os.getpid()} >> ends")
    sys.exit(1)
signal.signal(signal.SIGINT, stop)
os.system(f"echo {os.getpid()} >> pids")
time.sleep(300)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "seconds"), [(signal.SIGINT, 0.01), (signal.SIGTERM, 0.5)])
def test_more_signals_do_not_disturb_the_stop(
    toy: Toy, tmp_path_factory: pytest.TempPathFactory, number: signal.Signals, seconds: float
) -> None:
    (toy.folder / "slow.py").write_text(SLOW_TO_STOP)
    toy.cell(f"exec '{sys.executable}' slow.py")
    with toy.start(PREFECT_HOME=str(new_home(tmp_path_factory.mktemp("prefect")))) as process:
        pids = _until(toy.folder / "pids", process)
        for _ in range(4):
            os.killpg(process.pid, number)
            time.sleep(seconds)
        assert process.wait(40) == 130
    said = (toy.folder / "errors").read_text()
    assert said == "interrupted: its stages were stopped; run it again to go on.\n"
    assert {int(pid) for pid in (toy.folder / "ends").read_text().split()} == set(pids)


@pytest.mark.slow
def test_a_job_in_the_background_can_be_stopped(
    toy: Toy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A shell starts it with SIGINT ignored, which its stages must not inherit."""
    toy.cell("echo $$ >> pids; exec sleep 300")
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        job = toy.start("--no-prefork", PREFECT_HOME=str(new_home(tmp_path_factory.mktemp("prefect"))))
    finally:
        signal.signal(signal.SIGINT, before)
    with job:
        pids = _until(toy.folder / "pids", job)
        job.send_signal(signal.SIGINT)
        job.terminate()
        job.wait(20)
    assert job.returncode == 130
    for pid in pids:
        wait_dead(pid)


@pytest.mark.slow
def test_the_temporary_server_is_not_asked_for_slots(toy: Toy, tmp_path: Path) -> None:
    """Tasks without tags have no limits to ask for; asking costs seconds while the server is busy."""
    with toy.start("--no-prefork", PREFECT_HOME=str(new_home(tmp_path / "prefect"))) as process:
        assert process.wait(240) == 0, (toy.folder / "errors").read_text()
    with sqlite3.connect(tmp_path / "prefect" / "prefect.db") as db:
        found = dict(db.execute("select name, tags from task_run"))
    assert found.keys() == STAGES
    assert set(found.values()) == {"[]"}
