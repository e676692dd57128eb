"""What a training's journal and run say of its cost."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from xlgap import layout
from xlgap.formats import read_json
from xlgap.planning import get_hardware
from xlgap.stages.track import Timing, peak_source, usage, utilisation, write_journal

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
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    assert usage(HOUR)["device_hours"] == 1.0
    write_journal("cell", 1, digest="d", timing=HOUR, run_id=None)
    entry = read_json(layout.journal("cell", 1))
    assert not [name for name in entry if "energy" in name]
    assert entry["device_name"] == "NVIDIA H200"  # by which it corrects plans of this GPU alone


def test_shares_of_the_peak_are_of_the_steps_and_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    peak = 2 * get_hardware("cpu").peak_flops["fp32"]
    found = utilisation(0.3 * peak * 3000, 0.6 * peak * 3000, timing=HOUR, precision="fp32")
    assert found == pytest.approx({"mfu": 0.3, "hfu": 0.6, "peak_flops": peak})
    assert (peak_source() or "").startswith("assumed: one core")
    untrained = Timing(train=0.0, evaluate=1.0, total=1.0)
    assert utilisation(0.0, 0.0, timing=untrained, precision="fp32") == {}


@pytest.mark.parametrize(("name", "mfu"), [("NVIDIA H200", 0.5), ("Some Other GPU", None)])
def test_a_gpu_has_the_peak_of_its_data_sheet_or_none(
    monkeypatch: pytest.MonkeyPatch, name: str, mfu: float | None
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: name)
    flops = 0.5 * 989e12 * HOUR.train
    assert utilisation(flops, flops, timing=HOUR, precision="bf16").get("mfu") == mfu
    assert peak_source() == (None if mfu is None else "NVIDIA H200 SXM data sheet, dense")
