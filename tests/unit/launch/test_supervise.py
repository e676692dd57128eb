"""Supervising a launcher: real processes, whose ranks leave word, are killed or stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from xlgap.errors import ConfigError, Interrupted, TrainingError, XlgapError
from xlgap.launch.decide import Launch
from xlgap.launch.stage import refuse_ranks, trains_here
from xlgap.launch.supervise import KILLED, supervise

# Starts two ranks and, as torchrun does, ends with 1 when one of them fails.
LAUNCHER = """
import os, subprocess, sys
ranks = [
    subprocess.Popen([sys.executable, "-c", sys.argv[1]], env={**os.environ, "RANK": str(k)})
    for k in range(2)
]
sys.exit(1 if any([rank.wait() for rank in ranks]) else 0)
"""
RANK = """
import os, signal, sys, time
from pathlib import Path
from xlgap.errors import Interrupted, TrainingError
from xlgap.launch import ranks
first = os.environ["RANK"] == "0"
ranks.come()
def end(error):
    ranks.tell(error)
    sys.exit(3)
"""


def launch(rank: str, launcher: str = "torchrun") -> Launch:
    code = textwrap.dedent(RANK) + textwrap.dedent(rank)
    command = (sys.executable, "-c", LAUNCHER, code)
    return Launch(launcher=launcher, command=command, local=2)


def outcome(folder: Path, rank: str, launcher: str = "torchrun") -> XlgapError | None:
    try:
        supervise(launch(rank, launcher), folder)
    except XlgapError as error:
        return error
    finally:
        assert not folder.exists()
    return None


def test_ranks_that_end_well_leave_nothing(tmp_path):
    assert outcome(tmp_path / "word", "") is None


def test_the_first_error_of_ours_is_the_sentence(tmp_path):
    """Not the exception that follows from it, nor the launcher's own words and exit code."""
    told = outcome(
        tmp_path / "word",
        """
        if first:
            time.sleep(0.3)
            end(Interrupted("a later one"))
        end(TrainingError("the loss is infinite"))
        """,
    )
    assert str(told) == "the loss is infinite"
    assert told is not None
    assert told.exit_code == TrainingError.exit_code


def test_the_first_rank_ends_before_the_others(tmp_path):
    """What it has to close is closed: a launcher ends the ranks that run when another has failed."""
    marks = tmp_path / "ends"
    marks.mkdir()
    told = outcome(
        tmp_path / "word",
        f"""
        if first:
            time.sleep(0.5)
        ranks.tell(Interrupted("the state is saved"))
        Path({str(marks)!r}, os.environ["RANK"]).write_text(str(time.monotonic()))
        sys.exit(130)
        """,
    )
    assert str(told) == "the state is saved"
    first, second = (float((marks / rank).read_text()) for rank in "01")
    assert second > first - 0.1


def test_an_exception_goes_after_an_error_of_ours(tmp_path):
    told = outcome(
        tmp_path / "word",
        """
        if first:
            end(RuntimeError("Connection closed by peer"))
        time.sleep(0.3)
        end(TrainingError("the disk is full"))
        """,
    )
    assert str(told) == "the disk is full"


def test_the_exception_that_others_follow_from_goes_before_their_errors(tmp_path):
    told = outcome(
        tmp_path / "word",
        """
        if first:
            end(KeyError("a bug"))
        time.sleep(0.3)
        gone = TrainingError("another process is gone")
        gone.follows = True
        end(gone)
        """,
    )
    assert told is not None
    assert (str(told), told.exit_code) == ("KeyError: 'a bug'", 1)


def test_a_killed_rank_is_told_from_an_error(tmp_path):
    told = outcome(
        tmp_path / "word",
        """
        if not first:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.2)
        end(RuntimeError("gloo: Connection closed by peer"))
        """,
    )
    assert told is not None
    assert "process 1 of the training was killed" in str(told)
    assert told.exit_code == KILLED == 137  # the flow tries it again


def test_a_launcher_that_starts_nothing_says_so(tmp_path):
    command = (sys.executable, "-c", "import sys; sys.exit(7)")
    with pytest.raises(TrainingError, match="pdsh ended with exit code 7 before a process"):
        supervise(Launch(launcher="pdsh", command=command), tmp_path / "word")


