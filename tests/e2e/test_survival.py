"""Kills, failures and stops: nothing is lost, nothing half-written is left."""

import contextlib
import csv
import hashlib
import os
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from xlgap.formats import read_json

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


def start(study, *words):
    return subprocess.Popen(
        ["xlgap", *(words or ("finetune", *CELL))],
        cwd=study.folder,
        env=study.environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def checkpoints(study):
    """The steps of those that are complete."""
    manifests = (study.folder / "scratch").glob("*/phase0/step*/rank0.json")
    return [int(path.parent.name.removeprefix("step")) for path in manifests]


def wait_for_checkpoint(study, steps, process):
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        if max(checkpoints(study), default=0) >= steps:
            return
        assert process.poll() is None, process.stderr.read().decode()[-2000:]
        time.sleep(0.02)
    raise AssertionError("no checkpoint within four minutes")


def test_killed_twice_it_resumes_and_predicts_the_same(study):
    lengthen(study)
    for steps in (5, 90):
        process = start(study)
        wait_for_checkpoint(study, steps, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not (study.folder / OUT).exists()
    said = study.xlgap("finetune", *CELL).stderr
    step = re.search(r"goes on after step (\d+) of", said)
    assert step is not None, said
    assert int(step[1]) >= 90
    resumed = digests(study.folder / OUT)
    assert not list((study.folder / "scratch").glob("*/phase0"))
    assert not list((study.folder / OUT).parent.glob(".two*"))
    params = study.params
    params["train"]["checkpoint_seconds"] = 300
    study.write_params(params)
    study.run("rm", "-rf", "weights", str(OUT))
    study.xlgap("finetune", *CELL)
    assert digests(study.folder / OUT) == resumed


def test_killed_when_its_weights_are_kept_its_run_has_every_step(study):
    """The next command finds the training done, and tells nothing of it."""
    lengthen(study)
    params = study.params
    params["train"] |= {"checkpoint_seconds": 300, "evaluations": 4}
    study.write_params(params)
    store = study.folder / "mlflow.db"
    with contextlib.closing(sqlite3.connect(store)) as old:
        (before,) = old.execute("select max(rowid) from metrics").fetchone()
    process = start(study)
    kept = until_kept(study, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (study.folder / OUT).exists()
    study.xlgap("finetune", *CELL)
    (journal,) = (study.folder / "journal" / "-".join(CELL)).glob("seed*.json")
    assert read_json(journal)["train_seconds"] == 0.0
    (phase,) = read_json(kept)["phases"]
    with contextlib.closing(sqlite3.connect(store)) as after:
        asked = "select key, step from metrics where rowid > ? and run_uuid = ?"
        told = set(after.execute(asked, [before, read_json(journal)["mlflow_run_id"]]))
    for name in ("train_loss", "learning_rate"):
        assert {(name, n) for n in range(1, phase["steps"] + 1)} <= told
    assert {("dev_score", step) for step, _ in phase["dev"]} <= told
    assert len(phase["dev"]) == 4


def until_kept(study, process):
    """Wait until there are final weights; the file that says so."""
    deadline = time.monotonic() + 240
    while True:
        folders = (study.folder / "weights").glob("*/facts.json")
        for path in folders:
            if not path.parent.name.startswith("."):  # one that is being made
                return path
        assert process.poll() is None, process.stderr.read().decode()[-2000:]
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_sigterm_saves_the_state_and_says_so(study):
    lengthen(study)
    process = start(study)
    wait_for_checkpoint(study, 5, process)
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the state is saved, run the same command again" in said.decode()
    assert "Traceback" not in said.decode()
    assert checkpoints(study)
    assert not (study.folder / OUT).exists()


def test_a_finished_seed_is_not_trained_again_where_weights_are_not_kept(study):
    params = study.params
    params["study"]["seeds"] = [1, 2]
    params["train"] |= {"keep": "none"}
    study.write_params(params)
    lengthen(study)
    process = start(study)
    deadline = time.monotonic() + 240
    while not list((study.folder / "weights").glob("*/facts.json")):
        assert process.poll() is None, process.stderr.read().decode()[-2000:]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.5)  # the first seed's checkpoints go
    wait_for_checkpoint(study, 5, process)  # of the second one
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not (study.folder / OUT).exists()
    said = study.xlgap("finetune", *CELL).stderr
    assert "seed 1: goes on" not in said
    assert "seed 2: goes on after step" in said
    times = {
        seed: read_json(study.folder / "journal" / "-".join(CELL) / f"seed{seed}.json")["train_seconds"]
        for seed in (1, 2)
    }
    assert times[1] == 0.0 < times[2]
    assert (study.folder / OUT / "seed1" / "en.jsonl").is_file()
    assert not list((study.folder / "weights").glob("*/*"))


def test_a_stopped_training_goes_on_under_another_zero_stage(study):
    """From its checkpoint, which is converted: there is one run, and it says so."""
    lengthen(study)
    process = start(study)
    wait_for_checkpoint(study, 5, process)
    process.terminate()
    process.communicate(timeout=60)
    params = study.params
    params["train"] |= {"zero_stage": 2, "checkpoint_seconds": 300}
    study.write_params(params)
    said = study.xlgap("finetune", *CELL).stderr
    assert "of ZeRO stage 0 on 1 process, was converted for ZeRO stage 2 on 1 process" in said
    assert "goes on after step" in said
    assert (study.folder / OUT / "cell.json").is_file()
    assert not list((study.folder / "scratch").glob("*/phase0"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_of_the_group_ends_a_study_with_one_line(study, number):
    """As Ctrl-C in a terminal, or a shell's ``kill`` of a job."""
    lengthen(study)
    process = start(study, "run")
    wait_for_checkpoint(study, 5, process)
    os.killpg(process.pid, number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.decode().splitlines() == [
        "interrupted: its stages were stopped; run it again to go on."
    ]
    assert checkpoints(study)


def test_a_failing_cell_leads_to_the_partial_report(study):
    """Its warm starts fail, too: the cells after them keep their predictions of the run before."""
    params = study.params
    params["models"]["two"]["finetune_scale"] = 1e30  # its loss becomes infinite
    study.write_params(params)
    done = study.xlgap("run", check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in said
    assert "the loss is" in said
    assert (study.folder / "results" / "predictions" / "lab_ner" / "two-inter_en").is_dir()
    page, gaps = partial_report(study)
    assert all(f"two-{arm}-{task}" in page for arm in params["arms"] for task in params["tasks"])
    assert "one-" not in page
    assert {row["model"] for row in gaps} == {"one"}


def test_a_failing_preparation_leads_to_a_report_without_what_needs_it(study):
    path = study.folder / "src" / "xlgap" / "lab" / "ner.py"
    path.write_text(path.read_text() + "\n\ndef rows(*_):\n    raise KeyError('a bug')\n")
    done = study.xlgap("run", check=False)
    assert done.returncode != 0
    assert "the partial report failed" not in done.stderr, done.stderr
    page, gaps = partial_report(study)
    cells = [
        (m, a, t)
        for m in study.params["models"]
        for a in study.params["arms"]
        for t in study.params["tasks"]
    ]
    assert all("-".join(cell) in page for cell in cells)  # no text to pretrain on without the task
    assert gaps == []


def partial_report(study):
    """The page, and its table of measured gaps."""
    folder = study.folder / "report" / "partial"
    with (folder / "tables" / "gaps_measured.csv").open(newline="") as table:
        return (folder / "index.html").read_text(), list(csv.DictReader(table))
