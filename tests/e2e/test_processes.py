"""Several processes that train together: rank 0 alone writes, and none reads what is gone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

PROGRAMS = Path(__file__).parents[1] / "programs"
LAUNCHER = ["-m", "torch.distributed.run", "--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
STAGES = {
    "models/pretrained/two": ("pretrain", "two"),
    "models/warm/two/inter_en": ("warmstart", "two", "inter_en"),
    "models/warm/two/direct_en": ("warmstart", "two", "direct_en"),
    "results/predictions/lab_ner/two-direct_en": ("finetune", "two", "direct_en", "lab_ner"),
}


def files(folder):
    return {p.relative_to(folder) for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("out", STAGES)
def test_rank_0_writes_and_removes_weights_when_all_have_read_them(study, tmp_path, out):
    params = study.params
    params["train"]["keep"] = "none"
    study.write_params(params)
    alone = files(study.folder / out)
    study.run("rm", "-rf", "weights", out)
    watch = f"{PROGRAMS / 'watch_ranks'}{os.pathsep}{study.environment['PYTHONPATH']}"
    study.xlgap(*STAGES[out], XLGAP_PROCESSES="2", WATCH_RANKS=str(tmp_path), PYTHONPATH=watch)
    assert files(study.folder / out) == alone
    assert out in (tmp_path / "rank0").read_text()
    assert not (tmp_path / "rank1").exists()
    trains = out.endswith(("inter_en", "lab_ner/two-direct_en"))
    assert (tmp_path / "read1").exists() == trains
    assert not list(study.folder.glob("weights/*/*"))


def test_no_rank_leaves_a_barrier_before_the_last_has_come(tmp_path):
    program = [*LAUNCHER, "--nproc_per_node", "4", str(PROGRAMS / "late_rank.py"), str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *program], env=environment, timeout=240, check=True)
    times = [tuple(map(float, (tmp_path / str(k)).read_text().split())) for k in range(4)]
    assert min(left for _, left in times) >= max(came for came, _ in times)
