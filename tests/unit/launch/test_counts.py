"""How many processes a stage would have, by the environment alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlgap.errors import ConfigError
from xlgap.launch.counts import training_processes

JOB = {"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "2"}
STEP = {
    "SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "3", "SLURM_STEP_NUM_NODES": "3",
}  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "all_and_here"),
    [
        ({}, (1, 1)),
        ({"XLGAP_PROCESSES": "16"}, (16, 16)),
        ({"XLGAP_PROCESSES": "8", "XLGAP_RENDEZVOUS": "a:29500", "XLGAP_NODES": "4"}, (32, 8)),
        ({"XLGAP_PROCESSES": "8", "XLGAP_RENDEZVOUS": "a:29500", **STEP}, (24, 8)),
        ({**JOB, "SLURM_NTASKS": "16"}, (16, 8)),
        ({**JOB, "XLGAP_PROCESSES": "4"}, (8, 4)),
        ({**JOB, "XLGAP_PROCESSES": "4", "XLGAP_LAUNCHER": "torchrun"}, (4, 4)),
    ],
)
def test_processes_are_those_that_would_be_started(
    environment: dict[str, str], all_and_here: tuple[int, int]
) -> None:
    assert training_processes(environment) == all_and_here


def test_a_hostfile_has_its_slots(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("a slots=8\nb slots=4\n")
    environment = {"XLGAP_HOSTFILE": str(tmp_path / "hosts")}
    assert training_processes(environment) == (12, 8)
    assert training_processes({**environment, "XLGAP_PROCESSES": "2"}) == (4, 2)


def test_a_wrong_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="XLGAP_PROCESSES: got '0'"):
        training_processes({"XLGAP_PROCESSES": "0"})
    with pytest.raises(ConfigError, match="XLGAP_PROCESSES: got '99999999999'"):
        training_processes({"XLGAP_PROCESSES": "99999999999"})
    with pytest.raises(ConfigError, match="XLGAP_WORKERS: got 'two'"):
        training_processes({"XLGAP_WORKERS": "two"})
