"""A cell of a study through its stages with a network that no process holds whole, and in one piece."""

from __future__ import annotations

import copy
import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from checkout import STUDY, Checkout
from families import CONFIGS
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen3Config

from xlgap.errors import Interrupted

pytestmark = pytest.mark.e2e

CELL = ("decoder", "inter_en", "lab_nli")
OUT = Path("results/predictions/lab_nli/decoder-inter_en")
WARM = Path("models/warm/decoder/inter_en")
TWO = {"XLGAP_PROCESSES": "2"}


def decoder(folder: Path) -> None:
    """A checkpoint of several files, causal, whose tokenizer has letters alone."""
    letters = [*pre_tokenizers.ByteLevel.alphabet()]
    vocabulary = {token: n for n, token in enumerate(sorted([*letters, "<|endoftext|>"]))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    end = {"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **end).save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = Qwen3Config(**{**CONFIGS["Qwen3"][1], "vocab_size": len(vocabulary)})
        model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder, max_shard_size="40KB")


@pytest.fixture
def study(tmp_path: Path) -> Checkout:
    """Prepared, its arm warm with a network that is split."""
    folder = tmp_path / "checkout"
    decoder(folder / "decoder")
    asked: dict[str, Any] = copy.deepcopy(STUDY)
    asked["study"]["name"] = "split"
    asked["models"] = {"decoder": {"hub": "decoder"}}
    asked["arms"] = {"inter_en": STUDY["arms"]["inter_en"]}
    steps = {"train_rows": 64, "batch_rows": 4, "epochs": 3}  # enough for a stop in the middle
    asked["tasks"] = {"lab_nli": {**STUDY["tasks"]["lab_nli"], **steps}}
    asked["train"] |= {"zero_stage": 3, "split": "on"}
    made = Checkout.make(folder, asked)
    for words in ("prepare lab_typing", "prepare lab_nli", "pretrain decoder"):
        made.xlgap(*words.split())
    made.xlgap("warmstart", *CELL[:2], **TWO)
    return made


def test_stopped_and_split_it_predicts_what_one_piece_does(study: Checkout) -> None:
    names = {path.name for path in (study.folder / WARM / "seed1").iterdir()}
    assert names == {"model.safetensors", "config.json", "facts.json"}
    change(study, checkpoint_seconds=0.001)
    stopped(study)
    change(study, checkpoint_seconds=300)
    assert "goes on after step" in study.xlgap("finetune", *CELL, **TWO).stderr
    split, of_split = predicted(study), facts(study)
    (path,) = (study.folder / "journal").glob("decoder-inter_en-lab_nli/seed1.json")
    entry = json.loads(path.read_text())  # best weights are in no checkpoint of a network that is split
    assert entry["checkpoint_predicted_bytes"] == 12 * of_split["size"]["trainable"]
    assert entry["checkpoint_measured_bytes"] >= entry["checkpoint_predicted_bytes"]
    study.run("rm", "-rf", "weights", str(OUT))
    change(study, split="off")
    study.xlgap("finetune", *CELL, **TWO)
    assert predicted(study) == split
    assert facts(study) == of_split


def change(study: Checkout, **train: Any) -> None:
    params = study.params
    params["train"] |= train
    study.write_params(params)


def stopped(study: Checkout) -> None:
    """Fine-tune, and stop it as a scheduler does."""
    process = subprocess.Popen(
        ["xlgap", "finetune", *CELL],
        cwd=study.folder,
        env={**study.environment, **TWO},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 120
    while not list((study.folder / "scratch").glob("*/phase0/step*/rank1.json")):
        assert process.poll() is None, process.stderr and process.stderr.read().decode()[-2000:]
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == Interrupted.exit_code, said.decode()[-2000:]


def predicted(study: Checkout) -> dict[str, str]:
    return {path.name: path.read_text() for path in (study.folder / OUT / "seed1").iterdir()}


def facts(study: Checkout) -> dict[str, Any]:
    (found,) = json.loads((study.folder / OUT / "cell.json").read_text())["seeds"]
    return {name: found[name] for name in ("digest", "start", "size", "encoder", "phases")}
