"""The benchmark of a GPU runs through, where there is one and where it only is tried."""

import json
import subprocess
import sys
from pathlib import Path

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
    assert found["lora"]["lora"]["tiny"]["parameters"] > 0
    assert found["lora"]["torch"] == torch.__version__


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so(tmp_path):
    done = benchmark("--out", str(tmp_path))
    assert done.returncode == 2
    assert "torch sees no GPU" in done.stderr
    assert not list(tmp_path.glob("*.json"))