def test_only_pdsh_finds_an_environment_and_it_is_private(tmp_path, monkeypatch):
    """On its command line there is none of it."""
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    monkeypatch.setenv("XLGAP_PREFORK_SOCKET", "here")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    word = tmp_path / "word"
    code = f"""
import json, os, sys
held = os.path.join({str(word)!r}, "environment.json")
told = json.load(open(held))
assert os.stat(held).st_mode & 0o777 == 0o600
assert told["MLFLOW_TRACKING_PASSWORD"] == "secret"
assert told["XLGAP_LAUNCH_FOLDER"] == {str(word)!r}
assert not {{"XLGAP_PREFORK_SOCKET", "CUDA_VISIBLE_DEVICES", "HOME"}} & told.keys()
assert "MLFLOW_TRACKING_PASSWORD" not in os.environ
assert "XLGAP_PREFORK_SOCKET" not in os.environ
"""
    supervise(Launch(launcher="pdsh", command=(sys.executable, "-c", code)), word)
    assert not word.exists()


WAITS = """
stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
Path(os.environ["MARKS"], os.environ["RANK"]).touch()
while not stopped:
    time.sleep(0.02)
time.sleep(0.3)
if len(stopped) > 1:
    end(TrainingError("stopped twice"))
end(Interrupted("the state is saved"))
"""
# As srun: SIGUSR1 goes to the ranks, which must not get SIGTERM from here.
PASSES_ON = """
import signal
signal.signal(signal.SIGUSR1, lambda *_: [rank.send_signal(signal.SIGUSR1) for rank in ranks])
"""
AS_SRUN = LAUNCHER.replace("sys.exit(1", f"{PASSES_ON}sys.exit(1")
SUPERVISOR = """
import sys
from pathlib import Path
from xlgap.errors import XlgapError
from xlgap.launch.decide import Launch
from xlgap.launch.supervise import supervise
launcher, program, rank, folder = sys.argv[1:]
command = (sys.executable, "-c", program, rank)
try:
    supervise(Launch(launcher=launcher, command=command, local=2), Path(folder))
except XlgapError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def wait_until(happened: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def started(folder: Path, launcher: str, rank: str) -> subprocess.Popen[str]:
    program = AS_SRUN if launcher == "slurm" else LAUNCHER
    words = [launcher, program, textwrap.dedent(RANK) + rank, str(folder / "word")]
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, *words],
        env={**os.environ, "MARKS": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: (folder / "0").exists() and (folder / "1").exists())
    return process


@pytest.mark.parametrize("launcher", ["torchrun", "slurm"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_of_the_group_reaches_each_rank_once(tmp_path, launcher, number):
    process = started(tmp_path, launcher, WAITS)
    os.killpg(process.pid, number)
    said, _ = process.communicate(timeout=30)
    assert (said.strip(), process.returncode) == ("the state is saved", Interrupted.exit_code)


def test_a_second_stop_kills(tmp_path):
    process = started(tmp_path, "torchrun", WAITS.replace("time.sleep(0.3)", "time.sleep(60)"))
    children = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    time.sleep(0.3)
    process.terminate()
    said, _ = process.communicate(timeout=30)
    assert process.returncode == Interrupted.exit_code
    assert "stopped" in said
    wait_until(lambda: not any(map(lives, children)))


def test_ranks_do_not_outlive_a_killed_supervisor(tmp_path):
    """The launcher is told to end, and ends them: here, by dying with the pipe that they read."""
    rank = WAITS.replace("while not stopped", "while os.getppid() != 1 and not stopped")
    process = started(tmp_path, "torchrun", rank)
    (launcher,) = psutil.Process(process.pid).children()
    process.kill()
    process.communicate(timeout=30)
    wait_until(lambda: not lives(launcher))


@pytest.mark.parametrize(
    "environment",
    [
        {"RANK": "1", "WORLD_SIZE": "2"},
        {
            "SLURM_JOB_ID": "1",
            "SLURM_STEP_ID": "0",
            "SLURM_STEP_NUM_TASKS": "2",
        },
    ],
)
def test_what_does_not_train_is_one_process(monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="'xlgap score' is one process, and 2 were started"):
        refuse_ranks("score")


def test_a_rank_takes_its_place_from_slurm(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "LOCAL_SIZE", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MASTER_PORT", "1")
    step = {"JOB_ID": "1", "STEP_ID": "0", "STEP_NUM_TASKS": "2", "PROCID": "1", "LOCALID": "1"}
    for name, value in {**step, "STEP_NODELIST": "vm", "STEP_TASKS_PER_NODE": "2"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    before = {n: signal.getsignal(n) for n in (signal.SIGUSR1, signal.SIGTERM)}
    asked: list[int] = []
    try:
        assert trains_here(["finetune"], say=print)
        assert (os.environ["RANK"], os.environ["WORLD_SIZE"]) == ("1", "2")
        assert os.environ["MASTER_ADDR"] == "127.0.0.1"
        signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
        signal.raise_signal(signal.SIGUSR1)  # what srun passes on
        assert asked == [signal.SIGTERM]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "LOCAL_SIZE"):
            os.environ.pop(name, None)
        os.environ.pop("MASTER_ADDR", None)
