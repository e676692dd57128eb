"""A dual encoder on one and on two processes: the loss is over what stands in one micro-batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "programs" / "rank_losses.py"
TORCHRUN = ["-m", "torch.distributed.run", "--nproc_per_node", "2"]
RENDEZVOUS = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]

pytestmark = pytest.mark.e2e


def train(folder, stage, processes):
    out = folder / f"{stage}-{processes}.json"
    launcher = [*TORCHRUN, *RENDEZVOUS] if processes == 2 else []
    done = subprocess.run(
        [sys.executable, *launcher, str(PROGRAM), str(stage), str(out), str(folder / out.stem)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(out.read_text())


@pytest.mark.parametrize(("processes", "shares"), [(1, [2, 2, 1]), (2, [2, 2, 1, 0])])
def test_each_process_tells_apart_the_candidates_of_its_own_micro_batches(tmp_path, processes, shares):
    found = train(tmp_path, 0, processes)
    assert found["shares"] == shares
    assert found["losses"][0] == pytest.approx(found["first"], rel=1e-5)
    assert found["losses"][0] > 0
    sharded = train(tmp_path, 3, processes)
    assert sharded["losses"] == pytest.approx(found["losses"], rel=1e-4, abs=1e-5)
    assert sharded["weights"] == pytest.approx(found["weights"], rel=1e-5)
