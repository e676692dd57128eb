"""Checkpoints are read as tensors: a file that names code runs none."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch

from xlgap.training.safe_load import FORCE, load_tensors, tensors_only


class Bomb:
    """Unpickled without care, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_that_names_code_runs_none(tmp_path: Path) -> None:
    torch.save({"module": torch.ones(2), "more": Bomb(tmp_path / "made")}, tmp_path / "bad.pt")
    with pytest.raises(pickle.UnpicklingError):
        load_tensors(tmp_path / "bad.pt")
    with tensors_only(), pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "bad.pt", weights_only=False)  # as DeepSpeed asks for it
    assert not (tmp_path / "made").exists()
    assert FORCE not in os.environ
    torch.load(tmp_path / "bad.pt", weights_only=False)
    assert (tmp_path / "made").exists()  # so the file was armed


def test_what_deepspeed_keeps_is_read(tmp_path: Path) -> None:
    from deepspeed.runtime.fp16.loss_scaler import LossScaler
    from deepspeed.runtime.zero.config import ZeroStageEnum

    kept = {"scaler": LossScaler(1), "stage": ZeroStageEnum(2), "state": [torch.ones(3)]}
    torch.save(kept, tmp_path / "good.pt")
    found = load_tensors(tmp_path / "good.pt")
    assert found["scaler"].loss_scale == 1
    assert found["stage"] == 2
    assert torch.equal(found["state"][0], torch.ones(3))
