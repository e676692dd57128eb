"""Real jobs on a real Slurm: they train by two tasks, and go on where they were stopped."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import yaml
from checkout import ROOT, Checkout
from slurm_node import missing, slurm
from test_survival import CELL, OUT, checkpoints, digests, lengthen

from xlgap.formats import read_json

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        os.environ.get("XLGAP_TEST_SLURM") != "1",
        reason="starts a Slurm of one node: set XLGAP_TEST_SLURM=1 (Debian: slurm-wlm, munge; as root)",
    ),
]
SCRIPT = str(ROOT / "launch" / "slurm.sbatch")


@pytest.fixture(scope="module")
def node() -> Iterator[Mapping[str, str]]:
    why = missing()
    if why is not None:
        pytest.skip(why)
    with slurm() as environment:
        yield environment


def forget(study: Checkout) -> None:
    """Have the cell trained anew: neither weights nor DVC's cache know it."""
    lock = yaml.safe_load((study.folder / "dvc.lock").read_text())
    (out,) = lock["stages"][f"finetune@{'-'.join(CELL)}"]["outs"]
    held = Path(".dvc", "cache", "files", "md5", out["md5"][:2], out["md5"][2:])
    assert (study.folder / held).is_file()
    journal_of_cell = f"journal/{'-'.join(CELL)}"
    study.run("rm", "-rf", "weights", str(OUT), journal_of_cell, ".dvc/cache/runs", str(held))


def rarely(study: Checkout) -> None:
    """No checkpoint after every step any more."""
    params = study.params
    params["train"]["checkpoint_seconds"] = 300
    study.write_params(params)


def journal(study: Checkout) -> dict[str, object]:
    return dict(read_json(study.folder / "journal" / "-".join(CELL) / "seed1.json"))


def slurm_command(study: Checkout, node: Mapping[str, str], *words: str) -> str:
    """Run one of Slurm's commands in the study; the environment's programs first."""
    path = f"{study.environment['PATH']}{os.pathsep}{node['PATH']}"
    return study.run(*words, **{**node, "PATH": path}).stdout.strip()


def state(study: Checkout, node: Mapping[str, str], job: str) -> str:
    told = slurm_command(study, node, "scontrol", "show", "job", job)
    found = re.search(r"JobState=(\w+)", told)
    assert found, told
    return found[1]


def wait_until(happened: Callable[[], bool], log: Path, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        said = log.read_text()[-3000:] if log.is_file() else "no log"
        assert time.monotonic() < deadline, said
        time.sleep(0.2)


def test_a_study_in_a_job_trains_by_its_tasks(study, node):
    """By sbatch, the flow, DVC and srun: predictions are those of one process."""
    alone = digests(study.folder / OUT)
    forget(study)
    words = ("run", "--workers", "1")
    slurm_command(
        study, node, "sbatch", "--wait", "--ntasks-per-node=2", "--output=job.out", SCRIPT, *words
    )
    said = (study.folder / "job.out").read_text()
    assert "0 failed, 0 not run" in said, said
    assert digests(study.folder / OUT) == alone
    assert journal(study)["world_size"] == 2
    assert not list((study.folder / "scratch").glob("launch/*"))


def test_a_job_that_is_asked_to_stop_is_queued_again_and_goes_on(study, node):
    lengthen(study)
    log = study.folder / "job.out"
    sbatch = ["sbatch", "--parsable", "--ntasks-per-node=2", "--output=job.out"]
    job = slurm_command(study, node, *sbatch, SCRIPT, "finetune", *CELL)
    wait_until(lambda: bool(checkpoints(study)), log)
    slurm_command(study, node, "scancel", "--batch", "--signal=TERM", job)
    wait_until(lambda: state(study, node, job) == "PENDING", log, 60)
    said = log.read_text()
    assert said.count("the state is saved, run the same command again") == 1, said
    assert not (study.folder / OUT).exists()
    rarely(study)
    wait_until(lambda: state(study, node, job) == "COMPLETED", log)
    assert re.search(r"goes on after step \d+ of", log.read_text())
    stopped = digests(study.folder / OUT)
    study.run("rm", "-rf", "weights", str(OUT))
    study.xlgap("finetune", *CELL, XLGAP_PROCESSES="2")
    assert digests(study.folder / OUT) == stopped


def test_a_job_that_its_user_cancels_stays_cancelled(study, node):
    lengthen(study)
    log = study.folder / "job.out"
    job = slurm_command(
        study, node, "sbatch", "--parsable", "--output=job.out", SCRIPT, "finetune", *CELL
    )
    wait_until(lambda: bool(checkpoints(study)), log)
    slurm_command(study, node, "scancel", job)
    wait_until(lambda: state(study, node, job) == "CANCELLED", log, 60)
    assert "queued again" not in log.read_text()


def test_a_stage_that_does_not_train_refuses_to_be_several(study, node):
    with pytest.raises(AssertionError, match="'xlgap score' is one process, and 2 were started"):
        slurm_command(study, node, "srun", "--ntasks=2", "xlgap", "score", "lab_ner")


def test_srun_by_hand_makes_ranks(study, node):
    """Without a batch script: the tasks of a step are the processes of a training."""
    alone = digests(study.folder / OUT)
    forget(study)
    slurm_command(study, node, "srun", "--ntasks=2", "xlgap", "finetune", *CELL)
    assert digests(study.folder / OUT) == alone
    assert journal(study)["world_size"] == 2


def test_the_batch_script_is_shell(tmp_path):
    subprocess.run(["bash", "-n", SCRIPT], check=True)
