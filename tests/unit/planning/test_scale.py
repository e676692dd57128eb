"""``studies/scale.yaml``: planned without network or weights, from 0.3B to 176B parameters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILE = ROOT / "studies" / "scale.yaml"
SIZES = {
    "xlmr_base": 277_453_056, "xlmr_large": 558_840_832, "xlmr_xl": 3_475_929_600,
    "xlmr_xxl": 10_695_954_432, "mt5_small": 300_176_768, "mt5_base": 582_401_280,
    "mt5_large": 1_229_581_312, "mt5_xl": 3_742_619_648, "mt5_xxl": 12_921_057_280,
    "bloom_560m": 559_214_592, "bloom_1b1": 1_065_314_304, "bloom_3b": 3_002_557_440,
    "bloom_7b1": 7_069_016_064, "bloom_176b": 176_247_271_424,
}  # fmt: skip
PARTS = ("weights", "gradients", "optimizer", "activations", "logits", "buffers", "fragmentation")
WITHOUT_NETWORK = """
import socket, sys
def refuse(*arguments, **others): raise OSError("no network in this test")
socket.socket.connect = refuse
from xlgap.__main__ import main
code = main(sys.argv[1:])
assert not {"torch", "transformers", "deepspeed"} & set(sys.modules), "a plan needs none of them"
sys.exit(code)
"""


def command(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK, "plan", "--study", str(FILE), *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wide():
    return json.loads(command("--hardware", "8x8xh100", "--json"))


def test_every_model_is_there_with_its_exact_size(wide):
    assert {s["model"]: s["params_total"] for s in wide["stages"]} == SIZES
    assert wide["hardware"]["devices"] == 64
    assert wide["hardware"]["node_devices"] == 8


def test_every_stage_fits_and_says_how(wide):
    training = [stage for stage in wide["stages"] if stage["choice"] is not None]
    assert {stage["model"] for stage in training} == set(SIZES)
    for stage in training:
        choice, memory = stage["choice"], stage["memory"]
        assert stage["fits"] is True, stage["stage"]
        assert choice["lacking"] == ""
        parts = sum(memory[name] for name in PARTS)
        assert memory["total"] == parts - memory["overlap"] + memory["base"] <= 80 * 1024**3
        assert choice["micro_tokens"] * choice["accumulation"] >= 128 / 2
        assert stage["devices_needed"] <= 64
        assert min(stage["hours"], stage["kwh"], stage["flops"]) > 0


def test_larger_models_take_more(wide):
    for family in ("xlmr", "mt5", "bloom"):
        hours = {}
        for stage in wide["stages"]:
            if stage["model"].startswith(family):
                hours[stage["model"]] = hours.get(stage["model"], 0) + stage["hours"]
        in_order = [hours[name] for name in SIZES if name.startswith(family)]
        assert in_order == sorted(in_order)
    stages = {s["stage"]: s for s in wide["stages"]}
    largest = stages["warmstart@bloom_176b-inter_en_nli"]
    assert largest["choice"]["zero_stage"] == 3
    assert largest["memory"]["weights"] + largest["memory"]["host"] >= 2 * -(-176_247_271_424 // 64)


def test_arms_in_english_in_the_target_language_and_direct_ones_are_told_apart(wide):
    assert {s["arm"] for s in wide["stages"]} == {
        "direct_en", "direct_de", "direct_zh", "inter_en_nli", "inter_de_nli", "inter_zh_nli",
    }  # fmt: skip
    shared = [s for s in wide["stages"] if s["kind"] == "warmstart" and s["model"] == "bloom_176b"]
    assert len(shared) == 3  # once an arm, whatever the tasks
    assert wide["totals"]["unknown"] == 0


def test_the_tables_show_it_all():
    text = command("--hardware", "8xh100")
    ways = text[text.index("how each model is trained") :]
    for model in SIZES:
        assert f"│ {model} " in ways
    for word in ("ZeRO", "offload", "ckpt", "micro", "acc.", "needs", "hours", "kWh", "disk",
                 "weights", "activ.", "logits", "buffers", "a device", "host", "nvme"):  # fmt: skip
        assert word in ways, word
    assert "opt:nvme" in ways  # the largest, on one node


def test_what_does_not_fit_says_what_would(tmp_path):
    study = tmp_path / "params.yaml"
    from xlgap.config import overlaid

    raw = overlaid(ROOT / "params.yaml", FILE)
    raw["train"] |= {"offload_optimizer": False, "offload_parameters": False}
    raw["models"] = {"bloom_176b": raw["models"]["bloom_176b"]}
    study.write_text(json.dumps(raw))
    text = command("--study", str(study), "--hardware", "8xh100")
    said = next(line for line in text.splitlines() if "! does not fit: bloom_176b" in line)
    assert "of a device's memory where there are 77.6" in said
    assert "it would on 64 x h100" in said
