"""Which device a rank trains on."""

import socket

import pytest

from xlgap.errors import TrainingError
from xlgap.training.engine import _own_device


def test_a_rank_has_the_device_of_its_number(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert _own_device(2) == 1


def test_more_processes_than_devices_are_told(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    with pytest.raises(TrainingError) as told:
        _own_device(2)
    assert f"4 processes train on {socket.gethostname()}, which shows them 2 CUDA" in str(told.value)
    assert "XLGAP_PROCESSES" in str(told.value)
