"""What a training's journal and run say of its cost."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from xlgap import layout
from xlgap.formats import read_json
from xlgap.planning import get_hardware
from xlgap.stages.track import Timing, usage, write_journal

HOUR = Timing(train=3000.0, evaluate=500.0, total=3600.0)


def test_energy_on_cpu_is_that_of_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    watts = get_hardware("cpu").watts
    assert usage(HOUR)["energy_kwh"] == pytest.approx(watts / 1000)
    write_journal("cell", 1, digest="d", timing=HOUR, run_id=None)
    entry = read_json(layout.journal("cell", 1))
    assert entry["energy_kwh"] == pytest.approx(watts / 1000)
    assert entry["energy_method"] == f"wall time x processes x {watts} W, assumed"


def test_energy_on_a_gpu_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert usage(HOUR)["device_hours"] == 1.0
    write_journal("cell", 1, digest="d", timing=HOUR, run_id=None)
    assert not [name for name in read_json(layout.journal("cell", 1)) if "energy" in name]
