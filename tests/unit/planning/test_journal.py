"""Hours are corrected by what finished stages of the same models took."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from xlgap import layout
from xlgap.__main__ import main
from xlgap.cell import grid
from xlgap.formats import write_json
from xlgap.planning import plan_study, render
from xlgap.planning.hardware import get_hardware
from xlgap.planning.journal import factors, measured_seconds

pytestmark = pytest.mark.usefixtures("toy_tasks")

ROWS = {"train_rows": 100, "dev_rows": 8, "test_rows": 10}
CELL = "nano-direct_en-toy_nli"


@pytest.fixture
def params(study):
    return study(tasks={"toy_nli": ROWS})


def planned(params, directory=None):
    plan = plan_study(params, grid(params), directory=directory)
    return plan, {stage.stage: stage for stage in plan.stages}


def ran(directory, stage, *, times=1.0, seeds=(1, 2), folder=CELL, **changes):
    """Entries of a journal in which ``stage`` took ``times`` what is planned."""
    for seed in seeds:
        took = times * 3600 * stage.hours / stage.seeds
        entry = {
            "train_seconds": 0.5 * took, "select_seconds": 0.25 * took, "evaluate_seconds": 0.25 * took,
            "world_size": 1, "device": "cpu", **changes,
        }  # fmt: skip
        write_json(directory / layout.JOURNAL / folder / f"seed{seed}.json", entry)


def test_a_models_hours_follow_its_finished_stages(params, tmp_path):
    before, stages = planned(params)
    ran(tmp_path, stages[f"finetune@{CELL}"], times=3)
    plan, after = planned(params, tmp_path)
    assert plan.calibration == {"nano": pytest.approx(3)}
    for name, stage in stages.items():
        times = 3 if stage.model == "nano" else 1
        assert after[name].hours == pytest.approx(times * stage.hours)
        assert after[name].kwh == pytest.approx(times * stage.kwh)
    assert plan.totals.hours > before.totals.hours
    assert "hours of nano are the formula's times 3.00, as in 1 finished stages" in render(plan)


def test_the_median_over_stages_counts(params, tmp_path):
    _, stages = planned(params)
    ran(tmp_path, stages[f"finetune@{CELL}"], times=2)
    ran(tmp_path, stages["pretrain@nano"], times=4, seeds=(0,), folder="pretrain-nano")
    found = factors(stages.values(), tmp_path, get_hardware("cpu"))
    assert found == {"nano": (pytest.approx(3), 2)}


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": (1,)},  # the second is not done
        {"world_size": 2},
        {"device": "cuda"},
        {"train_seconds": 0.0},  # its weights were found done
    ],
)
def test_what_is_not_alike_is_left_out(params, tmp_path, changes):
    _, stages = planned(params)
    stage = stages[f"finetune@{CELL}"]
    ran(tmp_path, stage, times=3, **changes)
    assert measured_seconds(stage, tmp_path, get_hardware("cpu")) is None
    assert planned(params, tmp_path)[0].calibration == {}


def test_a_gpu_tells_nothing_of_another_one(params, tmp_path):
    card = get_hardware("rtx4090")
    stage = next(s for s in plan_study(params, grid(params), hardware=card).stages if CELL in s.stage)
    ran(tmp_path, stage, times=3, device="cuda", device_name="NVIDIA GeForce RTX 4090")
    assert measured_seconds(stage, tmp_path, card) == pytest.approx(3 * 3600 * stage.hours)
    own = replace(card, name="gpu", device=re.escape("NVIDIA GeForce RTX 4090"))
    assert measured_seconds(stage, tmp_path, own) is not None
    for other in ("h100", "l4", "rtx3090", "cpu"):
        assert measured_seconds(stage, tmp_path, get_hardware(other)) is None
    ran(tmp_path, stage, times=3, device="cuda")  # of an earlier version: any GPU's
    assert measured_seconds(stage, tmp_path, card) is None


def test_an_entry_of_an_earlier_version_is_of_a_cpu(params, tmp_path):
    _, stages = planned(params)
    stage = stages[f"finetune@{CELL}"]
    ran(tmp_path, stage, times=2)
    for path in (tmp_path / layout.JOURNAL / CELL).iterdir():
        entry = json.loads(path.read_text())
        del entry["device"]
        write_json(path, entry)
    assert measured_seconds(stage, tmp_path, get_hardware("cpu")) == pytest.approx(7200 * stage.hours)


def test_the_command_reads_the_studys_own_journal(raw_study, study, tmp_path, capsys):
    params = study(tasks={"toy_nli": ROWS})
    ran(tmp_path, planned(params)[1][f"finetune@{CELL}"], times=5)
    (tmp_path / "params.yaml").write_text(json.dumps(raw_study(tasks={"toy_nli": ROWS})))
    assert main(["plan", "--json", "--study", str(tmp_path / "params.yaml")]) == 0
    assert json.loads(capsys.readouterr().out)["calibration"] == {"nano": pytest.approx(5)}
