"""Where all processes predict together, one that hangs is not waited for without end."""

from __future__ import annotations

import subprocess
import sys

import pytest

from xlgap.errors import TryAgainError

PROGRAM = """
import sys, time
from types import SimpleNamespace
from torch import nn
from xlgap.stages.finetune import _all_predict

study = SimpleNamespace(params=SimpleNamespace(train=SimpleNamespace(hang_seconds=1.0)))
layer = nn.Identity()
with _all_predict(study, split=sys.argv[1] == "split"):
    for _ in range(6):  # longer than the limit, all of them together
        layer(1)
        time.sleep(0.4)
    print("they go on", flush=True)
    time.sleep(4)
"""


@pytest.mark.parametrize("how", ["split", "whole"])
def test_predictions_of_a_split_network_are_watched(how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, timeout=120, check=False
    )
    assert "they go on" in done.stdout, done.stderr
    assert done.returncode == (TryAgainError.exit_code if how == "split" else 0)
    assert ("no progress for 1 seconds in the predictions: " in done.stderr) == (how == "split")
