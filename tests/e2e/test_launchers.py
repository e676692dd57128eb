"""A stage's two processes by torchrun and by DeepSpeed's launcher: same outs, ends that are told."""

import os
import re
import signal
import subprocess
import time

import psutil
import pytest
from test_survival import CELL, OUT, digests, lengthen, wait_for_checkpoint

from xlgap.formats import read_json

pytestmark = pytest.mark.e2e


def world_size(study):
    return read_json(study.folder / "journal" / "-".join(CELL) / "seed1.json")["world_size"]


def start(study, **environment):
    return subprocess.Popen(
        ["xlgap", "finetune", *CELL],
        cwd=study.folder,
        env={**study.environment, **environment},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def of_ranks(process):
    """The processes that train, by rank."""
    found = {}
    for child in psutil.Process(process.pid).children(recursive=True):
        environment = child.environ()
        if "RANK" in environment:
            found[environment["RANK"]] = child
    return found


def test_deepspeeds_launcher_with_a_hostfile_of_this_machine(study, tmp_path):
    alone = digests(study.folder / OUT)
    study.run("rm", "-rf", "weights", str(OUT))
    (tmp_path / "hosts").write_text("localhost slots=2\n")
    study.xlgap("finetune", *CELL, XLGAP_HOSTFILE=str(tmp_path / "hosts"))
    assert world_size(study) == 2
    assert digests(study.folder / OUT) == alone
    assert not list((study.folder / "scratch" / "launch").iterdir())


def test_a_stop_of_two_processes_is_one_line_and_a_killed_one_is_told(study):
    """Ctrl-C reaches the group once; then a rank is killed; then both go on from where they were."""
    lengthen(study)
    process = start(study, XLGAP_PROCESSES="2")
    wait_for_checkpoint(study, 5, process)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "the state is saved" in said.splitlines()[-1]
    assert said.count("the state is saved") == 1
    process = start(study, XLGAP_PROCESSES="2")
    assert "goes on after step" in (line := next_word(process)), line
    of_ranks(process)["1"].kill()
    _, said = process.communicate(timeout=120)
    wanted = {
        137: "of the training was killed",
        75: "another process is gone",
    }  # the other may be first
    assert wanted.get(process.returncode, "no such code") in said.splitlines()[-1], said
    assert not (study.folder / OUT).exists()
    params = study.params
    params["train"]["checkpoint_seconds"] = 300
    study.write_params(params)
    said = study.xlgap("finetune", *CELL, XLGAP_PROCESSES="2").stderr
    assert re.search(r"goes on after step \d+ of", said)
    assert world_size(study) == 2


def next_word(process):
    """The first line of a rank that goes on."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        line = process.stderr.readline()
        if "goes on" in line or not line:
            return line
    raise AssertionError("nothing within four minutes")


def test_of_one_that_hangs_after_training_the_other_ends(study):
    """While the first one predicts, and the second one waits for it."""
    alone = digests(study.folder / OUT)
    params = study.params
    params["train"]["hang_seconds"] = 8
    study.write_params(params)
    study.run("rm", "-rf", "weights", str(OUT))
    process = start(study, XLGAP_PROCESSES="2")
    until(process, lambda: any((study.folder / "weights").glob("*/facts.json")))
    hung = of_ranks(process)["0"]
    hung.suspend()
    told = study.folder / "scratch" / "launch"
    until(process, lambda: any(told.glob("*/1.word")))
    hung.kill()  # torchrun would give it 30 seconds to end
    _, said = process.communicate(timeout=120)
    assert process.returncode == 75, said
    assert said.splitlines()[-1].startswith("error: no progress for 8 seconds in ")
    assert not (study.folder / OUT).exists()
    study.xlgap("finetune", *CELL, XLGAP_PROCESSES="2")
    assert digests(study.folder / OUT) == alone


def until(process, there):
    """Wait for what the process does while it runs."""
    deadline = time.monotonic() + 240
    while not there():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_error_of_a_rank_is_the_last_line(study):
    """Not the launcher's account of its processes."""
    params = study.params
    params["models"]["two"]["finetune_scale"] = 1e30  # its loss becomes infinite
    study.write_params(params)
    study.run("rm", "-rf", "weights", str(OUT))
    done = study.xlgap("finetune", *CELL, check=False, XLGAP_PROCESSES="2")
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "the loss is" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"XLGAP_LAUNCHER": "torchrum"}, "did you mean 'torchrun'?"),
        ({"XLGAP_LAUNCHER": "slurm"}, "this is no Slurm job"),
        ({"XLGAP_HOSTFILE": "/nowhere"}, "XLGAP_HOSTFILE=/nowhere: No such file"),
    ],
)
@pytest.mark.parametrize("command", [("run",), ("pretrain", "two")])
def test_a_wrong_launcher_is_told_before_anything_runs(here, command, environment, said):
    done = here.xlgap(*command, check=False, **environment)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
