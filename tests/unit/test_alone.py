from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xlgap.alone import BusyError, alone
from xlgap.errors import ResultError
from xlgap.graph import write_if_changed


def test_one_run_at_a_time_also_in_one_process(tmp_path: Path) -> None:
    said = rf"another run of the study in .* is going on \(process {os.getpid()}\); wait"
    with alone(tmp_path), pytest.raises(ResultError, match=said), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


def test_who_waits_has_its_turn(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    program = (
        "import sys, time; from pathlib import Path; from xlgap.alone import alone\n"
        "with alone(Path(sys.argv[1])): print(flush=True); time.sleep(2)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(BusyError):
            write_if_changed(path, "a: 1\n")
        assert not path.exists()
        assert write_if_changed(path, "a: 1\n", patience=60)
    assert other.returncode == 0
    assert path.read_text() == "a: 1\n"


def test_a_killed_run_keeps_nobody_out(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from xlgap.alone import alone\n"
        "with alone(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == -9
    with alone(tmp_path):
        pass
