"""This machine as the planner takes it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from xlgap.errors import ConfigError
from xlgap.machine import room
from xlgap.machine.here import this_machine
from xlgap.machine.measured import measured_machine
from xlgap.planning.hardware import GIB
from xlgap.train_params import TrainParams
from xlgap.training.engine import device
from xlgap.training.speed import product_speed

TRAIN = TrainParams(version=1, precision="fp32", evaluations=1)


@pytest.fixture(autouse=True)
def eight_gib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container of eight GiB."""
    monkeypatch.setattr(room, "CGROUP", tmp_path)
    monkeypatch.setattr(room, "OWN", tmp_path / "own")
    (tmp_path / "memory.max").write_text(f"{8 * GIB}")
    (tmp_path / "memory.current").write_text("0")
    for name in ("XLGAP_WORKERS", "XLGAP_PROCESSES", "XLGAP_HOSTFILE", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)


def test_processes_and_stages_share_the_memory(tmp_path: Path) -> None:
    of = str(tmp_path / "a")
    one = this_machine(1, of)
    assert (one.devices, one.host_bytes) == (1, 8 * GIB)
    four = this_machine(4, of, of_node=4, workers=2)
    assert (four.devices, four.of_node, four.host_bytes) == (4, 4, 4 * GIB)
    if device() == "cpu":
        assert (one.memory_bytes, four.memory_bytes) == (8 * GIB, GIB)
    else:
        assert four.memory_bytes == one.memory_bytes // 2


def test_a_stage_knows_the_others_by_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLGAP_WORKERS", "4")
    assert this_machine(1, str(tmp_path / "b")).host_bytes == 2 * GIB
    assert this_machine(1, str(tmp_path / "b"), workers=1).host_bytes == 8 * GIB
    monkeypatch.setenv("XLGAP_WORKERS", "none")
    with pytest.raises(
        ConfigError, match="XLGAP_WORKERS: got 'none', allowed is a whole number from 1"
    ):
        this_machine(1, str(tmp_path / "b"))


def test_the_disk_is_that_of_the_offloads(tmp_path: Path) -> None:
    here = this_machine(1, str(tmp_path / "c" / "nvme"), workers=2)
    assert here.nvme_bytes == pytest.approx(shutil.disk_usage(tmp_path).free / 2, rel=0.05)


def test_its_speed_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLGAP_PROCESSES", "2")
    here = measured_machine(TRAIN, tmp_path, workers=2)
    known = this_machine(2, str(tmp_path / TRAIN.nvme_path), of_node=2, workers=2)
    assert (here.devices, here.memory_bytes, here.kind) == (2, known.memory_bytes, known.kind)
    assert 1e9 < here.peak_flops["fp32"] < 1e15
    assert 1e8 < here.peak_flops["bf16"] < 1e16
    assert known.utilisation < here.utilisation <= 1
    assert here.source.startswith("measured: products of matrices on ")
    assert "4.00 GiB of memory" in here.source
    assert (here.link, here.watts, here.step_seconds) == (known.link, known.watts, known.step_seconds)


def test_a_product_is_as_fast_as_another_time() -> None:
    import torch

    before, cores = torch.get_num_threads(), os.cpu_count() or 1
    found = [product_speed("fp32", threads=min(2, cores)) for _ in range(2)]
    assert max(found) < 4 * min(found)
    assert torch.get_num_threads() == before
