"""Kills, failures and stops: nothing is lost, nothing half-written is left."""

import hashlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

CELL = ("two", "direct_en", "lab_ner")
OUT = Path("results/predictions/lab_ner/two-direct_en")


def digests(folder):
    return {
        p.relative_to(folder): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def lengthen(study):
    """Enough steps that a kill comes in the middle, with a checkpoint after every one."""
    params = study.params
    params["tasks"]["lab_ner"] |= {"epochs": 60, "batch_rows": 8}
    params["train"]["checkpoint_seconds"] = 0.001
    study.write_params(params)
    study.run("rm", "-rf", "weights", str(OUT))


def start(study):
    return subprocess.Popen(
        ["xlgap", "finetune", *CELL],
        cwd=study.folder,
        env=study.environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def wait_for_checkpoint(study, steps, process):
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        latest = list((study.folder / "scratch").glob("*/phase0/latest"))
        if latest and int(latest[0].read_text().removeprefix("step") or 0) >= steps:
            return
        assert process.poll() is None, process.stderr.read().decode()[-2000:]
        time.sleep(0.02)
    raise AssertionError("no checkpoint within four minutes")


@pytest.mark.parametrize("steps", [5, 90])
def test_killed_in_the_middle_it_resumes_and_predicts_the_same(study, steps):
    lengthen(study)
    process = start(study)
    wait_for_checkpoint(study, steps, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (study.folder / OUT).exists()
    study.xlgap("finetune", *CELL)
    resumed = digests(study.folder / OUT)
    assert not list((study.folder / "scratch").glob("*/phase0"))
    study.run("rm", "-rf", "weights", str(OUT))
    study.xlgap("finetune", *CELL)
    assert digests(study.folder / OUT) == resumed


def test_sigterm_saves_the_state_and_says_so(study):
    lengthen(study)
    process = start(study)
    wait_for_checkpoint(study, 5, process)
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the state is saved, run the same command again" in said.decode()
    assert "Traceback" not in said.decode()
    assert list((study.folder / "scratch").glob("*/phase0/latest"))
    assert not (study.folder / OUT).exists()


def test_a_failing_cell_leads_to_the_partial_report(study):
    params = study.params
    params["models"]["two"]["finetune_scale"] = 1e30  # its loss becomes infinite
    study.write_params(params)
    done = study.xlgap("run", check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in said
    assert "the loss is" in said
    page = (study.folder / "report" / "partial" / "index.html").read_text()
    assert "two-direct_en-lab_ner" in page
