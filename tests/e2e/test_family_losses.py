"""A step of every head on every family, on two processes under ZeRO-3 as on one without."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from families import CAUSAL, CONFIGS, KINDS

from xlgap.models.tokenizer import train_tokenizer

PROGRAM = Path(__file__).parents[1] / "programs" / "family_losses.py"
TORCHRUN = ["-m", "torch.distributed.run", "--nproc_per_node", "2"]
RENDEZVOUS = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
LINES = [
    "The cat sat on the mat in 1999 and the dog ran after 25 birds.",
    "Die Katze saß auf der Matte und der Hund lief 13 Vögeln nach.",
    "Кошка сидела на коврике, а собака бежала за птицами 7 дней.",
    "猫坐在垫子上,狗追着鸟跑了三天。",
    "Where did the cat sit and when did the dog run away from home?",
] * 8
ADAPTED = ("XLM-R adapted", "mT5 adapted", "Qwen3 adapted")


def train(folder, launcher, stage):
    out = folder / f"stage{stage}.json"
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    arguments = [str(PROGRAM), str(out), str(folder / "scratch"), stage, str(folder / "tokenizer.json")]
    done = subprocess.run(
        [sys.executable, *launcher, *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(out.read_text())


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """By family what one process found, and two."""
    folder = tmp_path_factory.mktemp("families")
    train_tokenizer(LINES, folder / "tokenizer.json", vocabulary=90)
    alone, both = train(folder, [], "0"), train(folder, [*TORCHRUN, *RENDEZVOUS], "3")
    assert alone.keys() == both.keys() == {*CONFIGS, *ADAPTED}
    return {family: (alone[family], both[family]) for family in alone}


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.parametrize("family", [*CONFIGS, *ADAPTED])
def test_two_processes_under_stage_3_train_what_one_does(found, family):
    one, two = found[family]
    heads = {name for name in KINDS if name not in ("retrieve", "mine")}
    masked = {"mlm"} - {"mlm" for name in (*CAUSAL, "RemBERT") if family.startswith(name)}
    assert set(two["losses"]) == {*heads, *masked, "again"}
    for head, loss in one["losses"].items():
        # of ranking, scores are a hundred times a cosine, and so is their rounding
        assert two["losses"][head] == pytest.approx(loss, rel=2e-5 if head == "rank" else 2e-6), head
    # a gradient that is nothing but rounding moves its weight by the learning rate, up or down
    assert two["kept"] == pytest.approx(one["kept"], rel=1e-4)
    assert two["losses"]["again"] != pytest.approx(two["losses"]["classify"], rel=1e-3)
    assert one["stayed"] == two["stayed"] == []


@pytest.mark.e2e
@pytest.mark.parametrize("family", ADAPTED)
def test_of_an_adapted_model_adapters_and_heads_are_kept_alone(found, family):
    for of in found[family]:
        assert of["of_base"] == 0
        assert of["others"] == ["lora_A", "lora_B"]
