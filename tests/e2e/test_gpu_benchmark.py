"""The benchmark of a GPU runs through, where there is one and where it only is tried."""

import importlib
import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


def benchmark(*words):
    return subprocess.run(
        [sys.executable, str(PROGRAM), *words], capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.e2e
@pytest.mark.slow
def test_its_parts_find_what_they_say(tmp_path):
    done = benchmark("--small", "--out", str(tmp_path), "--only", "peak", "mfu", "lora")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {part: json.loads((tmp_path / f"{part}.json").read_text()) for part in ("mfu", "lora")}
    for kind in ("nli", "qa"):
        of = found["mfu"]["mfu"][kind]
        assert of["mfu"] == pytest.approx(of["flops"] / found["mfu"]["mfu"]["matrix_peak"])
        assert of["mfu"] > 0  # of a shared CPU the peak may be measured in a worse moment
    left_out = {kind: found["mfu"]["mfu"][kind]["left_out"] for kind in ("nli", "qa")}
    assert left_out["qa"] == 0  # its head reads all states, that of NLI one of a row
    assert 0.05 < left_out["nli"] < 0.4  # of two blocks
    assert found["lora"]["lora"]["tiny"]["parameters"] > 0
    assert found["lora"]["torch"] == torch.__version__


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    return importlib.import_module("gpu")


def test_of_a_part_that_takes_too_long_nothing_stays(gpu, tmp_path):
    """Of the processes that it has started, too, which would keep the device."""
    there = tmp_path / "pid"
    inner = "import sys, time, os; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}, {str(there)!r}])"
    with pytest.raises(RuntimeError, match="not done after 3 s"):
        gpu.run(["-c", outer], seconds=3)
    assert not psutil.pid_exists(int(there.read_text()))


def test_sizes_that_were_trained_stay_when_the_time_is_over(gpu, monkeypatch):
    monkeypatch.setattr(gpu, "TINY", {"one": (), "two": (), "three": ()})
    began = []

    def child(part, name, *, small, seconds):
        began.append((name, seconds))
        time.sleep(0.2)
        return {"parameters": 3}

    monkeypatch.setattr(gpu, "child", child)
    found = gpu.largest_lora(small=True, seconds=0.3)
    assert found == {
        "one": {"parameters": 3},
        "two": {"parameters": 3},
        "three": {"error": "not begun: the time is over"},
    }
    assert began[0][1] <= 0.3
    assert began[1][1] <= 0.1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(tmp_path):
    done = benchmark("--out", str(tmp_path))
    assert done.returncode == 2
    assert "torch sees no GPU" in done.stderr
    assert not list(tmp_path.glob("*.json"))
