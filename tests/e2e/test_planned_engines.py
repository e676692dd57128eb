"""DeepSpeed accepts the configuration of every plan of ``studies/scale.yaml``."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from xlgap.cell import grid
from xlgap.models.catalogue import get_checkpoint
from xlgap.planning import plan_study
from xlgap.stages.engine_plan import zero_of
from xlgap.study_files import read_study

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "programs" / "planned_engines.py"
MACHINES = ("8x8xh100", "8xh100", "8xh200", "8xa100-40gb", "rtx4090")


@pytest.mark.e2e
def test_every_plan_of_the_large_study_is_accepted(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    ways = list(distinct())
    assert {way["plan"]["stage"] for way in ways} == {0, 1, 2, 3}
    assert {way["model_type"] for way in ways} == {"xlm-roberta", "xlm-roberta-xl", "mt5", "bloom"}
    asked, out = tmp_path / "ways.json", tmp_path / "out.json"
    asked.write_text(json.dumps(ways))
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(asked), str(out)],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(out.read_text())
    assert len(found) == len(ways)
    for way, started in zip(ways, found, strict=True):
        places = {way["plan"]["offload_optimizer"], way["plan"]["offload_parameters"]}
        assert started["stage"] == way["plan"]["stage"]
        assert started["on_disk"] == ("nvme" in places)
        assert (started["loss"] is None) == started["on_disk"], way
    assert sum(started["loss"] is not None for started in found) >= 8


def distinct():
    """The plans of all models on several machines, each once a family."""
    params = read_study(ROOT / "studies" / "scale.yaml").params
    cells, seen = grid(params), set()
    for machine in MACHINES:
        for stage in plan_study(params, cells, hardware=machine).stages:
            if stage.choice is None or not stage.choice.fits:
                continue
            checkpoint = get_checkpoint(params.models[stage.model].hub)
            zero = zero_of(
                stage.choice, params.train, learning_rate=1e-2,
                largest_tensor=checkpoint.vocabulary * checkpoint.d_model,
            )  # fmt: skip
            key = (
                checkpoint.model_type, zero.stage, zero.offload_optimizer, zero.offload_parameters,
                zero.activation_checkpointing,
            )  # fmt: skip
            if key not in seen:
                seen.add(key)
                yield {"model_type": checkpoint.model_type, "plan": asdict(zero)}
