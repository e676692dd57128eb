from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xlgap.alone import alone
from xlgap.errors import ResultError


def test_one_run_at_a_time_also_in_one_process(tmp_path: Path) -> None:
    said = rf"another run of the study in .* is going on \(process {os.getpid()}\); wait"
    with alone(tmp_path), pytest.raises(ResultError, match=said), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


def test_a_killed_run_keeps_nobody_out(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from xlgap.alone import alone\n"
        "with alone(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == -9
    with alone(tmp_path):
        pass
